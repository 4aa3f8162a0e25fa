"""`fail>`: fails on purpose (O-73)."""

from __future__ import annotations

from typing import ClassVar

from skydag.errors import TaskError
from skydag.model.values import optional, text
from skydag.spi import TaskRequest, TaskResult


class Fail:
    """Fails the task with `_command` as its message, to the letter; `${error.message}` in `_error` equals it."""

    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False
    is_small: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        raise TaskError(optional(request.config, "_command", text, ""))

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""
