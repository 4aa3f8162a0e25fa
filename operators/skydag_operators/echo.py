"""`echo>`: says something (O-74)."""

from __future__ import annotations

from typing import ClassVar

from skydag.model.values import required, text
from skydag.spi import TaskRequest, TaskResult


class Echo:
    """Prints `_command` where the user looks: the task's log, and standard output of a local run."""

    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False
    is_small: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        request.echo(required(request.config, "_command", text))
        return TaskResult()

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""
