"""The marks by which `watch` finds groups: the root is born with one, others get theirs if they last."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.simulation.modes import MODES
from tests.simulation.scripted import Script, begin, drain, later, status
from tests.simulation.world import START, World

from skydag.spi import TaskResult

EACH = pytest.mark.parametrize("mode", MODES)
TREE = "+a:\n  _parallel: true\n  +b: {do>: 1}\n  +c: {+d: {+e: {do>: 1}}}\n"


def marked(world: World) -> set[str]:
    return {item["sk"] for item in world.table.items() if "due_at" in item and item.get("k") == "g"}


def stuck(tmp_path: Path, *, mode: str) -> tuple[World, int]:
    """Everything that was to tell of its tasks is lost."""
    script = Script({"+w+a+b": [TaskResult(subtasks={"+m": {"do>": 1}})]})
    world = World(tmp_path, mode=mode, replay=script)
    attempt_id = begin(world, TREE, tmp_path)
    while "+w+a+b" not in script.ran:
        assert world._step()
    world.calls.clear()
    world.records.clear()
    return world, attempt_id


@EACH
def test_a_group_that_ends_soon_never_stands_in_the_index(mode: str, tmp_path: Path) -> None:
    """design.md section 6: no index writes, however many groups."""
    seen: set[str] = set()
    world = World(tmp_path, mode=mode, replay=Script({
        "+w+a+b": [TaskResult(subtasks={"+m": {"do>": 1}})]}))
    attempt_id = begin(world, TREE, tmp_path)
    while world._step():
        seen |= marked(world)
    drain(world)
    assert status(world, attempt_id) == "success"
    assert seen <= {"t"}


@EACH
def test_what_was_lost_at_any_depth_is_found_one_level_a_minute(mode: str, tmp_path: Path) -> None:
    """G-5; generated groups and groups in groups alike."""
    world, attempt_id = stuck(tmp_path, mode=mode)
    assert marked(world) == {"t"}
    later(world, minutes=21)
    looks = 0
    while status(world, attempt_id) == "running" and looks < 10:
        world._invoke(lambda: world.application.watch(world.now))
        drain(world)
        later(world, minutes=1)
        looks += 1
    assert status(world, attempt_id) == "success"
    assert looks <= 5
    assert world.now - START < timedelta(minutes=30)
    assert not marked(world)
