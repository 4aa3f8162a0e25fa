from __future__ import annotations

from datetime import timedelta

import pytest
from tests.store.builders import MIDNIGHT, MemoryBucket, pushed, schedule
from tests.store.faults import every_crash, without

from skydag.errors import ConflictError, LimitError, NotFoundError
from skydag.local.table import MemoryTable
from skydag.ports import Table
from skydag.store.projects import ProjectStore
from skydag.store.schedules import ScheduleStore
from skydag.store.stale import Stale
from skydag.store.values import Blobs

ECHO = {"+a": {"echo>": "hi", "n": 1, "f": 1.0}}


@pytest.fixture
def store(table: Table) -> ProjectStore:
    return ProjectStore(table, Blobs(MemoryBucket()))


def test_r32_a_first_push_makes_the_project_and_a_second_moves_its_revision(store: ProjectStore) -> None:
    first = pushed(store, "sales", "r1", {"daily": ECHO})
    second = pushed(store, "sales", "r2", {"daily": ECHO}, at=MIDNIGHT + timedelta(days=1))
    assert (first.id, first.revision, first.created_at, first.updated_at) == (1, "r1", MIDNIGHT, MIDNIGHT)
    assert second.id == first.id
    assert (second.revision, second.created_at, second.updated_at) == ("r2", MIDNIGHT, MIDNIGHT + timedelta(days=1))
    assert store.get(1) == store.by_name("sales") == second


def test_r39_a_revision_name_is_used_once_and_nothing_changes(store: ProjectStore) -> None:
    pushed(store, "sales", "r1", {"daily": ECHO})
    with pytest.raises(ConflictError, match=r"^Resource already exists: revision=r1 in project id=1$"):
        pushed(store, "sales", "r1", {"daily": ECHO, "weekly": ECHO})
    assert [w.name for w in store.workflows(1)] == ["daily"]
    assert [w.id for w in store.all_workflows()] == [1]


def test_two_first_pushes_of_one_name_make_one_project(store: ProjectStore) -> None:
    base = store.base("sales")
    pushed(store, "sales", "r1", {})
    assert base.project is None
    with pytest.raises(Stale):
        pushed(store, "sales", "r2", {}, base=base)
    assert [p.name for p in store.list()] == ["sales"]


def test_a_push_that_was_overtaken_changes_nothing(store: ProjectStore) -> None:
    pushed(store, "sales", "r1", {"daily": ECHO})
    base = store.base("sales")
    pushed(store, "sales", "r2", {"daily": ECHO})
    with pytest.raises(Stale):
        pushed(store, "sales", "r3", {"daily": ECHO}, base=base)
    assert store.get(1).revision == "r2"
    assert [r.name for r in store.revisions(1)] == ["r2", "r1"]


def test_r31_revisions_come_newest_first_and_by_name(store: ProjectStore) -> None:
    for name in ("b", "a", "c"):
        pushed(store, "sales", name, {})
    assert [r.name for r in store.revisions(1)] == ["c", "a", "b"]
    assert [r.number for r in store.revisions(1, "a")] == [2]
    assert store.revisions(1, "none") == ()
    with pytest.raises(NotFoundError, match=r"^Resource does not exist: revision name=none in project id=1$"):
        store.revision(1, "none")
    with pytest.raises(NotFoundError, match=r"^Resource does not exist: project id=9$"):
        store.revisions(9)


def test_r27_projects_are_listed_by_id_and_found_by_part_of_their_name(store: ProjectStore) -> None:
    for name in ("a%b", "sales", "a_b", "Sales"):
        pushed(store, name, "r1", {})
    assert [p.name for p in store.list()] == ["a%b", "sales", "a_b", "Sales"]
    assert [p.name for p in store.list(last_id=1, count=2)] == ["sales", "a_b"]
    assert [p.name for p in store.list(name_pattern="%")] == ["a%b"]
    assert [p.name for p in store.list(name_pattern="ales", count=1)] == ["sales"]
    assert store.list(count=0) == ()
    assert store.by_name("sale") is None


def test_r43_workflows_of_a_revision_have_ids_in_order_of_name(store: ProjectStore) -> None:
    pushed(store, "sales", "r1", {"b": ECHO, "a": ECHO})
    pushed(store, "sales", "r2", {"c": ECHO})
    assert [(w.name, w.id) for w in store.workflows(1, "r1")] == [("a", 1), ("b", 2)]
    assert [(w.name, w.id) for w in store.workflows(1)] == [("c", 3)]
    assert [w.id for w in store.workflows(1, "r1", "b")] == [2]
    assert store.workflows(1, name="a") == ()
    with pytest.raises(NotFoundError):
        store.workflows(1, "r3")
    assert list(store.workflow(1).config["+a"].items()) == [("echo>", "hi"), ("n", 1), ("f", 1.0)]
    assert type(store.workflow(1).config["+a"]["f"]) is float


def test_r41_all_workflows_are_those_of_the_latest_revisions(store: ProjectStore) -> None:
    pushed(store, "sales", "r1", {"old": ECHO})                             # 1
    pushed(store, "shop", "r1", {"load": ECHO, "send": ECHO, "test": ECHO})    # 2 3 4
    pushed(store, "sales", "r2", {"day": ECHO, "load": ECHO})               # 5 6
    pushed(store, "empty", "r1", {})

    def ids(last_id: int | None = None, count: int = 100, **query: object) -> list[int]:
        return [w.id for w in store.all_workflows(last_id, count, **query)]     # type: ignore[arg-type]

    assert ids() == [2, 3, 4, 5, 6]
    assert ids(2) == [3, 4, 5, 6]
    assert ids(3, 2) == [4, 5]
    assert ids(4) == [5, 6]
    assert ids(6) == ids(None, 0) == []
    assert ids(is_descending=True) == [6, 5, 4, 3, 2]
    assert ids(6, is_descending=True) == [5, 4, 3, 2]
    assert ids(5, 1, is_descending=True) == [4]
    assert ids(name_pattern="load") == [2, 6]
    assert ids(name_pattern="sales") == []
    assert ids(name_pattern="sales", search_project_name=True) == [5, 6]
    assert store.workflow(1).name == "old"


def test_a_definition_whose_push_failed_does_not_exist(store: ProjectStore) -> None:
    pushed(store, "sales", "r1", {"daily": ECHO})
    with pytest.raises(ConflictError):
        pushed(store, "sales", "r1", {"daily": ECHO})
    with pytest.raises(NotFoundError, match=r"^Resource does not exist: workflow id=2$"):
        store.workflow(2)


def test_s59_more_changed_schedules_than_a_transaction_holds_are_refused_before_anything_is_seen(table: Table) -> None:
    blobs = Blobs(MemoryBucket())
    store, schedules = ProjectStore(table, blobs), ScheduleStore(table, blobs)
    pushed(store, "sales", "r1", {})
    base = store.base("sales")
    writes = [schedules.change(schedule(number), schedule(number)) for number in range(1, 100)]
    revision = store.revision(1)
    with pytest.raises(LimitError, match=r"^99 schedules get other times .* the most is 97: change them in several"):
        store.put_revision(base, "sales", revision, (), content_hash="x", writes=writes)
    assert store.revision(1) == revision


def test_a_project_of_a_thousand_workflows_and_long_definitions_is_stored(store: ProjectStore) -> None:
    pushed(store, "sales", "r1", {f"w{number:04}-{'x' * 60}": ECHO for number in range(1000)})
    pushed(store, "wide", "r1", {"w": {"+a": {"echo>": "x" * 500_000}}})
    assert len(store.workflows(1)) == 1000
    assert [w.id for w in store.all_workflows(998, 2)] == [999, 1000]
    assert len(store.workflows(2)[0].config["+a"]["echo>"]) == 500_000


def test_f3_a_crash_at_any_call_of_a_push_repeated_ends_the_same() -> None:
    bucket = MemoryBucket()

    def act(store: ProjectStore) -> None:
        try:
            pushed(store, "sales", "r2", {"daily": ECHO, "weekly": ECHO})
        except ConflictError as error:
            assert "already exists" in str(error)

    def setting(table: Table) -> ProjectStore:
        store = ProjectStore(table, Blobs(bucket))
        pushed(store, "sales", "r1", {"daily": ECHO})
        return store

    ends = every_crash(setting, act, MemoryTable)
    assert len(ends) >= 12
    for which, table, store in ends:
        assert isinstance(table, MemoryTable)
        assert [(r.name, r.number) for r in store.revisions(1)] == [("r2", 2), ("r1", 1)], which
        assert [w.name for w in store.workflows(1)] == ["daily", "weekly"], which
        assert [w.name for w in store.all_workflows()] == ["daily", "weekly"], which
        assert len(without(table.items(), "workflow#", "counter#")) == 8, which
