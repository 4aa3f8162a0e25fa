"""A kill lets operators stop what they started (E-37, O-43), and waits for nobody (K-6, D-78)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.digdag.workflow_cases import World
from tests.embedded.test_journey import archive

from skydag.app import operators
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.functions import Function
from skydag.embedded.installation import Installation
from skydag.embedded.rest import Rest
from skydag.spi import Again, Operator, TaskRequest, TaskResult
from skydag.testing import Trial

SESSION = datetime(2025, 1, 1, tzinfo=UTC)


class Job(Operator):
    """Starts something, and looks after it each minute until somebody kills the attempt."""

    cleans_up = True

    def __init__(self) -> None:
        self.stopped: list[Mapping[str, Any]] = []
        self.while_running: Callable[[TaskRequest], None] = lambda request: None

    def run(self, request: TaskRequest) -> TaskResult:
        self.while_running(request)
        raise Again(60, {"job": 7, "polls": request.state.get("polls", 0) + 1})

    def cleanup(self, request: TaskRequest) -> None:
        request.log(f"job {request.state['job']} of {request.config['_command']} stopped")
        self.stopped.append(request.state)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    job = Job()
    monkeypatch.setitem(operators._known, "job", job)
    return job


def world(folder: Path, text: str, *, is_direct: bool = True) -> tuple[World, int]:
    world = World(folder, {"w.dig": text}, is_direct=is_direct)
    attempt = world.start("w", SESSION, {})
    for _ in range(200):
        world.local.step()                  # time stands still: the first poll waits
    return world, attempt


def states(world: World, attempt: int) -> dict[str, str]:
    return {row.full_name: str(row.state) for row in world.rows(attempt)}


def kill(world: World, attempt: int) -> None:
    world.local.application.kill(attempt)
    for _ in range(200):
        world.local.step()


@pytest.mark.parametrize("is_direct", [True, False])
def test_D_78_a_task_that_waits_is_canceled_at_once_and_its_operator_cleans_up_with_its_state(
    job: Job, tmp_path: Path, is_direct: bool,
) -> None:
    started, attempt = world(tmp_path, "+a: {job>: table}\n+b: {echo>: b}\n", is_direct=is_direct)
    kill(started, attempt)
    assert states(started, attempt) == {"+w": "canceled", "+w+a": "canceled", "+w+b": "blocked"}
    assert job.stopped == [{"job": 7, "polls": 1}]


@pytest.mark.parametrize("is_direct", [True, False])
def test_E_71_one_that_is_running_goes_on_to_its_end_and_is_cleaned_up_with_what_it_asked_for(
    job: Job, tmp_path: Path, is_direct: bool,
) -> None:
    """The kill comes when the claim is written, and nothing has come back yet."""
    started = World(tmp_path, {"w.dig": "+a: {job>: table}\n"}, is_direct=is_direct)

    def killed(request: TaskRequest) -> None:
        started.local.application.kill(request.attempt_id)
        while records := started.local._take_records():
            started.local.advance(records)

    job.while_running = killed
    attempt = started.start("w", SESSION, {})
    started.settle()
    assert states(started, attempt) == {"+w": "canceled", "+w+a": "canceled"}
    assert job.stopped == [{"job": 7, "polls": 1}]


def test_what_never_ran_and_who_does_not_ask_for_it_is_not_cleaned_up(job: Job, tmp_path: Path) -> None:
    started = World(tmp_path, {"w.dig": "+a: {job>: table}\n"}, is_direct=False)
    attempt = started.start("w", SESSION, {})
    started.local.application.kill(attempt)
    started.settle()
    assert states(started, attempt)["+w"] == "canceled"
    type(job).cleans_up = False
    try:
        other, second = world(tmp_path, "+a: {job>: table}\n")
        kill(other, second)
        assert states(other, second)["+w+a"] == "canceled"
    finally:
        type(job).cleans_up = True
    assert job.stopped == []


def test_a_clean_up_that_fails_changes_nothing(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(request: TaskRequest) -> None:
        job.stopped.append(request.state)
        raise OSError("nobody answers")

    monkeypatch.setattr(job, "cleanup", broken)
    started, attempt = world(tmp_path, "+a: {job>: table}\n")
    kill(started, attempt)
    assert states(started, attempt)["+w+a"] == "canceled"
    assert len(job.stopped) == 1


@pytest.mark.parametrize("dies", [False, True])
def test_an_installation_cleans_up_and_its_log_says_so_and_who_dies_over_it_does_no_harm(job: Job, dies: bool) -> None:
    def around(function: Function, call: Callable[[], Any]) -> Any:
        answer = call()
        if dies and job.stopped and function.id == "Work":
            raise RuntimeError("planned")
        return answer

    with Installation(clock=VirtualClock(SESSION), around=around) as installation:
        application = installation.application("Api")
        rest = Rest(application)
        application.push("p", "1", archive({"w.dig": "+a: {job>: table}\n"}), now=installation.clock())
        workflow = rest.get("/api/workflow", project="p", name="w")["id"]
        attempt = rest.put("/api/attempts", {"workflowId": workflow, "sessionTime": "2025-01-01T00:00:00Z",
                                             "params": {}})["id"]
        installation.run_until(datetime(2025, 1, 1, 0, 0, 30, tzinfo=UTC))
        application.kill(int(attempt))
        installation.settle()
        assert rest.get(f"/api/attempts/{attempt}")["status"] == "killed"
        assert rest.logs(attempt)["+w+a"] == ["job 7 of table stopped"]
        (task,) = [one for one in rest.get(f"/api/attempts/{attempt}/tasks")["tasks"] if one["fullName"] == "+w+a"]
        assert (task["state"], task["stateParams"]) == ("canceled", {"job": 7, "polls": 1})
        assert [failure.function for failure in installation.lambdas.failures] == ["Work"] * dies
    assert job.stopped == [{"job": 7, "polls": 1}]


def test_a_clean_up_that_fails_without_words_is_told_by_its_class() -> None:
    class Silent(Job):
        def cleanup(self, request: TaskRequest) -> None:
            raise ValueError

    trial = Trial(Silent(), {"_command": "table"})
    trial.kill()
    assert trial.log == ["Cleaning up after task +w+a failed: ValueError"]
