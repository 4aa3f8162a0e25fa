"""What a task costs, counted on the real handlers on moto, from the requests really sent (design.md section 6, F-6).

Slopes between 100 and 1,000 tasks of 50 ms on the virtual clock. `pytest -s tests/counting/test_counts.py` prints them.
"""

from __future__ import annotations

import functools

import pytest
from tests.counting.shapes import Cost, run

SMALL, LARGE = 100, 1000
STREAM_ONLY, DIRECT, FUSED = "stream only", "direct", "fused"

# (form, way of going on): most write units, read units and calls a task
BUDGETS = {
    ("chain", DIRECT): (3.0, 0.5, 1.2),
    ("chain", STREAM_ONLY): (3.1, 1.2, 2.1),
    ("batches of 8", STREAM_ONLY): (2.3, 0.3, 1.25),
    ("fan-out", STREAM_ONLY): (2.1, 0.1, 1.1),
    ("fan-out", DIRECT): (2.1, 0.1, 1.1),
    ("chain", FUSED): (2.1, 0.5, 0.2),
}
IDS = [f"{form}-{mode}" for form, mode in BUDGETS]


@functools.cache
def _costs(form: str, mode: str) -> tuple[Cost, Cost]:
    small, large = (run(form, size, is_direct=mode != STREAM_ONLY, is_fused=mode == FUSED) for size in (SMALL, LARGE))
    return small, large


@pytest.mark.parametrize(("form", "mode"), list(BUDGETS), ids=IDS)
def test_a_task_stays_in_its_budget_at_any_size(form: str, mode: str) -> None:
    small, large = _costs(form, mode)
    slope = small.per_task(large)
    print(f"\n{form}, {mode}: " + ", ".join(f"{name} {value:.3f}" for name, value in slope.items()) + " a task")
    write_units, read_units, calls = BUDGETS[form, mode]
    assert slope["write units"] <= write_units
    assert slope["read units"] <= read_units
    assert slope["calls"] <= calls
    assert slope["transactions"] == 0
    assert slope["index writes"] == 0
    assert slope["lost writes"] <= 0.1
    assert large.table.write_units / LARGE <= 1.1 * small.table.write_units / SMALL
    assert large.table.read_units / LARGE <= 1.1 * small.table.read_units / SMALL
    assert large.calls / LARGE <= 1.1 * small.calls / SMALL


def test_switching_direct_continuation_off_changes_the_counts() -> None:
    direct, stream_only = run("chain", SMALL, is_direct=True), run("chain", SMALL, is_direct=False)
    assert stream_only.calls > 1.5 * direct.calls
    assert stream_only.table.read_units > 1.5 * direct.table.read_units
