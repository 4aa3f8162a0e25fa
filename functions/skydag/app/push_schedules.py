"""What a push does to a project's schedules (S-59 to S-64): matched by workflow name, in the revision's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from skydag.language.timetable import Timetable
from skydag.model.ids import ScheduleId
from skydag.model.project import StoredSchedule, StoredWorkflow
from skydag.ports import Delete, Put
from skydag.store.projects import Base
from skydag.store.schedules import ScheduleStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    kept: tuple[StoredSchedule, ...]            # as they are after the push, in order of workflow name
    gone: tuple[StoredSchedule, ...]            # their workflow vanished or lost its schedule (S-61)
    writes: tuple[Put | Delete, ...]            # for ProjectStore.put_revision


def changes(
    store: ScheduleStore, base: Base, workflows: Sequence[StoredWorkflow], schedule_from: datetime | None,
    cleared: Collection[str], now: datetime,
) -> Changes:
    """workflows: those of the new revision. cleared: names whose schedule starts anew (S-62)."""
    present = () if base.project is None else store.of_project(base.project_id)
    existing = {schedule.workflow_name: schedule for schedule in present}
    wanted = [workflow for workflow in workflows if workflow.schedule is not None]
    fresh = [workflow.name for workflow in wanted if workflow.name not in existing]
    first_id = store.take_ids(len(fresh)) if fresh else 0
    kept: list[StoredSchedule] = []
    writes: list[Put | Delete] = []
    for workflow in wanted:
        old = existing.pop(workflow.name, None)
        if old is None:
            schedule_id = first_id + fresh.index(workflow.name)
            new = _inserted(workflow, ScheduleId(schedule_id), schedule_from or now, now)
        else:
            new = _updated(workflow, old, schedule_from or now, workflow.name in cleared, now)
        kept.append(new)
        writes.append(store.change(old, new))
    gone = tuple(existing.values())
    return Changes(kept=tuple(kept), gone=gone, writes=(*writes, *(store.change(old, None) for old in gone)))


def _inserted(workflow: StoredWorkflow, schedule_id: ScheduleId, start: datetime, now: datetime) -> StoredSchedule:
    assert workflow.schedule is not None
    firing = Timetable(workflow.schedule, workflow.timezone).first(start)
    now = now.replace(microsecond=0)
    return StoredSchedule(
        id=schedule_id, project_id=workflow.project_id, project_name=workflow.project_name, workflow_id=workflow.id,
        workflow_name=workflow.name, timezone=workflow.timezone, config=workflow.schedule,
        next_session_time=firing.session_time, next_run_time=firing.run_time, last_session_time=None,
        disabled_at=None, created_at=now, updated_at=now)


def _updated(
    workflow: StoredWorkflow, old: StoredSchedule, start: datetime, is_cleared: bool, now: datetime,
) -> StoredSchedule:
    assert workflow.schedule is not None
    last = None if is_cleared else old.last_session_time
    timetable = Timetable(workflow.schedule, workflow.timezone)
    firing = timetable.first(start) if last is None else timetable.next(last)
    return replace(
        old, workflow_id=workflow.id, timezone=workflow.timezone, config=workflow.schedule,
        next_session_time=firing.session_time, next_run_time=firing.run_time, last_session_time=last,
        updated_at=now.replace(microsecond=0))
