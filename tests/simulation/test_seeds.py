"""Random workflows under random mishaps keep every promise and end as the reference says (G-1 to G-9).

`make simulate SEEDS=n FIRST=k` runs others; MODE=m all of them in one mode.
"""

from __future__ import annotations

import os

import pytest
from tests.simulation import seeds
from tests.simulation.generate import TASKS_MAX, workload
from tests.simulation.mishaps import LIMITED_FROM
from tests.simulation.modes import MODES
from tests.simulation.reference import Reference

IN_FLIGHT = 120                                         # seeds with a limit of tasks in flight
FIRST, PARTS, SEEDS_OF_A_PART = 1_000_000, 16, 125      # 2,000 seeds, in parts that the processes share
IN_ALL_MODES = 60


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_the_end_is_the_references(part: int) -> None:
    first = int(os.environ.get("SKYDAG_SIMULATION_FIRST", FIRST)) + part * SEEDS_OF_A_PART
    count, failures = seeds.run(range(first, first + SEEDS_OF_A_PART))
    assert count == SEEDS_OF_A_PART
    assert not failures, "\n\n".join(map(str, failures[:3]))


@pytest.mark.parametrize("mode", MODES)
def test_one_seed_comes_to_the_same_end_in_all_modes(mode: str) -> None:
    """That of the reference, which knows no modes."""
    _, failures = seeds.run(range(IN_ALL_MODES), mode)
    assert not failures, "\n\n".join(map(str, failures[:3]))


def test_with_few_seats_the_end_is_the_same_and_no_more_run_than_may_G_7() -> None:
    _, failures = seeds.run(range(LIMITED_FROM, LIMITED_FROM + IN_FLIGHT))
    assert not failures, "\n\n".join(map(str, failures[:3]))


def test_the_workflows_of_the_seeds_hold_every_key_and_stay_small() -> None:
    texts, tasks = [], []
    for seed in range(FIRST, FIRST + 300):
        work = workload(seed)
        texts.append(str(work))
        tasks.append(len({row.name for row in Reference(work).rows}))
    everything = "".join(texts)
    keys = ("_parallel", "limit", "_after", "_background", "_disable", "_retry", "interval", "exponential",
            "max_interval", "_error", "_check", "_export", "if>", "_else_do", "loop>", "for_each>", "for_range>",
            "call>", "wait>", "do>", "do_once>", "docker", "sla", "duration", "alert", "fail")
    assert [key for key in keys if f"'{key}'" not in everything] == []
    things = ("dies=True", "polls=2", "reset=('k1.p',)", "task_limit=6")
    assert [thing for thing in things if thing not in everything] == []
    assert sorted(tasks)[len(tasks) // 2] <= TASKS_MAX
