"""The program of py> or rb>, and what it leaves behind, `output.json` (O-97)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from skydag.errors import TaskError
from skydag.model.values import mapping, optional
from skydag.spi import TaskResult


@cache
def text(program: Path) -> str:
    """The same for all tasks of a run."""
    return program.read_text(encoding="utf-8")


def read(path: str) -> dict[str, Any] | None:
    """None if it left nothing. TaskError for what is no JSON."""
    try:
        output = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as broken:
        raise TaskError(f"output.json is not JSON: {broken} (runtime)") from None
    return mapping("output.json", output)


def result(output: Mapping[str, Any] | None) -> TaskResult:
    """Of a program that ended well. TaskError if it left nothing."""
    if output is None:
        raise TaskError("output.json does not exist. The program ended without writing its result (runtime)")
    return TaskResult(subtasks=optional(output, "subtask_config", mapping, {}),
                      export=optional(output, "export_params", mapping, {}),
                      store=optional(output, "store_params", mapping, {}))


def error(output: Mapping[str, Any] | None) -> tuple[str, list[str]] | None:
    """(`message (class)`, the lines of its backtrace) of the error that the program wrote; None if it wrote none."""
    found = output.get("error") if output is not None else None
    if not isinstance(found, Mapping):
        return None
    return f"{found.get('message')} ({found.get('class')})", [str(line) for line in found.get("backtrace", ())]
