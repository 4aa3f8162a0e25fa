"""Schedules: when each scheduled workflow runs next (scheduling.md S-1). Items: registry_keys.py.

The item is the truth: wakes and timers are hints to look at it. Every write is conditional on its version.

A schedule exists once the latest revision of its project names it, and no longer than that. So a push puts new ones
before its transaction and deletes the old ones after it, any number of them, and nobody sees a push half done; which
definition a schedule starts (S-48) follows from the revision, too, and a push need not write what it does not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from skydag.errors import NotFoundError
from skydag.model.ids import ProjectId, ScheduleId, WorkflowId, padded
from skydag.model.project import StoredSchedule
from skydag.model.records import dataclass, replace
from skydag.ports import Is, Item, Lost, Put, Table
from skydag.store import counters, pages
from skydag.store import registry_keys as keys
from skydag.store.project_items import key, present, schedules_of, workflows_of
from skydag.store.stale import Stale
from skydag.store.times import END, to_text, to_time
from skydag.store.values import Blobs

SKIPS_KEPT = timedelta(days=90)
LEFT_OVER = timedelta(days=1)
SHOWN_MAX = 100
READ_AT_ONCE = 200


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
        live = self._live([] if item is None else [item])
        if not live:
            raise NotFoundError(f"Resource does not exist: schedule id={schedule_id}")
        return live[0]

    def list(self, last_id: int | None = None, count: int = SHOWN_MAX) -> Sequence[StoredSchedule]:
        """R-46: all projects, ids rising, greater than last_id, disabled and finished ones included."""
        rows = pages.rows(self._table, keys.SCHEDULES, after=None if last_id is None else padded(last_id))
        found: tuple[StoredSchedule, ...] = ()
        while len(found) < count and (some := tuple(islice(rows, READ_AT_ONCE))):
            found += self._live(some)
        return found[:max(0, count)]

    def of_project(self, project_id: int, workflow: str | None = None) -> Sequence[StoredSchedule]:
        """Of one project, ids rising; with a workflow's name: one, or none. No such project: none."""
        revision = self._latest([project_id]).get(project_id)
        held = () if revision is None else schedules_of(revision, self._blobs)
        wanted = sorted(number for name, number in held if workflow is None or name == workflow)
        return self._live(pages.in_order(self._table, [keys.schedule(number) for number in wanted]))

    def late(self, at: datetime) -> Iterator[StoredSchedule]:
        """Those enabled that should have run at that time or earlier: what `watch` looks for. On the way it deletes
        what a push that died has left: a day old, and of no revision."""
        for item in pages.rows(self._table, keys.SCHEDULES):
            if "disabled_at" in item or item["next_run_time"] > to_text(at):
                continue
            live = self._live([item])
            yield from live
            if not live and item["created_at"] < to_text(at - LEFT_OVER):
                self.forget([item["id"]])

    def take_ids(self, count: int) -> int:
        """The first of `count` new ids."""
        return counters.take(self._table, "schedule", count)

    def insert(self, schedules: Sequence[StoredSchedule]) -> None:
        """New ones, before the revision that names them."""
        for schedule in schedules:
            self._table.put(self._item(replace(schedule, version=1)))

    def forget(self, schedule_ids: Sequence[int]) -> None:
        """Old ones, after the revision that no longer names them."""
        for schedule_id in schedule_ids:
            self._table.delete(*keys.schedule(schedule_id))

    def change(self, old: StoredSchedule, new: StoredSchedule) -> Put:
        """One schedule's part of a push's transaction: only if the item still is `old`."""
        return Put(item=self._item(replace(new, version=old.version + 1)), condition=Is("version", old.version))

    def replace(self, old: StoredSchedule, new: StoredSchedule, *, skip: Skip | None = None) -> StoredSchedule:
        """Store `new` if the item still is `old` (by version), with the record of what was skipped; `new` with its new
        version. Raises Stale, a ConflictError, if it is not."""
        new = replace(new, version=old.version + 1)
        write = self.change(old, new)
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
            workflow_name=schedule.workflow_name, timezone=schedule.timezone,
            config=self._blobs.keep_json(schedule.config, f"project/{schedule.project_id}"),
            next_session_time=to_text(schedule.next_session_time), next_run_time=to_text(schedule.next_run_time),
            last_session_time=None if last is None else to_text(last),
            disabled_at=None if disabled is None else to_text(disabled),
            created_at=to_text(schedule.created_at), updated_at=to_text(schedule.updated_at), version=schedule.version,
        )

    def _live(self, items: Sequence[Item]) -> tuple[StoredSchedule, ...]:
        """Those of them that the latest revisions of their projects name, in their order."""
        latest = self._latest([item["project_id"] for item in items])
        named: dict[int, int] = {}                  # schedule id -> workflow id
        for revision in latest.values():
            workflows = dict(workflows_of(revision, self._blobs))
            named |= {number: workflows[name] for name, number in schedules_of(revision, self._blobs)}
        return tuple(self._schedule(item, named[item["id"]]) for item in items if item["id"] in named)

    def _latest(self, project_ids: Sequence[int]) -> dict[int, Item]:
        """The latest revision of each of these projects that is there and not deleted."""
        projects = pages.in_order(self._table, [keys.project(number) for number in dict.fromkeys(project_ids)])
        wanted = [keys.revision(item["id"], item["number"]) for item in projects if "deleted_at" not in item]
        return {item["project_id"]: item for item in pages.in_order(self._table, wanted)}

    def _schedule(self, item: Item, workflow_id: int) -> StoredSchedule:
        last, disabled = item.get("last_session_time"), item.get("disabled_at")
        return StoredSchedule(
            id=ScheduleId(item["id"]), project_id=ProjectId(item["project_id"]), project_name=item["project_name"],
            workflow_id=WorkflowId(workflow_id), workflow_name=item["workflow_name"],
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
