"""Attempts side by side: each gets on as fast as the others, with a limit of tasks in flight or without (G-7).

In full, twenty attempts of 1,000 tasks: SKYDAG_FAIRNESS_TASKS=1000 pytest -s tests/simulation/test_fairness.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.simulation.busy import Busy

ATTEMPTS, TASKS = 20, int(os.environ.get("SKYDAG_FAIRNESS_TASKS", "60"))


def _fan_out(size: int) -> str:
    return "_parallel: true\n" + "".join(f"+t{n}: {{do>: 1}}\n" for n in range(size))


def _lasted(world: Busy, text: str, count: int, folder: Path) -> list[float]:
    attempts = world.start_all(text, count, folder)
    world.fly()
    return [world.lasted(attempt_id) for attempt_id in attempts]


@pytest.mark.parametrize("limit", [0, 50])
def test_of_twenty_attempts_at_once_none_ends_much_later_than_the_others(limit: int, tmp_path: Path) -> None:
    world = Busy(tmp_path, tasks_in_flight=limit)
    lasted = _lasted(world, _fan_out(TASKS), ATTEMPTS, tmp_path)
    mean = sum(lasted) / len(lasted)
    print(f"\n{ATTEMPTS} attempts of {TASKS} tasks, limit {limit}: the last ends after {max(lasted):.0f} s, the mean "
          f"{mean:.0f} s, {max(lasted) / mean:.2f} x; at most {world.most} in flight")
    assert max(lasted) <= 1.5 * mean
    if limit:
        assert world.most == limit
        assert max(lasted) <= 1.05 * ATTEMPTS * TASKS / limit + 2          # no seat is left empty while tasks wait


@pytest.mark.parametrize("limit", [0, 50])
def test_a_kill_ends_all_of_many_started_tasks_E_71(limit: int, tmp_path: Path) -> None:
    size = 10 * TASKS
    world = Busy(tmp_path, tasks_in_flight=limit)
    attempt_id = world.start_all(_fan_out(size), 1, tmp_path)[0]
    world.drain()
    assert len(world.flying) == (limit or size)
    before = world.fault.calls
    world.application.kill(attempt_id)
    world.drain()
    calls = world.fault.calls - before
    print(f"\na kill among {size} started tasks, limit {limit}: {calls} calls")
    assert world.application.attempts.get(attempt_id).status == "killed"
    assert calls <= 1.3 * size + 100
    world.fly()                                             # whoever comes too late finds it canceled
    world.application.watch(world.now)
    assert world.replay.ran == []                           # type: ignore[attr-defined]
    assert [item["sk"] for item in world.table.items() if item["pk"].startswith("seats#")] == []


@pytest.mark.parametrize("form", ["fan-out", "chain"])
def test_with_fewer_seats_than_attempts_each_gets_its_turn(form: str, tmp_path: Path) -> None:
    text = _fan_out(30) if form == "fan-out" else "".join(f"+t{n}: {{do>: 1}}\n" for n in range(30))
    world = Busy(tmp_path, tasks_in_flight=3)
    lasted = _lasted(world, text, 10, tmp_path)
    assert world.most == 3
    assert max(lasted) <= 1.5 * sum(lasted) / len(lasted)


def test_a_small_attempt_does_not_wait_for_a_large_one_that_came_before(tmp_path: Path) -> None:
    world = Busy(tmp_path, tasks_in_flight=10)
    large = world.start_all(_fan_out(400), 1, tmp_path)[0]
    small = world.start_all(_fan_out(20), 1, tmp_path)[0]
    world.fly()
    assert world.lasted(large) >= 42
    assert world.lasted(small) <= 8
