"""Disables and enables a schedule (scheduling.md S-67, S-68)."""

from __future__ import annotations

from datetime import datetime

from skydag.errors import ConflictError
from skydag.model.project import StoredSchedule
from skydag.model.records import replace
from skydag.ports import Wakes
from skydag.store.schedules import ScheduleStore, wake_at

TRIES_MAX = 5                       # a firing at the same moment moves the schedule on


def disable(schedule_id: int, *, schedules: ScheduleStore, wakes: Wakes, now: datetime) -> StoredSchedule:
    """Again when it is disabled already: the time moves. Raises NotFoundError, ConflictError."""
    return _switched(schedule_id, now, schedules=schedules, wakes=wakes, now=now)


def enable(schedule_id: int, *, schedules: ScheduleStore, wakes: Wakes, now: datetime) -> StoredSchedule:
    """What fell due meanwhile is due at once (S-68): the wake-up is set to a time that has passed, or to the next."""
    return _switched(schedule_id, None, schedules=schedules, wakes=wakes, now=now)


def _switched(
    schedule_id: int, disabled_at: datetime | None, *, schedules: ScheduleStore, wakes: Wakes, now: datetime,
) -> StoredSchedule:
    for remaining in reversed(range(TRIES_MAX)):
        old = schedules.get(schedule_id)
        try:
            new = schedules.replace(old, replace(old, disabled_at=disabled_at, updated_at=now))
        except ConflictError:
            if not remaining:
                raise
            continue
        wakes.arm(schedule_id, wake_at(new))
        return new
    raise AssertionError("the loop ends by return or raise")
