"""What an operator of another distribution left behind must be what JSON can say: it is stored, and it travels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from skydag.errors import TaskError
from skydag.spi import TaskResult


def checked(result: Any) -> TaskResult:
    """Raises TaskError, in words for the operator's author."""
    if not isinstance(result, TaskResult):
        raise TaskError(f"the operator's run gave {type(result).__name__}, not a TaskResult")
    check_json(store=result.store, export=result.export, subtasks=result.subtasks)
    return result


def check_json(**values: Any) -> None:
    """Raises TaskError that names the place of the first value that JSON cannot say."""
    for name, value in values.items():
        if value:
            try:
                json.dumps(value)
            except (TypeError, ValueError, RecursionError) as refused:
                raise TaskError("the operator left what no JSON can say: "
                                f"{_stranger(name, value) or f'{name}: {refused}'}") from None


def _stranger(place: str, value: Any, depth: int = 0) -> str | None:
    if depth > 100 or value is None or isinstance(value, str | int | float):
        return None
    if isinstance(value, Mapping):
        for key in value:
            if not (key is None or isinstance(key, str | int | float)):
                return f"a key of {place} is a {type(key).__name__}"
        return _first(_stranger(f"{place}.{key}", one, depth + 1) for key, one in value.items())
    if isinstance(value, list | tuple):
        return _first(_stranger(f"{place}[{number}]", one, depth + 1) for number, one in enumerate(value))
    return f"{place} is a {type(value).__name__}"


def _first(found: Any) -> str | None:
    return next((one for one in found if one is not None), None)
