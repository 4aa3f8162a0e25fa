from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.store.builders import HOUR, NOON, MemoryBucket, pushed, schedule

from skydag.errors import NotFoundError
from skydag.model.ids import WorkflowId
from skydag.model.project import StoredSchedule
from skydag.ports import Table
from skydag.store.projects import ProjectStore
from skydag.store.schedules import ScheduleStore, Skip, wake_at
from skydag.store.stale import Stale
from skydag.store.times import END
from skydag.store.values import Blobs


@pytest.fixture
def store(table: Table) -> ScheduleStore:
    return ScheduleStore(table, Blobs(MemoryBucket()))


ECHO = {"+a": {"echo>": "hi"}}


def named(table: Table, *schedules: StoredSchedule, project: str = "sales", revision: str = "r1") -> None:
    """The schedules, and a revision of a project that names them: id 1, if it is the first project."""
    store = ScheduleStore(table, Blobs(MemoryBucket()))
    store.insert(schedules)
    pushed(ProjectStore(table, Blobs(MemoryBucket())), project, revision,
           {one.workflow_name: ECHO for one in schedules}, schedules=tuple((s.workflow_name, s.id) for s in schedules))


def of(number: int, workflow: str = "daily", project_id: int = 1, **more: object) -> StoredSchedule:
    return schedule(number, workflow_name=workflow, project_id=project_id, **more)


def test_s1_a_schedule_comes_back_as_it_was_stored_with_the_definition_of_the_latest_revision(
    store: ScheduleStore, table: Table,
) -> None:
    wanted = of(5, last_session_time=NOON - HOUR, disabled_at=NOON, config={"cron>": "0 * * * *", "n": 1.0})
    named(table, wanted)
    assert store.get(5) == replace(wanted, version=1, workflow_id=WorkflowId(1))
    named(table, wanted, revision="r2")
    assert store.get(5).workflow_id == 2, "S-48"
    with pytest.raises(NotFoundError, match=r"^Resource does not exist: schedule id=6$"):
        store.get(6)


def test_r46_schedules_are_listed_by_id(store: ScheduleStore, table: Table) -> None:
    named(table, of(3, "a"), of(11, "b"))
    named(table, of(2, "a", 2), project="shop")
    assert [(s.id, s.workflow_id) for s in store.list()] == [(2, 3), (3, 1), (11, 2)]
    assert [s.id for s in store.list(last_id=2, count=1)] == [3]
    assert store.list(count=0) == ()


def test_a_schedule_that_no_latest_revision_names_does_not_exist(store: ScheduleStore, table: Table) -> None:
    store.insert([of(1, "a"), of(2, "b")])
    assert store.list() == ()
    named(table, of(1, "a"), of(2, "b"))
    assert [s.id for s in store.of_project(1)] == [1, 2]
    assert [s.id for s in store.of_project(1, "b")] == [2]
    assert store.of_project(1, "c") == store.of_project(9) == ()
    named(table, of(2, "b"), revision="r2")
    assert [s.id for s in store.of_project(1)] == [s.id for s in store.list()] == [2]
    with pytest.raises(NotFoundError):
        store.get(1)


def test_a_schedule_is_replaced_only_as_it_was_read(store: ScheduleStore, table: Table) -> None:
    named(table, of(5))
    old = store.get(5)
    new = store.replace(old, replace(old, next_run_time=NOON + HOUR))
    assert (new.version, store.get(5)) == (2, new)
    with pytest.raises(Stale):
        store.replace(old, replace(old, next_run_time=NOON))
    assert store.get(5) == new


def test_g2_a_skip_is_recorded_with_the_change_that_makes_it(store: ScheduleStore, table: Table) -> None:
    named(table, of(5))
    old = store.get(5)
    skip = Skip(schedule_id=5, first=NOON, last=NOON + HOUR, count=2, reason="skip_delayed_by", at=NOON + 3 * HOUR)
    store.replace(old, replace(old, next_session_time=NOON + 2 * HOUR), skip=skip)
    assert store.skips(5) == (skip,)
    with pytest.raises(Stale):
        store.replace(old, old, skip=replace(skip, first=NOON + HOUR))
    assert store.skips(5) == (skip,)


def test_watch_finds_what_is_late_and_enabled(store: ScheduleStore, table: Table) -> None:
    named(table, of(1, "a", next_run_time=NOON), of(2, "b", next_run_time=NOON + timedelta(seconds=1)),
          of(3, "c", next_run_time=NOON, disabled_at=NOON), of(4, "d", next_run_time=END))
    assert [s.id for s in store.late(NOON)] == [1]


def test_watch_deletes_what_a_push_that_died_left_a_day_ago(store: ScheduleStore, table: Table) -> None:
    store.insert([of(1, created_at=NOON - timedelta(days=1)), of(2, created_at=NOON - timedelta(days=1, seconds=1))])
    assert list(store.late(NOON)) == []
    assert table.get("schedules", "000000000001") is not None
    assert table.get("schedules", "000000000002") is None


def test_s68_a_disabled_or_finished_schedule_wants_no_wake() -> None:
    assert wake_at(schedule()) == NOON
    assert wake_at(schedule(disabled_at=NOON)) is None
    assert wake_at(schedule(next_run_time=END)) is None
