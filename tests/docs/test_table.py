"""docs/table.md and what is really written: no item or attribute that it does not know, and none that only it knows.

Written by runs: the registry over pushes, schedules, retries and kills; an attempt of every kind of task; and records
with every field set, for attributes that take a rare day to appear.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.app.registry_world import NOW, scheduled
from tests.app.registry_world import World as Registry
from tests.docs.table import PAGE, kind_of, kinds, names
from tests.engine.observed import WORKFLOWS, Observed, Watched
from tests.store import builders

from skydag.app.stream import SET_ASIDE_AFTER, Record
from skydag.engine.group import Group, Owner
from skydag.engine.leaf import Leaf
from skydag.local.objects import MemoryObjects
from skydag.model.params import Store
from skydag.model.task import State
from skydag.store import attempt_items, project_items, task_items
from skydag.store.flights import CONTAINER, WORK, FlightStore, Seat, Waiting
from skydag.store.shared_params import TableParams
from skydag.store.tasks import TaskStore
from skydag.store.values import Blobs

AT = datetime(2025, 6, 10, tzinfo=UTC)


def _full_group() -> Mapping[str, Any]:
    return task_items.group_item(Group(
        attempt_id=1, path="0000000", generation=1, page="1", base=2, inherit="i:{}", state=State.GROUP_RETRY_WAITING,
        version=3, started=7, unconfirmed=1, done=6, failed=2, canceled=4, erred=1, stored=2, slots={0: 9},
        owner=Owner(ordinal=1, token="t"),
        is_cancel_requested=True, delayed=State.GROUP_ERROR, is_parent_wide=True, retry_count=1, retry_at=AT, carry=1,
        created_at=AT, updated_at=AT, due_at=AT), "a")


def _full_leaf() -> Mapping[str, Any]:
    return task_items.leaf_item(Leaf(
        attempt_id=1, path="0000000", number=2, run=1, token="t", state=State.RUNNING, started_at=AT, updated_at=AT,
        deadline=AT, retry_at=AT, state_params={"a": 1}, export={"b": 1}, store=Store(params={"c": 1}),
        error={"message": "m"}, output="o", generated=2, generated_first=9, is_cancel_requested=True, container="c",
        carry=1, lost=1, secrets=("app.token",), parent_page="0", seat="work-1",
        definition={"config": {}, "export": {}}), "n", str)


def _flights() -> Iterator[Mapping[str, Any]]:
    registry = Registry()
    flights = FlightStore(registry.table)
    flights.take(Seat(kind=WORK, number=1, attempt_id=1, path="0000000", run=1, since=AT, until=AT))
    flights.wait(Waiting(kind=CONTAINER, attempt_id=1, path="0000000", token="t", at=AT))
    yield from registry.table.items()       # type: ignore[attr-defined]


def _segment() -> Iterator[Mapping[str, Any]]:
    """As app/flow has the store write it: a sequence of more than 16 children, some of which store and fail."""
    registry = Registry()
    tasks = TaskStore(registry.table, Blobs(registry.objects))
    group = task_items.group_from(_full_group())
    tasks.add_to_segment(group, 1, {17: [Store(params={"a": 1})]}, {18: {"message": "m"}}, (Store(params={"b": 1}),))
    yield from registry.table.items()       # type: ignore[attr-defined]


def _registry() -> Iterator[Mapping[str, Any]]:
    world = Registry()
    files = {"daily.dig": scheduled("hourly>: '00:00'; skip_delayed_by: 10m", "sla:\n  duration: 01:00:00\n")}
    world.push(files, user_info={"who": "me"})
    world.tick(NOW + timedelta(minutes=25))
    world.tick(NOW + timedelta(hours=5))        # later than skip_delayed_by
    workflow = world.projects.workflow(1)
    attempt = world.start(workflow, AT, params={"a": 1}, now=NOW)
    world.attempts.request_cancel(attempt.id, NOW)
    world.attempts.finish(attempt.id, success=False, now=NOW)
    again = world.start(workflow, AT, params={}, retry_attempt_name="again", now=NOW)
    world.attempts.take_task_numbers(again.id, 1, None)
    world.attempts.finish(again.id, success=True, now=NOW)
    blobs = Blobs(MemoryObjects())
    world.schedules.insert([builders.schedule(8, last_session_time=AT, disabled_at=AT)])
    yield from world.table.items()              # type: ignore[attr-defined]
    project = world.projects.get(1)
    yield project_items.project_item(replace(project, deleted_at=AT), number=1, workflows="")
    yield attempt_items.attempt_item(replace(again, resume="1:1:r"), request="r", task_count=1, blobs=blobs)
    yield project_items.workflow_item(builders.workflow(schedule={"daily>": "1"}, sla={"time": "1"}), blobs)


def _shared() -> Iterator[Mapping[str, Any]]:
    registry = Registry()
    TableParams(registry.table, Blobs(registry.objects), lambda: AT).set({"a": "1", "b": "2"})
    yield from registry.table.items()           # type: ignore[attr-defined]


def _attempts(folder: Any) -> Iterator[Mapping[str, Any]]:
    for name in WORKFLOWS:
        world = Observed(folder, name, Watched(), is_direct=True).run().world
        yield from world.table.items()
    attempt_id = 1
    group = world.table.get(f"attempt#{attempt_id:012d}", "t")
    assert group is not None
    world.application.stream._advance = None    # type: ignore[assignment]     # nothing can be processed: set aside
    for number in range(SET_ASIDE_AFTER):
        world.application.stream([Record(id=str(number), image={**group, "act": "a"})], AT)
    yield from world.table.items()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Kind -> attributes of all items of that kind; each item is of one kind that the page knows."""
    folder = tmp_path_factory.mktemp("table")
    for name, text in WORKFLOWS.items():
        (folder / f"{name}.dig").write_text(f"        _export: {{long: {'x' * 400}}}{text}")
    found: dict[str, set[str]] = defaultdict(set)
    for item in [_full_group(), _full_leaf(), *_segment(), *_flights(), *_registry(), *_shared(),
                 *_attempts(folder)]:
        found[kind_of(item).name] |= names(item)
    return found


def test_every_kind_of_item_on_the_page_is_written_and_no_other(written: dict[str, set[str]]) -> None:
    assert set(written) == {kind.name for kind in kinds()}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_the_page_names_exactly_the_attributes_that_are_written(kind: Any, written: dict[str, set[str]]) -> None:
    assert written[kind.name] == set(kind.attributes)


def test_the_conditions_that_the_page_names_are_names_in_the_code() -> None:
    store = Path(__file__).parents[2] / "functions" / "skydag" / "store"
    code = "\n".join(path.read_text(encoding="utf-8") for path in store.glob("*.py"))
    named = {"is_still_that", "nobody_ran_it", "previous_asks", "is_my_run", "nobody_killed_it", "same", "is_as_read",
             "has_it"}
    assert [name for name in named if f"`{name}`" not in PAGE or not re.search(rf"\b{name}\b", code)] == []
