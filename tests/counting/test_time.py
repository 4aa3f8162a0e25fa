"""How long runs take by the model of AWS's latencies (A-121 and its kin; design.md section 6), on the real handlers.

`pytest -s tests/counting/test_time.py` prints them. Tasks take no time of their own here.
"""

from __future__ import annotations

import random
from datetime import timedelta
from statistics import median, quantiles

import pytest
from tests.counting.latency import AWS, Spread
from tests.counting.shapes import DIRECT, FUSED, Cost, Mode, run_in_memory
from tests.counting.test_counts import within_budget

NO_TIME = timedelta(0)


def run(form: str, size: int, mode: Mode) -> Cost:
    cost = run_in_memory(form, size, mode, latencies=AWS, task=NO_TIME)
    print(f"\n{form} of {size:,}, {mode.name}: at most {seconds(cost):.0f} s")
    return cost


def seconds(cost: Cost) -> float:
    """At most: times are kept in whole seconds."""
    return cost.seconds + 1


def test_the_models_stream_is_as_slow_as_measured_A_15() -> None:
    chance = random.Random(1)
    hops = [chance.random() * AWS.poll_s + AWS.deliver.draw_s(chance) for _ in range(20_000)]
    assert median(hops) == pytest.approx(0.213, rel=0.1)
    assert quantiles(hops, n=100)[98] == pytest.approx(0.55, rel=0.25)
    assert Spread(0, 0).draw_s(chance) == 0


def test_the_clock_of_the_model_moves() -> None:
    assert run("chain", 10, DIRECT).seconds > 0


@pytest.mark.parametrize(("form", "size", "mode", "most_s"), [
    ("chain", 100, DIRECT, 14), ("chain", 100, FUSED, 4), ("fan-out", 1000, DIRECT, 4), ("fan-out", 1000, FUSED, 4),
], ids=str)
def test_a_run_takes_no_longer_than_its_budget(form: str, size: int, mode: Mode, most_s: float) -> None:
    assert seconds(run(form, size, mode)) <= most_s


def test_ten_thousand_tasks_beside_each_other_take_thirteen_seconds_and_cost_as_few_do_F_6() -> None:
    small, huge = run("fan-out", 100, FUSED), run("fan-out", 10_000, FUSED)
    assert seconds(huge) <= 13
    assert within_budget("fan-out", FUSED, small, huge)
