"""Task states, as Digdag names them (engine.md section 4)."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What people see of a task."""

    BLOCKED = "blocked"
    READY = "ready"
    RETRY_WAITING = "retry_waiting"
    GROUP_RETRY_WAITING = "group_retry_waiting"
    RUNNING = "running"
    PLANNED = "planned"
    GROUP_ERROR = "group_error"
    SUCCESS = "success"
    ERROR = "error"
    CANCELED = "canceled"


DONE = frozenset({State.GROUP_ERROR, State.SUCCESS, State.ERROR, State.CANCELED})
