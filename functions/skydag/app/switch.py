"""Disables and enables a schedule (scheduling.md S-67, S-68)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from skydag.model.project import StoredSchedule
from skydag.ports import Wakes
from skydag.store.schedules import ScheduleStore


def disable(schedule_id: int, *, schedules: ScheduleStore, wakes: Wakes, now: datetime) -> StoredSchedule:
    """Again when it is disabled already: the time moves. Raises NotFoundError, ConflictError."""
    old = schedules.get(schedule_id)
    new = schedules.replace(old, replace(old, disabled_at=now, updated_at=now))
    wakes.arm(schedule_id, None)
    return new


def enable(schedule_id: int, *, schedules: ScheduleStore, wakes: Wakes, now: datetime) -> StoredSchedule:
    """What fell due meanwhile is due at once (S-68): the wake-up is set to a time that has passed, or to the next."""
    old = schedules.get(schedule_id)
    new = schedules.replace(old, replace(old, disabled_at=None, updated_at=now))
    wakes.arm(schedule_id, new.next_run_time)
    return new
