"""Random workflows under random mishaps keep every promise and end as the reference says (G-1 to G-6, G-9).

`make simulate SEEDS=n FIRST=k` runs others.
"""

from __future__ import annotations

import os

import pytest
from tests.simulation import seeds
from tests.simulation.generate import TASKS_MAX, workload
from tests.simulation.reference import Reference

FIRST, PARTS, SEEDS_OF_A_PART = 1_000_000, 8, 250       # 2,000 seeds, in parts that two processes share


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_the_end_is_the_references(part: int) -> None:
    first = int(os.environ.get("SKYDAG_SIMULATION_FIRST", FIRST)) + part * SEEDS_OF_A_PART
    count, failures = seeds.run(range(first, first + SEEDS_OF_A_PART))
    assert count == SEEDS_OF_A_PART
    assert not failures, "\n\n".join(map(str, failures[:3]))


@pytest.mark.parametrize("seed", [27, 255, 11_069, 40_192])
def test_seeds_that_found_something_once_pass(seed: int) -> None:
    assert seeds.broken(seed) is None


def test_the_workflows_of_the_seeds_hold_every_key_and_stay_small() -> None:
    texts, tasks = [], []
    for seed in range(FIRST, FIRST + 300):
        work = workload(seed)
        texts.append(str(work))
        tasks.append(len({row.name for row in Reference(work).rows}))
    everything = "".join(texts)
    keys = ("_parallel", "limit", "_after", "_background", "_disable", "_retry", "interval", "_error", "_check",
            "_export", "if>", "loop>", "for_each>", "call>", "do>", "do_once>")
    assert [key for key in keys if f"'{key}'" not in everything] == []
    assert sorted(tasks)[len(tasks) // 2] <= TASKS_MAX
