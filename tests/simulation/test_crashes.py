"""Whoever dies at whatever call: the end is the reference's (design.md section 7: G-3 to G-9).

Each outside call of each scenario, in each mode: the caller dies before it took effect, or after, or hears of trouble
although it took effect.
"""

from __future__ import annotations

import os
from typing import Final

import pytest
from tests.simulation.mishaps import ANSWER_LOST, DIES_AFTER, DIES_BEFORE, KILL, Mishap, Plan
from tests.simulation.modes import MODES
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.storm import Storm
from tests.simulation.trial import Case, run

HOW: Final = (DIES_BEFORE, DIES_AFTER, ANSWER_LOST)


WAITING: Final = (("fan-out over chunks", "stream-only"), ("polls", "direct"), ("a kill in the middle", "stream-only"),
                  ("script and containers", "direct"))


def case(scenario: Scenario, mode: str, *mishaps: Mishap, tasks_in_flight: int = 0) -> Case:
    kill = () if scenario.kill_at is None else (Mishap("step", scenario.kill_at, KILL),)
    return Case(work=scenario.work, plan=Plan(
        seed=0, mode=mode, mishaps=(*kill, *mishaps), has_script=scenario.has_script, chunk=scenario.chunk,
        is_killed=scenario.kill_at is not None, tasks_in_flight=tasks_in_flight))


def calm(scenario: Scenario, mode: str, *, tasks_in_flight: int = 0) -> Storm:
    """A run to which nothing happens (but the scenario's kill)."""
    wrong, storm = run(case(scenario, mode, tasks_in_flight=tasks_in_flight))
    assert wrong is None, wrong
    assert storm.attempt_id is not None
    states = {row.full_name: str(row.state) for row in storm.calm().task_rows(storm.attempt_id)}
    ends = {name: states.get(name) for name in scenario.ends}
    assert ends == scenario.ends, f"{ends}, not {scenario.ends}"
    return storm


def wrong(scenario: Scenario, mode: str, *, tasks_in_flight: int = 0) -> str:
    wrong = []
    for number in range(1, calm(scenario, mode, tasks_in_flight=tasks_in_flight).calls_made + 1):
        for how in HOW:
            found, storm = run(case(scenario, mode, Mishap("outside call", number, how),
                                    tasks_in_flight=tasks_in_flight))
            if found is not None:
                wrong.append(f"call {number} {how}:\n{found}\n" + "\n".join(storm.trace[-20:]))
    return "\n\n".join(wrong[:10])


#: Each scenario in two of the modes, in turn: all four on every one take CI too long. MODES=all tries all.
_PAIRS: Final = (("direct", "inline"), ("stream-only", "fused"))
IN_TURN: Final = [(name, mode) for number, name in enumerate(SCENARIOS)
                  for mode in (MODES if os.environ.get("MODES") == "all" else _PAIRS[number % 2])]


@pytest.mark.parametrize(("name", "mode"), IN_TURN)
def test_whoever_dies_at_whatever_call_the_end_is_the_references(name: str, mode: str) -> None:
    assert not wrong(SCENARIOS[name], mode)


@pytest.mark.parametrize(("name", "mode"), WAITING)
def test_whoever_dies_while_tasks_wait_for_a_seat_none_is_lost_or_taken_twice_G_7(name: str, mode: str) -> None:
    assert not wrong(SCENARIOS[name], mode, tasks_in_flight=1)


def test_the_scenarios_are_twelve_at_least() -> None:
    assert len(SCENARIOS) >= 12
