"""The built-in variables of a task (language.md section 11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from skydag.model.session import Attempt
from skydag.model.zones import zone

_PREFIXES = ("last_session", "next_session", "last_executed_session")


def iso(at: datetime) -> str:
    """2025-01-01T00:00:00+09:00; UTC is +00:00, never Z."""
    return at.isoformat(timespec="seconds")


def variables(attempt: Attempt, task_name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """What every task of an attempt sees. params: what the task sees besides; the three schedule times among them have
    variables derived from them (L-105, S-55, S-56)."""
    out: dict[str, Any] = {
        "timezone": attempt.timezone, "session_uuid": attempt.session_uuid, "session_id": attempt.session_id,
        **_of_session(attempt.session_time, attempt.timezone),
        "project_id": attempt.project_id, "attempt_id": attempt.id, "task_name": task_name,
    }
    if attempt.retry_attempt_name is not None:
        out["retry_attempt_name"] = attempt.retry_attempt_name
    for prefix in _PREFIXES:
        moment = _parsed(params.get(f"{prefix}_time"))
        if moment is not None:
            out.update(_derived(prefix, moment.astimezone(zone(attempt.timezone))))
        elif prefix == "last_executed_session" and not params.get(f"{prefix}_time"):
            out.update(_never(prefix, attempt.timezone))
    return out


@lru_cache(maxsize=64)
def _of_session(session_time: datetime, timezone: str) -> dict[str, Any]:
    """The same for all tasks of an attempt; whoever gets it copies it."""
    at = session_time.astimezone(zone(timezone))
    return {"session_time": iso(at), **_derived("session", at)}


@lru_cache(maxsize=64)
def _never(prefix: str, timezone: str) -> dict[str, Any]:
    """There was no such session."""
    offset = datetime.fromtimestamp(0, UTC).astimezone(zone(timezone)).strftime("%z")
    empty = {f"{prefix}_{name}": "" for name in ("time", "date", "date_compact", "local_time", "unixtime")}
    return {**empty, f"{prefix}_tz_offset": offset}


def _derived(prefix: str, at: datetime) -> dict[str, Any]:
    return {
        f"{prefix}_date": at.strftime("%Y-%m-%d"), f"{prefix}_date_compact": at.strftime("%Y%m%d"),
        f"{prefix}_local_time": at.strftime("%Y-%m-%d %H:%M:%S"), f"{prefix}_tz_offset": at.strftime("%z"),
        f"{prefix}_unixtime": int(at.timestamp()),
    }


def _parsed(text: Any) -> datetime | None:
    if not isinstance(text, str) or len(text) != 25:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
