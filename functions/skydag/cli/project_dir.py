"""A project directory on this machine: its workflows, read and checked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from skydag.cli.options import Given
from skydag.errors import InvalidError, WorkflowError
from skydag.language.include import Reader
from skydag.model.workflow import Place, Problem, Project

T = TypeVar("T")


def directory(given: Given) -> Path:
    """--project, or the current directory; absolute."""
    path = Path(given.one("project") or ".").absolute()
    if not path.is_dir():
        raise InvalidError(f"No such directory: {given.one('project')}")
    return path


def compiled(path: Path, ignore: Collection[str] = ()) -> Project:
    """Every workflow of the directory, and every problem. ignore: codes of warnings that are left out."""
    from skydag.language.compile import compile_project

    return _read(path, lambda files, read: compile_project(files, read, ignore, _operators()))


def compiled_with_places(
    path: Path, ignore: Collection[str] = (),
) -> tuple[Project, Mapping[str, tuple[Place, ...]]]:
    """The same, and where the tasks of each workflow stand."""
    from skydag.language.compile import compile_with_places

    return _read(path, lambda files, read: compile_with_places(files, read, ignore, _operators()))


def sound(path: Path, ignore: Collection[str] = ()) -> Project:
    """The same, of a project without errors. Warnings go to standard error. WorkflowError: every error, a line each."""
    project = compiled(path, ignore)
    for problem in project.problems:
        if problem.is_warning:
            print(line_of(problem), file=sys.stderr)
    if project.errors:
        raise WorkflowError("\nerror: ".join(str(problem) for problem in project.errors))
    return project


def line_of(problem: Problem) -> str:
    """The line for a problem. A warning ends in its code, which `--ignore` takes."""
    return f"warning: {problem} [{problem.code}]" if problem.is_warning else f"error: {problem}"


def ignored_codes(given: Given, config: Mapping[str, str]) -> frozenset[str]:
    """The codes of `--ignore` and of `check.ignore` in the configuration. InvalidError for one that is none."""
    from skydag.language.codes import check_codes

    words = ",".join((config.get("check.ignore", ""), *given.all("ignore")))
    return check_codes(words.replace(",", " ").split())


def _operators() -> Collection[str]:
    from skydag.app.operators import installed

    return installed()


def _read(path: Path, compile_files: Callable[[Iterable[str], Reader], T]) -> T:
    from skydag.app.packing import listed

    try:
        return compile_files(listed(path), lambda name: (path / name).read_bytes())
    except OSError as error:
        raise InvalidError(f"{error.filename}: {error.strerror}") from error
