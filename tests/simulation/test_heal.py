"""heal: every group of an attempt is recomputed from its children (design.md section 4, G-10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.modes import EVERY_MODE
from tests.simulation.scripted import Script, begin, drain, later, states, status
from tests.simulation.world import START, World, outcome

from skydag.app import heal
from skydag.app.stream import SET_ASIDE_AFTER
from skydag.errors import NotFoundError
from skydag.spi import TaskResult

ROOT = "t"
TREE = """
+a: {+x: {do>: 1}, +y: {do>: 1}}
+wide:
  _parallel: true
  +p: {do>: 1}
  +q: {+deep: {do>: 1}}
  +made: {do>: 1}
+f: {_error: {do>: 1}, +bad: {do>: 1}}
+never: {do>: 1}
"""


def tree() -> Script:
    return Script({"+w+wide+made": [TaskResult(subtasks={"+m1": {"do>": 1}, "+m2": {"do>": 1}})],
                   "+w+f+bad": [ValueError("bad")]})


def pk(attempt_id: int) -> str:
    return f"attempt#{attempt_id:012d}"


def poison(world: World, attempt_id: int) -> dict[str, Any]:
    """Its root names a page that is not there; the item as it was."""
    item = world.table.get(pk(attempt_id), ROOT)
    assert item is not None
    world.table.put({**item, "page": "77", "act": "n"})
    return item


@EVERY_MODE
def test_a_poisoned_attempt_is_set_aside_holds_up_no_other_and_is_healed_G_10(mode: str, tmp_path: Path) -> None:
    world = World(tmp_path, mode=mode, replay=Script())
    text = "_parallel: true\n+a: {do>: 1}\n+b: {+c: {do>: 1}, +d: {do>: 1}}\n"
    sick = begin(world, text, tmp_path)
    while not world.calls:
        assert world._step()
    item = poison(world, sick)
    sound = begin(world, text, tmp_path, START + timedelta(days=1))
    drain(world)                                        # batches hold records of both
    later(world, minutes=1)
    drain(world)                                        # the safety net's, too
    assert status(world, sound) == "success"
    assert status(world, sick) == "running"
    assert world.application.aside.failed(sick) >= SET_ASIDE_AFTER
    assert world.application.aside.failed(sound) == 0

    healthy = world.table.get(pk(sick), ROOT)
    assert healthy is not None
    world.table.put({**healthy, "page": item["page"], "act": "n"})          # the cause is gone; nobody tells `advance`
    drain(world)
    assert status(world, sick) == "running"
    assert world.application.heal(sick).id == sick
    drain(world)
    assert status(world, sick) == "success"
    assert world.application.aside.failed(sick) == 0


@EVERY_MODE
def test_healing_what_is_not_ill_changes_nothing_at_any_moment(mode: str, tmp_path: Path) -> None:
    calm = World(tmp_path, mode=mode, replay=tree())
    wanted = outcome(calm, _to_the_end(calm, begin(calm, TREE, tmp_path)))
    for moment in range(0, 40, 3):
        world = World(tmp_path, mode=mode, replay=tree())
        attempt_id = begin(world, TREE, tmp_path)
        for _ in range(moment):
            world._step()
        later(world, seconds=5)
        world.application.heal(attempt_id)
        assert outcome(world, _to_the_end(world, attempt_id)) == wanted, f"healed at step {moment}"
        assert all(len(ends) == 1 for ends in world.results.values())


@EVERY_MODE
def test_what_was_lost_at_any_moment_is_found_by_healing_alone_G_10(mode: str, tmp_path: Path) -> None:
    calm = World(tmp_path, mode=mode, replay=tree())
    wanted = outcome(calm, _to_the_end(calm, begin(calm, TREE, tmp_path)))
    for moment in range(0, 40, 3):
        world = World(tmp_path, mode=mode, replay=tree())
        attempt_id = begin(world, TREE, tmp_path)
        for _ in range(moment):
            world._step()
        world.records.clear()                           # the stream, and every call under way
        world.calls.clear()
        world.application = world._cold_start()
        later(world, seconds=5)
        world.application.heal(attempt_id)
        assert outcome(world, _to_the_end(world, attempt_id)) == wanted, f"lost at step {moment}"


def _to_the_end(world: World, attempt_id: int) -> int:
    for _ in range(3):
        drain(world)
        later(world, seconds=40)
    return attempt_id


@pytest.mark.parametrize("items", [3, heal.ITEMS])
def test_a_wide_attempt_is_healed_page_by_page_and_chunk_by_chunk_F_6(
    items: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heal, "ITEMS", items)
    world = World(tmp_path, mode="stream-only", replay=Script())
    children = "".join(f"  +t{number}: {{do>: 1}}\n" for number in range(300))
    attempt_id = begin(world, f"+g:\n  _parallel: true\n{children}", tmp_path)
    while len(world.calls) < 300:
        assert world._step()
    for _ in range(20):
        world._call(*world.calls.popleft())
    world.calls.clear()
    world.records.clear()
    later(world, seconds=5)
    world.application.heal(attempt_id)
    pages = sum(1 for _ in _healed(world))
    assert pages >= (3 if items == heal.ITEMS else 10)
    drain(world)
    assert status(world, attempt_id) == "success"
    assert set(states(world, attempt_id).values()) == {"success"}


def _healed(world: World) -> Iterator[Any]:
    """Rings the timers for healing, one by one."""
    while messages := world.timers.due(world.now):
        for message in messages:
            yield message
            world.application.timer(message)


def test_a_killed_attempt_is_healed_to_its_end_and_starts_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, mode="stream-only", replay=tree())
    attempt_id = begin(world, TREE, tmp_path)
    while not world.calls:
        assert world._step()
    world.application.kill(attempt_id)
    world.records.clear()
    world.calls.clear()
    later(world, seconds=5)
    world.application.heal(attempt_id)
    _to_the_end(world, attempt_id)
    assert status(world, attempt_id) == "killed"
    assert world.replay.ran == []                                       # type: ignore[attr-defined]


def test_an_attempt_that_is_done_stays_as_it_is_and_one_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    world = World(tmp_path, replay=tree())
    attempt_id = _to_the_end(world, begin(world, TREE, tmp_path))
    before, items = outcome(world, attempt_id), list(world.table.items())
    world.application.heal(attempt_id)
    drain(world)
    assert outcome(world, attempt_id) == before
    assert list(world.table.items()) == items
    with pytest.raises(NotFoundError, match="session attempt id=999"):
        world.application.heal(999)
