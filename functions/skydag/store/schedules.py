"""Schedules: when each scheduled workflow runs next (scheduling.md S-1). Items: registry_keys.py.

The item is the truth: wakes and timers are hints to look at it. Every write is conditional on its version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from skydag.errors import NotFoundError
from skydag.model.ids import ProjectId, ScheduleId, WorkflowId, padded
from skydag.model.project import StoredSchedule
from skydag.ports import Absent, Delete, Is, Item, Lost, Put, Table
from skydag.store import counters, pages
from skydag.store import registry_keys as keys
from skydag.store.project_items import key, present, schedules_of
from skydag.store.stale import Stale
from skydag.store.times import END, to_text, to_time
from skydag.store.values import Blobs

SKIPS_KEPT = timedelta(days=90)
SHOWN_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Due times that started nothing (G-2): `count` of them in a row, from `first` to `last`, for one reason."""

    schedule_id: int
    first: datetime
    last: datetime
    count: int
    reason: str                     # skip_delayed_by, skip_on_overtime
    at: datetime                    # when it was decided


class ScheduleStore:
    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    def get(self, schedule_id: int) -> StoredSchedule:
        """NotFoundError `Resource does not exist: schedule id=5`."""
        item = self._table.get(*keys.schedule(schedule_id))
        if item is None:
            raise NotFoundError(f"Resource does not exist: schedule id={schedule_id}")
        return self._schedule(item)

    def list(self, last_id: int | None = None, count: int = SHOWN_MAX) -> Sequence[StoredSchedule]:
        """R-46: all projects, ids rising, greater than last_id, disabled and finished ones included."""
        rows = pages.rows(self._table, keys.SCHEDULES, after=None if last_id is None else padded(last_id))
        return tuple(self._schedule(item) for item in islice(rows, max(0, count)))

    def of_project(self, project_id: int, workflow: str | None = None) -> Sequence[StoredSchedule]:
        """Of one project, ids rising; with a workflow's name: one, or none. No such project: none."""
        project = self._table.get(*keys.project(project_id))
        if project is None or "deleted_at" in project:
            return ()
        revision = self._table.get(*keys.revision(project_id, project["number"]))
        held = () if revision is None else schedules_of(revision, self._blobs)
        wanted = sorted(number for name, number in held if workflow is None or name == workflow)
        return tuple(map(self._schedule, pages.in_order(self._table, [keys.schedule(number) for number in wanted])))

    def late(self, at: datetime) -> Iterator[StoredSchedule]:
        """Those enabled that should have run at that time or earlier: what `watch` looks for."""
        for item in pages.rows(self._table, keys.SCHEDULES):
            if "disabled_at" not in item and item["next_run_time"] <= to_text(at):
                yield self._schedule(item)

    def take_ids(self, count: int) -> int:
        """The first of `count` new ids."""
        return counters.take(self._table, "schedule", count)

    def change(self, old: StoredSchedule | None, new: StoredSchedule | None) -> Put | Delete:
        """One schedule's part of a push: insert, replace or delete, each only if the item still is `old`."""
        if new is None:
            assert old is not None
            pk, sk = keys.schedule(old.id)
            return Delete(pk=pk, sk=sk, condition=Is("version", old.version))
        if old is None:
            return Put(item=self._item(replace(new, version=1)), condition=Absent())
        return Put(item=self._item(replace(new, version=old.version + 1)), condition=Is("version", old.version))

    def replace(self, old: StoredSchedule, new: StoredSchedule, *, skip: Skip | None = None) -> StoredSchedule:
        """Store `new` if the item still is `old` (by version), with the record of what was skipped; `new` with its new
        version. Raises Stale, a ConflictError, if it is not."""
        new = replace(new, version=old.version + 1)
        write = self.change(old, new)
        assert isinstance(write, Put)
        try:
            if skip is None:
                self._table.put(write.item, write.condition)
            else:
                writes = (write, Put(item=_skip_item(skip)))
                self._table.transact(writes, token=pages.token("skip", writes))
        except Lost:
            raise Stale(f"schedule id={old.id} was changed meanwhile") from None
        return new

    def skips(self, schedule_id: int, count: int = 100) -> Sequence[Skip]:
        """What was skipped in the last 90 days, newest first."""
        rows = pages.rows(self._table, keys.skips(schedule_id), descending=True)
        return tuple(_skip(item) for item in islice(rows, count))

    def _item(self, schedule: StoredSchedule) -> Item:
        last, disabled = schedule.last_session_time, schedule.disabled_at
        return key(keys.schedule(schedule.id)) | present(
            id=schedule.id, project_id=schedule.project_id, project_name=schedule.project_name,
            workflow_id=schedule.workflow_id, workflow_name=schedule.workflow_name, timezone=schedule.timezone,
            config=self._blobs.keep_json(schedule.config, f"project/{schedule.project_id}"),
            next_session_time=to_text(schedule.next_session_time), next_run_time=to_text(schedule.next_run_time),
            last_session_time=None if last is None else to_text(last),
            disabled_at=None if disabled is None else to_text(disabled),
            created_at=to_text(schedule.created_at), updated_at=to_text(schedule.updated_at), version=schedule.version,
        )

    def _schedule(self, item: Item) -> StoredSchedule:
        last, disabled = item.get("last_session_time"), item.get("disabled_at")
        return StoredSchedule(
            id=ScheduleId(item["id"]), project_id=ProjectId(item["project_id"]), project_name=item["project_name"],
            workflow_id=WorkflowId(item["workflow_id"]), workflow_name=item["workflow_name"],
            timezone=item["timezone"], config=self._blobs.json(item["config"]),
            next_session_time=to_time(item["next_session_time"]), next_run_time=to_time(item["next_run_time"]),
            last_session_time=None if last is None else to_time(last),
            disabled_at=None if disabled is None else to_time(disabled),
            created_at=to_time(item["created_at"]), updated_at=to_time(item["updated_at"]), version=item["version"],
        )


def wake_at(schedule: StoredSchedule) -> datetime | None:
    """When somebody must look at it next; None while it is disabled, or when it never fires again."""
    if schedule.disabled_at is not None or schedule.next_run_time >= END:
        return None
    return schedule.next_run_time


def _skip_item(skip: Skip) -> Item:
    return {
        "pk": keys.skips(skip.schedule_id), "sk": to_text(skip.first), "schedule_id": skip.schedule_id,
        "until": to_text(skip.last), "count": skip.count, "reason": skip.reason, "at": to_text(skip.at),
        "expires_at": int((skip.at + SKIPS_KEPT).timestamp()),
    }


def _skip(item: Item) -> Skip:
    return Skip(schedule_id=item["schedule_id"], first=to_time(item["sk"]), last=to_time(item["until"]),
                count=item["count"], reason=item["reason"], at=to_time(item["at"]))
