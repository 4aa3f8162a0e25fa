"""`notify>`: tells whoever subscribed (O-83). The engine uses it, too: `^failure-alert`, `^sla^alert`."""

from __future__ import annotations

from typing import ClassVar

from skydag.model.values import required, text
from skydag.spi import TaskRequest, TaskResult


class Notify:
    """Sends `_command` as one notification about this task."""

    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        request.notify(required(request.config, "_command", text))
        return TaskResult()

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""
