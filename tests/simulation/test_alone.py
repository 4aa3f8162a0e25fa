"""A task that nobody else can have needs no claim (local/small.py keeps such); what a claim guards against holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.simulation.scripted import Script, begin, drain, status
from tests.simulation.world import World

from skydag.app.job import Job

WIDE = "_parallel: true\n+a: {do>: 1}\n+b: {do>: 1}\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, replay=Script(is_small=True), mode="direct")


def taken(world: World) -> list[tuple[Job, str]]:
    """The jobs that were handed over, and nobody has."""
    jobs = [(Job.from_json({k: v for k, v in job.items() if k != "call"}), str(job["call"])) for _, job in world.calls]
    world.calls.clear()
    return jobs


def run(world: World, jobs: list[tuple[Job, str]]) -> None:
    for job, token in jobs:
        world.application.work(job, token, is_alone=True)


def ran(world: World) -> list[str]:
    return list(world.replay.ran)                                       # type: ignore[attr-defined]


def test_it_is_written_once(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt_id = begin(world, WIDE, tmp_path)
    written: list[str] = []
    put = world.table.put

    def noted(item: Any, condition: Any = None) -> None:
        written.append(item["sk"])
        put(item, condition)

    monkeypatch.setattr(world.table, "put", noted)
    run(world, taken(world))
    assert sorted(sk for sk in written if sk.endswith("~l")) == ["t0000000~l", "t0000001~l"]
    drain(world)
    assert status(world, attempt_id) == "success"
    assert ran(world) == ["+w+a", "+w+b"]


def test_handed_over_twice_it_runs_once(world: World, tmp_path: Path) -> None:
    attempt_id = begin(world, WIDE, tmp_path)
    jobs = taken(world)
    run(world, [*jobs, *jobs])
    drain(world)
    assert status(world, attempt_id) == "success"
    assert ran(world) == ["+w+a", "+w+b"]


def test_canceled_while_it_waited_it_does_not_run(world: World, tmp_path: Path) -> None:
    attempt_id = begin(world, WIDE, tmp_path)
    jobs = taken(world)
    world.application.kill(attempt_id)
    while world._step():
        pass
    run(world, jobs)
    world.settle(hours=1)
    assert ran(world) == []
    assert status(world, attempt_id) == "killed"
