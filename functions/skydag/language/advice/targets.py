"""What a task names and what is not there: files, workflows, operators."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from typing import Any

from skydag.language.advice.sites import Site, Warn
from skydag.language.problems import did_you_mean

_SUFFIX = ".dig"


class Known:
    """What there is."""

    def __init__(self, files: Collection[str], operators: Collection[str] | None) -> None:
        self.operators = operators
        self.dig_files = sorted(name for name in files if name.endswith(_SUFFIX))
        self.workflows = [name.removesuffix(_SUFFIX) for name in self.dig_files if "/" not in name]


def advise(site: Site, known: Known, warn: Warn) -> None:
    path = (*site.path, site.operator_key)
    operator = site.operator or ""
    if known.operators is not None and operator not in known.operators and "$" not in operator:
        near = did_you_mean(operator.strip(), known.operators)
        warn(path, "unknown-operator", f"Unknown task type: {operator}",
             near or "the package that brings the operator is not installed here")
    target = site.command
    if not isinstance(target, str) or "$" in target:
        return
    if operator == "call":
        _called(site, target, path, known, warn)
    elif operator == "require" and not {"project_id", "project_name"} & site.body.keys():
        _required(target, path, known, warn)


def _required(target: str, path: tuple[Any, ...], known: Known, warn: Warn) -> None:
    if target not in known.workflows:
        name = target.removesuffix(_SUFFIX)
        warn(path, "missing-workflow", f"require> names a workflow that is not in the project: {target}",
             f"write '{name}', without .dig" if name in known.workflows else did_you_mean(target, known.workflows))


def _called(site: Site, target: str, path: tuple[Any, ...], known: Known, warn: Warn) -> None:
    if "_workdir" in site.body:
        return
    file = posixpath.normpath(target if target.endswith(_SUFFIX) else f"{target}{_SUFFIX}")
    if not any(name == file or name.endswith(f"/{file}") for name in known.dig_files):
        warn(path, "missing-file", f"call> names a file that is not in the project: {target}",
             did_you_mean(file, known.dig_files))
