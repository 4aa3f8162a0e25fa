"""No task takes a step that the table does not hold (E-21, G-4): seen after every write of simulated runs."""

from __future__ import annotations

import importlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.engine.observed import WORKFLOWS, Change, Observed, Watched

from skydag.engine.steps import STEPS, TOGETHER, ends
from skydag.model.task import DONE, State


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("steps")
    for name, text in WORKFLOWS.items():
        (made / f"{name}.dig").write_text(text)
    return made


@pytest.mark.parametrize("is_direct", [True, False], ids=["direct", "stream-only"])
@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_change_of_state_is_a_step_of_the_table_E_21(folder: Path, name: str, is_direct: bool) -> None:
    observed = Observed(folder, name, Watched(), is_direct=is_direct).run()
    assert observed.ended()
    assert observed.unknown() == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_kills_and_crashes_take_no_other_steps_E_21_G_4(folder: Path, name: str) -> None:
    for seed in range(12):
        chance = random.Random(f"{name} {seed}")
        fault = Watched(at=chance.randrange(1, 60), is_after=chance.random() < 0.5)
        observed = Observed(folder, name, fault, is_direct=chance.random() < 0.5)
        observed.run(kill_after=chance.randrange(1, 25) if seed % 3 else None)
        assert (observed.ended(), observed.unknown()) == (True, []), f"seed {seed}"


def test_the_runs_show_every_step_of_the_table_that_can_be_seen(folder: Path) -> None:
    """A table that says more than happens, or runs that show less than they claim, would be found here."""
    seen: Counter[Change] = Counter()
    for name in WORKFLOWS:
        seen += Observed(folder, name, Watched(), is_direct=True).run().changes
        for kill_after in (1, 2, 3, 4, 5, 6, 8, 13):
            seen += Observed(folder, name, Watched(), is_direct=False).run(kill_after=kill_after).changes
    pairs = {(before, after) for _, before, after in seen}
    unseen_together = [one.steps for one in TOGETHER if ends(one) not in pairs and len(set(ends(one))) > 1]
    joined = {name for one in TOGETHER for name in one.steps}
    unseen = [step.name for step in STEPS if (step.before, step.after) not in pairs and step.before is not step.after
              and step.name not in joined]
    assert (unseen, unseen_together) == ([], [])


def test_what_is_done_takes_no_step_and_everything_else_takes_one_G_4() -> None:
    assert frozenset(State) - {step.before for step in STEPS} == DONE


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.name}-{step.of}")
def test_the_functions_that_a_step_names_are_there(step: Any) -> None:
    for dotted in (step.decided_by, step.written_by):
        room, module, *names = dotted.split(".")
        found: Any = importlib.import_module(f"skydag.{room}.{module}")
        for name in names:
            found = getattr(found, name)
        assert callable(found)


@pytest.mark.parametrize("together", TOGETHER, ids=lambda one: "+".join(one.steps))
def test_steps_that_one_write_makes_follow_each_other(together: Any) -> None:
    before, after = ends(together)
    assert before not in DONE and isinstance(after, State)
