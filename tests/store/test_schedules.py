from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.store.builders import HOUR, NOON, MemoryBucket, pushed, schedule

from skydag.errors import NotFoundError
from skydag.ports import Table
from skydag.store.projects import ProjectStore
from skydag.store.schedules import ScheduleStore, Skip, wake_at
from skydag.store.stale import Stale
from skydag.store.times import END
from skydag.store.values import Blobs


@pytest.fixture
def store(table: Table) -> ScheduleStore:
    return ScheduleStore(table, Blobs(MemoryBucket()))


def inserted(store: ScheduleStore, table: Table, number: int, **more: object) -> None:
    write = store.change(None, schedule(number, **more))
    table.transact([write], token=f"insert-{number}")


def test_s1_a_schedule_comes_back_as_it_was_stored(store: ScheduleStore, table: Table) -> None:
    wanted = schedule(5, last_session_time=NOON - HOUR, disabled_at=NOON, config={"cron>": "0 * * * *", "n": 1.0})
    table.transact([store.change(None, wanted)], token="insert")
    assert store.get(5) == replace(wanted, version=1)
    with pytest.raises(NotFoundError, match=r"^Resource does not exist: schedule id=6$"):
        store.get(6)


def test_r46_schedules_are_listed_by_id(store: ScheduleStore, table: Table) -> None:
    for number in (3, 11, 2):
        inserted(store, table, number)
    assert [s.id for s in store.list()] == [2, 3, 11]
    assert [s.id for s in store.list(last_id=2, count=1)] == [3]


def test_r46_schedules_of_a_project_are_those_of_its_latest_revision(store: ScheduleStore, table: Table) -> None:
    projects = ProjectStore(table, Blobs(MemoryBucket()))
    inserted(store, table, 1, workflow_name="a")
    inserted(store, table, 2, workflow_name="b")
    pushed(projects, "sales", "r1", {}, schedules=(("a", 1), ("b", 2)))
    assert [s.id for s in store.of_project(1)] == [1, 2]
    assert [s.id for s in store.of_project(1, "b")] == [2]
    assert store.of_project(1, "c") == store.of_project(9) == ()
    pushed(projects, "sales", "r2", {}, schedules=(("b", 2),))
    assert [s.id for s in store.of_project(1)] == [2]


def test_a_schedule_is_replaced_only_as_it_was_read(store: ScheduleStore, table: Table) -> None:
    inserted(store, table, 5)
    old = store.get(5)
    new = store.replace(old, replace(old, next_run_time=NOON + HOUR))
    assert (new.version, store.get(5)) == (2, new)
    with pytest.raises(Stale):
        store.replace(old, replace(old, next_run_time=NOON))
    assert store.get(5) == new


def test_g2_a_skip_is_recorded_with_the_change_that_makes_it(store: ScheduleStore, table: Table) -> None:
    inserted(store, table, 5)
    old = store.get(5)
    skip = Skip(schedule_id=5, first=NOON, last=NOON + HOUR, count=2, reason="skip_delayed_by", at=NOON + 3 * HOUR)
    store.replace(old, replace(old, next_session_time=NOON + 2 * HOUR), skip=skip)
    assert store.skips(5) == (skip,)
    with pytest.raises(Stale):
        store.replace(old, old, skip=replace(skip, first=NOON + HOUR))
    assert store.skips(5) == (skip,)


def test_watch_finds_what_is_late_and_enabled(store: ScheduleStore, table: Table) -> None:
    inserted(store, table, 1, next_run_time=NOON)
    inserted(store, table, 2, next_run_time=NOON + timedelta(seconds=1))
    inserted(store, table, 3, next_run_time=NOON, disabled_at=NOON)
    inserted(store, table, 4, next_run_time=END)
    assert [s.id for s in store.late(NOON)] == [1]


def test_s68_a_disabled_or_finished_schedule_wants_no_wake() -> None:
    assert wake_at(schedule()) == NOON
    assert wake_at(schedule(disabled_at=NOON)) is None
    assert wake_at(schedule(next_run_time=END)) is None
