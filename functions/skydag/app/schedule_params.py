"""The session params of a workflow that has a schedule (S-52 to S-54): from the schedule and the session time alone."""

from __future__ import annotations

from datetime import datetime

from skydag.model.project import StoredWorkflow
from skydag.model.zones import zone


def schedule_params(
    workflow: StoredWorkflow, session_time: datetime, *, last_executed: datetime | None = None,
) -> dict[str, str]:
    """What an attempt's params get on top of those given at its start, which these replace (S-52).

    last_executed: the session before, where the schedule or a backfill starts this one (S-54, S-80)."""
    params: dict[str, str] = {}
    if workflow.schedule is not None:
        from skydag.language.timetable import Timetable  # most workflows have no schedule

        timetable = Timetable(workflow.schedule, workflow.timezone)
        params["last_session_time"] = shown(timetable.last(session_time).session_time, workflow.timezone)
        params["next_session_time"] = shown(timetable.next(session_time).session_time, workflow.timezone)
    if last_executed is not None:
        params["last_executed_session_time"] = shown(last_executed, workflow.timezone)
    return params


def shown(time: datetime, timezone: str) -> str:
    """yyyy-MM-ddTHH:mm:ss±hh:mm in that zone, +00:00 for UTC (S-53)."""
    return time.astimezone(zone(timezone)).isoformat(timespec="seconds")
