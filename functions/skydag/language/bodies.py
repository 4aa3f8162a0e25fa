"""Bodies that come to be tasks while an attempt runs: made by an operator, or `_error` and `_check` of a task.

They are data already, so nothing here reads YAML: a function that runs an attempt never loads what compiles files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skydag.errors import WorkflowError
from skydag.language.problems import PROBLEMS_MAX
from skydag.language.tree import Path, build
from skydag.model.workflow import Task


def compile_tasks(name: str, prefix: str, body: Mapping[str, Any]) -> tuple[Task, ...]:
    """The tasks of a body that was made at run time. name: `^sub`, `^check`, `^error` ...; prefix: full name of the
    task it hangs below. WorkflowError with all mistakes, one a line; the names in it tell where."""
    mistakes: list[str] = []

    def report(path: Path, code: str, message: str, hint: str | None) -> None:
        where = f"{prefix}{name}{''.join(key for key in path if key.startswith('+'))}"
        told = message if where in message else f"{where}: {message}"
        mistakes.append(told + (f"; {hint}" if hint else ""))
        if len(mistakes) >= PROBLEMS_MAX:
            raise WorkflowError("\n".join(mistakes))

    tasks = build(name, prefix, body, report)
    if mistakes:
        raise WorkflowError("\n".join(mistakes))
    return tasks


def check_exports(workflow: str, definition: Mapping[str, Any]) -> None:
    """Digdag refuses a broken `_export` of a task when an attempt starts, not at push (L-122). WorkflowError."""

    def check(body: Mapping[str, Any], full_name: str) -> None:
        if not isinstance(body.get("_export"), Mapping | None):
            raise WorkflowError(f"{full_name}: Parameter '_export' must be an object")
        for key, child in body.items():
            if key.startswith("+"):
                for part in child if isinstance(child, list) else (child,):
                    if isinstance(part, Mapping) and part.get("_disable") in (None, False, "false"):
                        check(part, full_name + key)

    check(definition, f"+{workflow}")
