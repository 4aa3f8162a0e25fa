"""A try that is over is kept as it was seen last, whoever writes it when (E-53, E-54)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from skydag.engine.group import Group
from skydag.local.objects import MemoryObjects
from skydag.local.table import MemoryTable
from skydag.model.params import Store
from skydag.store.tasks import TaskStore
from skydag.store.values import Blobs

AT = datetime(2025, 1, 1, tzinfo=UTC)
SEEN_LATE = Group(attempt_id=1, path="", generation=0, page="0", base=2, inherit="i:{}", version=7, started=5, done=5,
                  slots={4: 9}, created_at=AT, updated_at=AT)
SEEN_EARLY = replace(SEEN_LATE, version=6, started=1, done=1, slots={})


def _kept(*groups: tuple[Group, int]) -> tuple[object, str]:
    table = MemoryTable()
    tasks = TaskStore(table, Blobs(MemoryObjects()))
    for group, value in groups:
        tasks.keep_carry(group, (Store(params={"a": value}),), {"message": str(value)})
    stores, error = tasks.carry(1, "", 1)
    item, = table.items()
    return (stores[0].params["a"], error["message"]), item["was"]


def test_a_worker_that_saw_less_of_a_try_does_not_write_over_what_another_saw_E_54() -> None:
    """One slept between look and write; meanwhile the SLA's tasks came, left their stores, and the try ended."""
    kept, was = _kept((SEEN_LATE, 2), (SEEN_EARLY, 1))
    assert kept == (2, "2")
    assert '"sl":"4:9"' in was


def test_who_saw_more_writes_over_it() -> None:
    kept, was = _kept((SEEN_EARLY, 1), (SEEN_LATE, 2))
    assert kept == (2, "2")
    assert '"sl":"4:9"' in was
