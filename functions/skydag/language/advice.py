"""What is allowed and most likely a slip: warnings for `check` and `push` (language.md section 18)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from skydag.language.problems import did_you_mean

MAKES_NO_TASKS: Final = ("echo>", "fail>", "sh>", "rb>", "mail>", "http>", "wait>", "notify>", "require>")
NOT_READ: Final = {             # blocks of Digdag's that change nothing here
    "plugin": "operators come with Python packages that are installed, not from here",
    "agent": "where a task runs is said by docker: {image: ...}",
    "ecs": "docker: {image: ...} runs on ECS in an installation",
}
ONE_AFTER_THE_OTHER: Final = "tasks of a sequence wait for the one before; in a parallel group write '_after: [+name]'"

Path = tuple[str, ...]
Warn = Callable[[Path, str, str, str | None], None]     # path of keys, code, message, hint


def advise(definition: Mapping[str, Any], files: Collection[str], warn: Warn) -> None:
    """files: the paths of the project."""
    _task(definition, (), files, warn)


def _task(body: Mapping[str, Any], path: Path, files: Collection[str], warn: Warn) -> None:
    _export(body.get("_export"), (*path, "_export"), warn)
    _retry(body.get("_retry"), (*path, "_retry"), warn)
    operator = next((key for key in body if key.endswith(">")), None)
    if operator is not None:
        _leaf(operator, body, path, files, warn)
    for key, child in body.items():
        if not key.startswith("+"):
            continue
        for part in child if isinstance(child, list) else (child,):
            if isinstance(part, Mapping):
                _task(part, (*path, key), files, warn)


def _leaf(operator: str, body: Mapping[str, Any], path: Path, files: Collection[str], warn: Warn) -> None:
    if "_parallel" in body and operator in MAKES_NO_TASKS:
        warn((*path, "_parallel"), "no-effect", f"_parallel has no effect beside {operator}",
             "it belongs to the group whose tasks shall run beside each other")
    _not_read(body, path, warn)
    for key in ("depends_on", "after"):
        if key in body:
            warn((*path, key), "no-effect", f"{key} is no word of the language", ONE_AFTER_THE_OTHER)
    target = body[operator]
    if operator == "call>" and isinstance(target, str) and "$" not in target and "_workdir" not in body:
        file = posixpath.normpath(target if target.endswith(".dig") else f"{target}.dig")
        known = [name for name in files if name.endswith(".dig")]
        if not any(name == file or name.endswith(f"/{file}") for name in known):
            warn((*path, operator), "missing-file", f"call> names a file that is not in the project: {target}",
                 did_you_mean(file, known))


def _export(export: Any, path: Path, warn: Warn) -> None:
    if not isinstance(export, Mapping):
        return
    _not_read(export, path, warn)
    for key in export:
        if key == "_type" or key.endswith(">"):
            warn((*path, key), "hijack", f"a parameter named {key} makes every task below run this operator",
                 "rename it")
        elif key == "_retry":
            warn((*path, key), "retry-everywhere", "_retry in _export retries every task below, too",
                 "write it beside _export to retry this one only")


def _not_read(values: Mapping[str, Any], path: Path, warn: Warn) -> None:
    for key, hint in NOT_READ.items():
        if isinstance(values.get(key), Mapping):
            warn((*path, key), "no-effect", f"{key}: has no effect here", hint)


def _retry(retry: Any, path: Path, warn: Warn) -> None:
    limit = retry.get("limit") if isinstance(retry, Mapping) else retry
    if isinstance(limit, int) and not isinstance(limit, bool) and limit < 0:
        warn(path, "no-effect", f"_retry: {limit} means no retry", None)
