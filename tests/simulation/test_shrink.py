"""A failing seed tells the least that fails, what happened in it, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.simulation import seeds
from tests.simulation.generate import size
from tests.simulation.shrink import Failure, shortened, wrong

from skydag.app.flow import Flow
from skydag.app.stream import Stream


def _first_failure(fits: Callable[[Any], bool] = lambda case: True) -> tuple[int, Failure]:
    """The first failing seed, by how large it was before and what became of it."""
    for seed in range(200):
        case = seeds.case(seed)
        if case is not None and fits(case) and (why := wrong(case)):
            return size(case.work.definition), shortened(seed, case, why)
    raise AssertionError("no seed fails")


def test_a_fault_that_needs_no_mishap_is_shown_by_a_tiny_workflow_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flow, "before", lambda self, page, group, ordinal: ())      # nobody sees a sibling's stores
    before, failure = _first_failure(lambda case: size(case.work.definition) >= 8 and case.plan.mishaps)
    work, plan = failure.case.work, failure.case.plan
    assert plan.mishaps == ()
    assert size(work.definition) <= 4 < before
    text = str(failure)
    assert " saw " in text
    assert f"repeat it: make simulate SEEDS=1 FIRST={failure.seed} MODE={plan.mode}" in text
    assert 2 <= sum(line.startswith("do ") for line in text.splitlines()) <= 3


def test_a_fault_that_needs_a_mishap_keeps_that_one_and_the_trace_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "_is_set_aside", lambda *args: True)      # a record that failed is reported as done
    _, failure = _first_failure()
    assert 1 <= len(failure.case.plan.mishaps) <= 2
    assert size(failure.case.work.definition) <= 5
    text = str(failure)
    assert str(failure.case.plan.mishaps[0]) in text
    assert any(failure.case.plan.mishaps[0].how in line for line in failure.trace)
