"""Which session a local run is about (S-90, C-28)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from skydag.errors import InvalidError
from skydag.local.saved import names_in
from skydag.model.patterns import pattern
from skydag.model.workflow import Workflow
from skydag.model.zones import zone

_DATE = pattern(r"\d{4}-\d\d-\d\d\Z")
_DATE_TIME = pattern(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z")
YEARS = "0002", "9998"              # so that no zone and no schedule leads out of what Python's calendar holds
_FOLDER = "%Y%m%dT%H%M%S%z"
_IS_FOLDER = pattern(r"\d{8}T\d{6}[+-]\d{4}(?:\d\d)?\Z")


def session_time(text: str, workflow: Workflow, saved: Iterable[datetime], now: datetime) -> datetime:
    """saved: session times of this workflow's earlier runs. Raises InvalidError."""
    where = zone(workflow.timezone)
    local = now.astimezone(where).replace(microsecond=0)
    if text == "last":
        times = sorted(saved, key=lambda t: t.timestamp())
        if times:
            return times[-1].astimezone(UTC)
        return _scheduled(workflow, now) if workflow.schedule else _instant(local.replace(hour=0, minute=0, second=0))
    if text == "hourly":
        return _instant(local.replace(minute=0, second=0))
    if text == "daily":
        return _instant(local.replace(hour=0, minute=0, second=0))
    if text == "schedule":
        if not workflow.schedule:
            raise InvalidError(f"--session schedule: workflow '{workflow.name}' has no schedule; give a date instead")
        return _scheduled(workflow, now)
    pattern = "%Y-%m-%d" if _DATE.match(text) else "%Y-%m-%d %H:%M:%S" if _DATE_TIME.match(text) else None
    try:
        if pattern is not None and YEARS[0] <= text[:4] <= YEARS[1]:
            return _instant(datetime.strptime(text, pattern).replace(tzinfo=where))
    except ValueError:                                  # no such day
        pass
    raise InvalidError(f"--session {text}: write last, hourly, daily, schedule, yyyy-MM-dd or 'yyyy-MM-dd HH:mm:ss'")


def _scheduled(workflow: Workflow, now: datetime) -> datetime:
    from skydag.language.timetable import Timetable  # most workflows have no schedule

    assert workflow.schedule is not None
    return Timetable(workflow.schedule, workflow.timezone).last(now).session_time


def _instant(local: datetime) -> datetime:
    """A wall clock that does not exist is moved on by the gap, as its UTC instant says (S-27)."""
    return local.astimezone(UTC)


def folder_name(at: datetime, timezone: str) -> str:
    """20250610T000000+0900 (C-25)."""
    local = at.astimezone(zone(timezone))
    return f"{local.year:04d}" + local.strftime(_FOLDER.removeprefix("%Y"))     # not each system pads years before 1000


def saved_times(save_dir: Path, workflow: str) -> list[datetime]:
    """The session times whose folder holds a file of this workflow (C-28)."""
    out = []
    for folder in save_dir.iterdir() if save_dir.is_dir() else ():
        try:
            at = datetime.fromisoformat(folder.name)    # strptime takes five milliseconds to load
        except ValueError:
            continue
        if not _IS_FOLDER.match(folder.name) or not folder.is_dir():
            continue
        if any(name.startswith((f"+{workflow}+", f"+{workflow}^")) for name in names_in(folder)):
            out.append(at)
    return out


