"""Limits of time (E-123, S-87): what lasts too long is killed, and one notice says so (S-98)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.simulation.modes import EVERY_MODE
from tests.simulation.scripted import Script, begin, drain, later, status
from tests.simulation.world import START, Fault, World

from skydag.spi import Again, TaskRequest, TaskResult

HOUR = timedelta(hours=1)


def poll(request: TaskRequest) -> TaskResult:
    raise Again(3600, {"asked": request.state.get("asked", 0) + 1})


def world_with(folder: Path, script: Script, *, mode: str = "direct", **limits: timedelta) -> World:
    world = World(folder, mode=mode, replay=script)
    world.settings = replace(world.settings, **limits)             # type: ignore[arg-type]
    world.application = world._cold_start()
    return world


def hours(world: World, count: int) -> None:
    """Time goes by; timers ring, and watch looks once an hour."""
    for _ in range(count):
        later(world, hours=1)
        drain(world)
        world.application.watch(world.now)
        drain(world)


def told(world: World) -> list[tuple[str | None, str]]:
    return [(notice["task_name"], notice["message"]) for notice in world.alerts.published.values()]


@EVERY_MODE
def test_an_attempt_that_lasts_longer_than_its_limit_is_killed_with_one_notice_E_123(
    mode: str, tmp_path: Path) -> None:
    world = world_with(tmp_path, Script({"+w+a": [poll]}), mode=mode, attempt_ttl=7 * HOUR)
    old = begin(world, "+a: {do>: 1}\n+b: {do>: 1}\n", tmp_path)
    hours(world, 2)
    young = begin(world, "+a: {do>: 1}\n+b: {do>: 1}\n", tmp_path, START + timedelta(days=1))
    hours(world, 5)
    assert (status(world, old), told(world)) == ("running", [])
    hours(world, 1)
    assert (status(world, old), status(world, young)) == ("killed", "running")
    assert told(world) == [(None, "Workflow execution timeout")]
    hours(world, 3)
    assert status(world, young) == "killed"
    assert told(world) == [(None, "Workflow execution timeout")] * 2


@EVERY_MODE
def test_tasks_that_last_longer_than_their_limit_end_their_attempt_and_are_named_S_98(
    mode: str, tmp_path: Path) -> None:
    """Counted from the first run: a poll is no new beginning."""
    script = Script({"+w+g+a": [poll], "+w+g+b": [poll], "+w+g+c": [TaskResult()]})
    world = world_with(tmp_path, script, mode=mode)
    attempt_id = begin(
        world, "+g:\n  _parallel: true\n  +a: {do>: 1}\n  +b: {do>: 1}\n  +c: {do>: 1}\n+z: {do>: 1}\n", tmp_path)
    drain(world)
    hours(world, 24)
    assert (status(world, attempt_id), told(world)) == ("running", [])
    rows = {row.full_name: row for row in world.application.task_rows(attempt_id)}
    assert rows["+w+g+a"].started_at == START
    assert rows["+w+g+a"].state_params["asked"] >= 23
    hours(world, 1)
    ids = f"{rows['+w+g+a'].id},{rows['+w+g+b'].id}"
    assert told(world) == [(None, f"Task execution timeout: {ids}")]
    assert status(world, attempt_id) == "killed"
    hours(world, 2)
    assert len(told(world)) == 1


def test_a_run_that_is_under_way_counts_and_one_that_nobody_started_does_not(tmp_path: Path) -> None:
    world = world_with(tmp_path, Script(), task_ttl=10 * timedelta(minutes=1))
    attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
    later(world, hours=1)
    world.application.watch(world.now)                              # it was handed over, and nobody took it
    assert told(world) == []
    world.calls.clear()
    seen: list[Any] = []

    def slow(request: TaskRequest) -> TaskResult:
        seen.append(request.task_id)
        later(world, minutes=15)
        world.application.watch(world.now)
        later(world, minutes=15)
        world.application.watch(world.now)
        return TaskResult()
    world.replay.lines["+w+a"] = [slow]                             # type: ignore[attr-defined]
    later(world, hours=1)
    world.application.watch(world.now)
    drain(world)
    assert told(world) == [(None, f"Task execution timeout: {seen[0]}")]
    assert status(world, attempt_id) == "killed"


def test_a_leaf_counts_while_what_it_generated_waits_for_a_retry_and_a_mere_group_does_not(tmp_path: Path) -> None:
    retry = "_retry: {limit: 3, interval: 200000}"
    script = Script({"+w+made": [TaskResult(subtasks={"+m": {"do>": 1}})], "+w+made^sub+m": [ValueError("bad")]})
    world = world_with(tmp_path, script)
    made = begin(world, f"+made: {{do>: 1, {retry}}}\n", tmp_path)
    hours(world, 26)
    assert (status(world, made), told(world)) == ("killed", [(None, "Task execution timeout: 1000002")])

    world = world_with(tmp_path, Script({"+w+g+x": [ValueError("bad")]}))
    group = begin(world, f"+g: {{{retry}, +x: {{do>: 1}}}}\n", tmp_path)
    hours(world, 26)
    assert (status(world, group), told(world)) == ("running", [])


def test_an_attempt_that_cannot_be_killed_holds_up_no_other_G_10(tmp_path: Path) -> None:
    world = world_with(tmp_path, Script(), attempt_ttl=2 * HOUR)
    sick = begin(world, "+a: {do>: 1}\n", tmp_path)
    sound = begin(world, "+a: {do>: 1}\n", tmp_path, START + timedelta(days=1))
    world.calls.clear()
    item = world.table.get(f"attempt#{sick:012d}", "t")
    assert item is not None
    world.table.put({**item, "page": "77", "act": "n"})
    later(world, hours=3)
    world.application.watch(world.now)
    drain(world)
    assert status(world, sound) == "killed"


def test_who_dies_between_notice_and_kill_is_followed_by_one_who_does_both_G_9(tmp_path: Path) -> None:
    at = 0
    while True:
        at += 1
        world = world_with(tmp_path, Script({"+w+a": [poll]}), attempt_ttl=2 * HOUR)
        attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
        drain(world)
        later(world, hours=3)
        world.fault = Fault(at=at, is_after=at % 2 == 0)
        world.application = world._cold_start()
        is_through = world._invoke(lambda: world.application.watch(world.now))     # noqa: B023
        world.fault = Fault()
        world.application = world._cold_start()
        hours(world, 2)
        assert (status(world, attempt_id), told(world)) == ("killed", [(None, "Workflow execution timeout")]), at
        if is_through:
            break
    assert at > 10
