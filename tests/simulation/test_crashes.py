"""Whoever dies at whatever call: the end is the same (design.md section 7: G-3, G-4, G-5, G-9)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.simulation.world import Fault, Replay, World, faults, outcome

from skydag.app.packing import listed
from skydag.app.workspace import reader
from skydag.language.compile import compile_project
from skydag.language.sla import sla_tasks
from skydag.model.project import StoredWorkflow

EXAMPLE = Path(__file__).parents[2] / "examples" / "daily_sales"


def _workflow(name: str, folder: Path = EXAMPLE) -> tuple[StoredWorkflow, World]:
    project = compile_project(listed(folder), reader(folder))
    assert not project.errors, project.errors
    workflow = project.workflow(name)
    assert workflow is not None
    keeper = World(folder)
    sla = sla_tasks(workflow.sla)
    pages = keeper.application.definitions.keep(1, workflow.tasks, sla)
    return StoredWorkflow(
        id=1, name=name, project_id=1, project_name="p", revision="r", timezone=workflow.timezone, archive=None,  # type: ignore[arg-type]
        config=workflow.definition, pages=pages, task_count=len(workflow.tasks), schedule=workflow.schedule,
        sla=workflow.sla), keeper


def _run(stored: StoredWorkflow, keeper: World, replay: Replay, fault: Fault, *, is_direct: bool) -> tuple[World, int]:
    world = World(EXAMPLE, fault=fault, is_direct=is_direct, replay=replay)
    for key, _ in keeper.objects.list("data/pages/"):
        world.objects.put(key, keeper.objects.get(key))
    attempt_id = world.start(stored)
    world.settle(hours=2)
    return world, attempt_id


@pytest.mark.parametrize("is_direct", [True, False], ids=["direct", "stream-only"])
@pytest.mark.parametrize("name", ["daily_sales", "broken_load"])
def test_whoever_dies_at_whatever_call_the_end_is_the_same(name: str, is_direct: bool) -> None:
    stored, keeper = _workflow(name)
    replay = Replay()
    calm = Fault()
    world, attempt_id = _run(stored, keeper, replay, calm, is_direct=is_direct)
    expected = outcome(world, attempt_id)
    assert expected["status"] == ("success" if name == "daily_sales" else "error")
    wrong = []
    for at, is_after in faults(calm.calls):
        fault = Fault(at=at, is_after=is_after)
        world, attempt_id = _run(stored, keeper, replay, fault, is_direct=is_direct)
        found = outcome(world, attempt_id)
        twice = {key: states for key, states in world.results.items() if len(states) > 1}
        if found != expected or twice:
            where = "after" if is_after else "before"
            wrong.append(f"call {at} ({fault.log}) {where}: {_difference(expected, found)} {twice or ''}")
    assert not wrong, "\n".join(wrong[:20])


def _difference(expected: dict[str, object], found: dict[str, object]) -> str:
    out = []
    for key, value in expected.items():
        if found[key] != value:
            if isinstance(value, list):
                there = found[key]
                assert isinstance(there, list)
                out.append(f"{key}: missing {[v for v in value if v not in there]}, "
                           f"besides {[v for v in there if v not in value]}")
            else:
                out.append(f"{key}: {found[key]}")
    return "; ".join(out)
