"""An attempt that takes over old results ends as the reference says, whatever goes wrong meanwhile (E-110 to E-117)."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

import pytest
from tests.simulation import resumed
from tests.simulation.mishaps import ANSWER_LOST, DIES_AFTER, DIES_BEFORE, KILL, Mishap, Plan
from tests.simulation.modes import EVERY_MODE
from tests.simulation.scenarios import Scenario
from tests.simulation.trial import Case, run

from skydag.engine import settle

FIRST, PARTS, SEEDS_OF_A_PART = 3_000_000, 4, 60
HOW: Final = (DIES_BEFORE, DIES_AFTER, ANSWER_LOST)

#: 9 fails in the old attempt, and no more in the new one.
SCENARIOS: Final = {
    "stores of a sequence, a new task in a resumed group": (
        Scenario(text="{+a: {do>: 1}, +g: {+b: {do>: 2}}, +c: {do>: 9}, +z: {do>: 0}}", ends={"+w": "group_error"}),
        "{+a: {do>: 1}, +g: {+b: {do>: 2}, +n: {do>: 0}}, +c: {do>: 9}, +z: {do>: 0}}", None),
    "a loop that failed": (
        Scenario(text="{+l: {loop>: 1, _do: {+x: {do>: 1}, +y: {do>: 9}}}}",
                 ends={"+w+l": "group_error"}), None, None),
    "what an if had generated, from a task in a parallel group": (
        Scenario(text="{+i: {if>: true, _do: {+s: {do>: 1}}, _check: {do>: 2}}, +p: {_parallel: true, +a: {do>: 0},"
                      " +b: {do>: 9, _after: [+a]}, +c: {do>: 2}}}", ends={"+w+i": "success"}),
        None, "+w+p+b"),
}


def _case(name: str, mode: str, *mishaps: Mishap, is_killed: bool = False) -> Case:
    scenario, text, start_from = SCENARIOS[name]
    new = scenario if text is None else replace(scenario, text=text)
    work = replace(new.work, behaviours={**new.work.behaviours, 9: new.work.behaviours[0]})
    return Case(work=work, old=resumed.old(name, scenario.work, work, start_from), plan=Plan(
        seed=0, mode=mode, mishaps=mishaps, has_script=False, chunk=2, is_killed=is_killed))


@EVERY_MODE
@pytest.mark.parametrize("name", SCENARIOS)
def test_whoever_dies_at_whatever_call_nothing_taken_over_is_lost(name: str, mode: str) -> None:
    wrong, storm = run(_case(name, mode))
    assert wrong is None
    assert any(item.get("k") == "l" and not item["tok"] and item["pk"].startswith("attempt#000000000002")
               for item in storm.table.items())
    found = []
    for number in range(1, storm.calls_made + 1):
        for how in HOW:
            why, storm = run(_case(name, mode, Mishap("outside call", number, how)))
            if why is not None:
                found.append(f"call {number} {how}:\n{why}\n" + "\n".join(storm.trace[-20:]))
    assert not found, "\n\n".join(found[:5])


@EVERY_MODE
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_kill_at_whatever_step_leaves_nothing_unfinished(name: str, mode: str) -> None:
    wrong = [run(_case(name, mode, Mishap("step", step, KILL), is_killed=True))[0] for step in range(1, 14)]
    assert wrong == [None] * 13


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_was_done_and_whatever_goes_wrong_the_end_is_the_references(part: int) -> None:
    first = int(os.environ.get("SKYDAG_SIMULATION_FIRST", FIRST)) + part * SEEDS_OF_A_PART
    cases = {seed: made for seed in range(first, first + SEEDS_OF_A_PART) if (made := resumed.case(seed)) is not None}
    assert len(cases) > SEEDS_OF_A_PART // 3
    wrong = {seed: why for seed, made in cases.items() if (why := run(made)[0]) is not None}
    assert wrong == {}


def test_many_results_are_taken_over_in_several_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "TAKEN_MAX", 2)
    text = "{" + ", ".join(f"+t{n}: {{do>: {1 + n % 2}}}" for n in range(20)) + ", +c: {do>: 9}, +z: {do>: 0}}"
    wide = "{+p: {_parallel: true, " + ", ".join(f"+t{n}: {{do>: 1}}" for n in range(7)) + "}, +c: {do>: 9}}"
    for number, one in enumerate((text, wide)):
        scenario = Scenario(text=one, ends={})
        work = replace(scenario.work, behaviours={**scenario.work.behaviours, 9: scenario.work.behaviours[0]})
        plan = Plan(seed=0, mode="direct", mishaps=(), has_script=False, chunk=250)
        wrong, _ = run(Case(work=work, plan=plan, old=resumed.old(f"many {number}", scenario.work, work)))
        assert wrong is None
