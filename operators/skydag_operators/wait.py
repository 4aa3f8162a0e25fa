"""`wait>`: lets time go by, and holds nothing while it does (O-75, O-76)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Final

from skydag.errors import ConfigError
from skydag.model.values import boolean, duration, optional, required
from skydag.spi import Again, TaskRequest, TaskResult

START: Final = "wait_start_time_millis"     # Digdag's name for it in the task's state
PAUSE_MIN: Final = timedelta(seconds=1)


class Wait:
    """Asks to be called again until now is strictly after its first run plus `_command`.

    `blocking` is accepted, and makes no difference: no worker is held (O-76).
    """

    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        length = required(request.config, "_command", _duration)
        is_blocking = optional(request.config, "blocking", boolean, False)
        poll_interval = optional(request.config, "poll_interval", _duration, None)
        if is_blocking and poll_interval is not None:
            raise ConfigError("poll_interval can't be specified with blocking:true")
        now_ms = int(request.now().timestamp() * 1000)
        start_ms = int(request.state.get(START, now_ms))
        left = timedelta(milliseconds=start_ms - now_ms) + length
        if left < timedelta(0):
            return TaskResult()
        pause = left if poll_interval is None else poll_interval
        raise Again(max(pause, PAUSE_MIN).total_seconds(), {**request.state, START: start_ms})

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""


def _duration(key: str, value: Any) -> timedelta:
    try:
        return duration(key, value)
    except ConfigError as unreadable:
        raise ConfigError(f"Invalid configuration: {unreadable}") from None
