"""What a task costs, counted on the real handlers, from the requests really sent (design.md section 6, F-6).

Slopes between 100 and more tasks of 50 ms on the virtual clock: to 1,000 on moto, to 10,000 over memory, by the same
rules of size (test_meter.py). `pytest -s tests/counting/test_counts.py` prints them.
"""

from __future__ import annotations

import functools
import os

import pytest
from tests.counting.shapes import DIRECT, FORMS, FUSED, MODES, STREAM_ONLY, Cost, Mode, run, run_in_memory

SMALL, LARGE, HUGE = 100, 1000, 10_000
PER_GROUP = 2.5                     # write units that a group adds
GROWTH = 1.1
LOST = 0.1                          # a task

#: (write units, read units, calls) a task, at most.
FLAT: dict[tuple[str, str], tuple[float, float, float]] = {
    ("chain", "direct"): (3.0, 0.5, 1.2),
    ("chain", "stream only"): (3.1, 1.2, 2.1),
    ("batches of 8", "direct"): (2.3, 0.3, 1.25),
    ("batches of 8", "stream only"): (2.3, 0.3, 1.25),
    ("fan-out", "direct"): (2.1, 0.1, 1.1),
    ("fan-out", "stream only"): (2.1, 0.1, 1.1),
    ("chain", "fused"): (2.1, 0.5, 0.2),
    ("batches of 8", "fused"): (2.3, 0.3, 1.25),
    ("fan-out", "fused"): (2.1, 0.1, 1.1),
}
#: What is in groups is a chain: its budget, the groups', and with many short groups one read (1.5 by the stream alone).
GROUPED = {"direct": (3.0, 1.0, 1.2), "stream only": (3.1, 1.5, 2.1), "fused": (2.1, 1.0, 0.2)}
EVERY = [(form, mode) for form in FORMS for mode in MODES if mode is not DIRECT or not FORMS[form].groups_in]

memory = functools.cache(run_in_memory)         # each is run once for all tests


def ids(pair: object) -> str:
    return pair.name if isinstance(pair, Mode) else str(pair)


def told(form: str, mode: Mode, small: Cost, large: Cost) -> None:
    slope = ", ".join(f"{name} {value:.3f}" for name, value in small.per_task(large).items())
    print(f"\n{form}, {mode.name}, to {large.size:,}: {slope}")


def budget(form: str, mode: Mode) -> tuple[float, float, float]:
    groups = FORMS[form].groups_in
    writes, reads, calls = GROUPED[mode.name] if groups else FLAT[form, mode.name]
    return writes + PER_GROUP * groups + FORMS[form].more, reads, calls


@pytest.mark.parametrize(("form", "mode"), EVERY, ids=ids)
def test_a_task_stays_in_its_budget_and_a_group_in_its_own(form: str, mode: Mode) -> None:
    small, large = memory(form, SMALL, mode), memory(form, LARGE, mode)
    told(form, mode, small, large)
    slope = small.per_task(large)
    writes, reads, calls = budget(form, mode)
    assert slope["write units"] <= writes
    assert slope["read units"] <= reads
    assert slope["calls"] <= calls
    assert slope["transactions"] == 0
    assert slope["index writes"] == 0
    assert slope["lost writes"] <= LOST
    assert slope["bytes written"] <= 560            # two to three items of 150 to 300 bytes
    assert slope["payload bytes"] <= 900            # a job
    assert all(growth <= GROWTH for growth in small.growth(large).values()), small.growth(large)


@pytest.mark.parametrize("form", os.environ.get("SKYDAG_HUGE", "chain").split(","))
def test_ten_thousand_tasks_stay_in_the_budget_of_few_F_6(form: str) -> None:
    """test_time.py has ten thousand beside each other. Other forms take a minute and more, so they are run by hand:
    `SKYDAG_HUGE="batches of 8,nested groups,loop>" pytest -s tests/counting/test_counts.py -k ten_thousand`."""
    size = int(HUGE / (1 + FORMS[form].groups_in)) // 1000 * 1000           # groups count, too (E-121)
    assert within_budget(form, FUSED, memory(form, SMALL, FUSED), run_in_memory(form, size, FUSED))


def within_budget(form: str, mode: Mode, small: Cost, huge: Cost) -> bool:
    """Growth is bounded where a run is one page; a run of groups is longer than the safety net waits, and looks."""
    told(form, mode, small, huge)
    if not FORMS[form].groups_in:
        growth = small.growth(huge)
        assert {name: value for name, value in growth.items() if value > GROWTH} == {}
    writes, reads, calls = budget(form, mode)
    slope = small.per_task(huge)
    return slope["write units"] <= writes and slope["read units"] <= reads and slope["calls"] <= calls


@pytest.mark.parametrize(("form", "size", "mode"), [
    ("chain", LARGE, DIRECT), ("chain", SMALL, STREAM_ONLY), ("fan-out", SMALL, STREAM_ONLY),
    ("batches of 8", SMALL, STREAM_ONLY), ("nested groups", SMALL, DIRECT), ("loop>", SMALL, DIRECT),
    ("for_each> in parallel", SMALL, DIRECT), ("groups with _error", SMALL, DIRECT),
    ("groups with _retry", SMALL, DIRECT), ("chain", SMALL, FUSED), ("nested groups", SMALL, FUSED)], ids=ids)
def test_moto_and_memory_count_the_same(form: str, size: int, mode: Mode) -> None:
    """Write unit for write unit. The two pumps cut the safety net's batches a little differently, so looks may differ
    by a few; ids of the push may be some bytes longer."""
    on_moto, over_memory = run(form, size, mode), memory(form, size, mode)
    for name in ("write_units", "index_writes", "transactions", "lost"):
        assert getattr(on_moto.table, name) == getattr(over_memory.table, name), name
    assert on_moto.table.requests == pytest.approx(over_memory.table.requests, rel=0.02, abs=8)
    assert on_moto.table.read_units == pytest.approx(over_memory.table.read_units, abs=0.03 * size + 8)
    assert on_moto.calls == pytest.approx(over_memory.calls, rel=0.02, abs=4)
    assert on_moto.payload_bytes == pytest.approx(over_memory.payload_bytes, rel=0.001)
    assert on_moto.table.bytes_written == pytest.approx(over_memory.table.bytes_written, rel=0.02)


def test_switching_direct_continuation_off_changes_the_counts() -> None:
    direct, stream_only = memory("chain", SMALL, DIRECT), memory("chain", SMALL, STREAM_ONLY)
    assert stream_only.calls > 1.5 * direct.calls
    assert stream_only.table.read_units > 1.5 * direct.table.read_units
