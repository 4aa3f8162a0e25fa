"""`require>`: another session of a workflow, started or joined, and waited for (E-96, O-58 .. O-62).

State between two polls, under Digdag's names:

    retry                                   polls so far
    require_kicked                          true once this task has started an attempt itself
    target_session_id, target_attempt_id    the attempt that is waited for
    rerun_on_retry_attempt_name             the name under which a finished session is run once more
    task_finish_success                     how it ended; the next run says so
    finished_at_retry                       the task's own `_retry` count when that was
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from skydag.errors import ConfigError, LimitError, NotFoundError, TaskError
from skydag.model.values import boolean, long, mapping, optional, required, text
from skydag.spi import Again, OtherAttempt, TaskRequest, TaskResult

POLL_S_MAX: Final = 10
RERUN_ON: Final = ("none", "failed", "all")
NAMES: Final = uuid.UUID("5f0a3f0e-7d6c-4b1e-9c53-6f1d3f1a6d11")    # our own space of attempt names
FORGOTTEN: Final = ("require_kicked", "target_session_id", "target_attempt_id", "rerun_on_retry_attempt_name",
                    "task_finish_success", "finished_at_retry", "retry")


class Require:
    """Succeeds when the other attempt has, or has failed and `ignore_failure` is true. A kill does not reach it."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        rerun_on = optional(request.config, "rerun_on", text, "none")
        if rerun_on not in RERUN_ON:
            raise ConfigError(f"invalid rerun_on option:{rerun_on} (one of {', '.join(RERUN_ON)})")
        state = _state(request.state, rerun_on)
        if "task_finish_success" in state:
            return _end(request, state)
        try:
            found = _found(request, state)
        except NotFoundError as unknown:
            raise TaskError(f"Dependent workflow does not exist. {_where(request.local)}"
                            f"workflowName:{request.config.get('_command')} ({unknown})") from None
        except LimitError as limit:
            raise TaskError(str(limit)) from None
        raise _next(request, state, found, rerun_on)

    def cleanup(self, request: TaskRequest) -> None:
        """What was started goes on (E-96)."""


def _state(state: Mapping[str, Any], rerun_on: str) -> dict[str, Any]:
    """What is known; when the task's `_retry` repeats a failure and `rerun_on` allows it, all begins anew (O-62)."""
    is_repeat = state.get("retry_count", 0) > state.get("finished_at_retry", 0)
    if state.get("task_finish_success") is False and is_repeat and rerun_on != "none":
        return {key: value for key, value in state.items() if key not in FORGOTTEN}
    return dict(state)


def _end(request: TaskRequest, state: Mapping[str, Any]) -> TaskResult:
    if state["task_finish_success"] or optional(request.config, "ignore_failure", boolean, False):
        return TaskResult()
    raise TaskError(f"Dependent workflow failed. Session id: {state.get('target_session_id')}, "
                    f"attempt id: {state.get('target_attempt_id')}")


def _found(request: TaskRequest, state: Mapping[str, Any]) -> OtherAttempt:
    """The attempt that is meant. One that is waited for already is looked at by its id: no limit of open attempts, and
    no expression that gives another value now, gets in the way."""
    local, config = request.local, request.config
    name = state.get("rerun_on_retry_attempt_name") or optional(local, "retry_attempt_name", text, None) or None
    if "target_attempt_id" in state:
        by_name = name is not None
        return request.workflows.attempt(state["target_attempt_id"]) if by_name \
            else request.workflows.last_attempt(state["target_session_id"])
    nothing: dict[str, Any] = {}
    return request.workflows.start(
        required(config, "_command", text), _session_time(request), project=_project(local),
        params=optional(config, "params", mapping, nothing), retry_attempt_name=name,
        once=f"{request.task_id}\0{state.get('retry_count', 0)}\0{name or ''}")


def _next(request: TaskRequest, state: dict[str, Any], found: OtherAttempt, rerun_on: str) -> Again:
    """When to look again, and with what in mind."""
    target = {"target_session_id": found.session_id, "target_attempt_id": found.attempt_id}
    if found.is_done and not found.is_started:
        if not state.get("require_kicked") and (rerun_on == "all" or (rerun_on == "failed" and not found.is_success)):
            anew = {key: value for key, value in state.items() if key not in target}
            return Again(0, anew | {"rerun_on_retry_attempt_name": str(uuid.uuid5(NAMES, request.run_id))})
        return Again(1, state | target | {
            "task_finish_success": found.is_success, "finished_at_retry": state.get("retry_count", 0)})
    if "target_attempt_id" not in state:
        state = state | target
        if found.attempt_id == request.attempt_id:
            request.log("require> names the session that this very task belongs to: it waits for itself")
    if found.is_started:
        state = state | {"require_kicked": True}
    polls = state.get("retry", 0)
    return Again(min(2 ** min(polls, POLL_S_MAX), POLL_S_MAX), state | {"retry": polls + 1})


def _project(local: Mapping[str, Any]) -> int | str | None:
    number, name = optional(local, "project_id", long, None), optional(local, "project_name", text, None)
    if number is not None and name is not None:
        raise ConfigError("Both project_id and project_name can't be set")
    return name if number is None else number


def _session_time(request: TaskRequest) -> datetime:
    given = optional(request.config, "session_time", text, None)
    if given is None:
        return request.session_time
    try:
        time = datetime.fromisoformat(given.strip())
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ConfigError("Parameter 'session_time' must be a time with its offset, such as "
                          f"2025-01-31T00:00:00+09:00, not '{given}'")
    return time


def _where(local: Mapping[str, Any]) -> str:
    words = {"project_id": "projectId", "project_name": "projectName"}
    return "".join(f"{words[key]}:{local[key]}, " for key in words if local.get(key) is not None)
