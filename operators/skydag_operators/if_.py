"""`if>`: one of two bodies (E-91, O-72)."""

from __future__ import annotations

from typing import Any, ClassVar

from skydag.errors import ConfigError
from skydag.model.values import boolean, mapping, optional, required
from skydag.spi import TaskRequest, TaskResult


class If:
    """`_do` when `_command` is true, else `_else_do`; the chosen one may be missing. The condition is read first."""

    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False
    is_small: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        condition = required(request.config, "_command", boolean)
        nothing: dict[str, Any] = {}
        body = optional(request.config, "_do", mapping, nothing)
        otherwise = optional(request.config, "_else_do", mapping, nothing)
        if not body and not otherwise:
            raise ConfigError("Both _do and _else_do are not specified.")
        return TaskResult(subtasks=body if condition else otherwise)

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""
