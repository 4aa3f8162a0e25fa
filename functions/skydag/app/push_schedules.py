"""What a push does to a project's schedules (S-59 to S-64): matched by workflow name, seen with the revision."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from skydag.language.timetable import Timetable
from skydag.model.ids import ScheduleId
from skydag.model.project import StoredSchedule, StoredWorkflow
from skydag.model.records import dataclass, replace
from skydag.ports import Put
from skydag.store.projects import Base
from skydag.store.schedules import ScheduleStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    kept: tuple[StoredSchedule, ...]            # as they are after the push, in order of workflow name
    fresh: tuple[StoredSchedule, ...]           # those of them that are new: to be inserted before the revision
    gone: tuple[StoredSchedule, ...]            # their workflow vanished or lost its schedule (S-61): forgotten then
    writes: tuple[Put, ...]                     # the others that change, in the revision's transaction


def changes(
    store: ScheduleStore, base: Base, workflows: Sequence[StoredWorkflow], schedule_from: datetime | None,
    cleared: Collection[str], now: datetime,
) -> Changes:
    """workflows: those of the new revision. cleared: names whose schedule starts anew (S-62)."""
    present = () if base.project is None else store.of_project(base.project_id)
    existing = {schedule.workflow_name: schedule for schedule in present}
    wanted = [workflow for workflow in workflows if workflow.schedule is not None]
    ids = _ids(store, [workflow.name for workflow in wanted if workflow.name not in existing])
    kept: list[StoredSchedule] = []
    fresh: list[StoredSchedule] = []
    writes: list[Put] = []
    for workflow in wanted:
        old = existing.pop(workflow.name, None)
        if old is None:
            new = _inserted(workflow, ids[workflow.name], schedule_from or now, now)
            fresh.append(new)
        else:
            new = _updated(workflow, old, schedule_from or now, workflow.name in cleared)
            if new != replace(old, workflow_id=workflow.id):
                writes.append(store.change(old, replace(new, updated_at=now.replace(microsecond=0))))
        kept.append(new)
    return Changes(kept=tuple(kept), fresh=tuple(fresh), gone=tuple(existing.values()), writes=tuple(writes))


def _ids(store: ScheduleStore, names: Sequence[str]) -> dict[str, ScheduleId]:
    first = store.take_ids(len(names)) if names else 0
    return {name: ScheduleId(number) for number, name in enumerate(names, first)}


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
    workflow: StoredWorkflow, old: StoredSchedule, start: datetime, is_cleared: bool,
) -> StoredSchedule:
    assert workflow.schedule is not None
    last = None if is_cleared else old.last_session_time
    timetable = Timetable(workflow.schedule, workflow.timezone)
    firing = timetable.first(start) if last is None else timetable.next(last)
    return replace(
        old, workflow_id=workflow.id, timezone=workflow.timezone, config=workflow.schedule,
        next_session_time=firing.session_time, next_run_time=firing.run_time, last_session_time=last)
