"""What a decision costs (design.md, section 6): the benchmark's measure, held."""

from __future__ import annotations

from benchmarks.core import transition_s


def test_a_transition_among_ten_thousand_tasks_takes_at_most_a_tenth_of_a_millisecond() -> None:
    assert transition_s(10_000) <= 1e-4
