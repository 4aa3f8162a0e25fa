"""skydag.testing: one task of one operator, as its author tries it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from skydag.errors import ConfigError, TaskError
from skydag.model.records import replace
from skydag.spi import Again, Operator, TaskRequest, TaskResult
from skydag.testing import Bench, Trial, Tried
from skydag.testing.bench import ATTEMPT


class Job(Operator):
    """Starts something, and looks after it each ten seconds."""

    retries = True
    started: list[str]

    def __init__(self) -> None:
        self.started = []

    def run(self, request: TaskRequest) -> TaskResult:
        token = request.secrets("job.token")
        request.log(f"token {token} of {request.properties.get('job.host')}")
        if "polls" not in request.state:
            self.started.append(request.once)
        polls = request.state.get("polls", 0)
        if polls < request.config["polls"]:
            raise Again(10, {**request.state, "polls": polls + 1})
        if request.config.get("fails"):
            raise TaskError(f"no, says {token}")
        request.echo("done")
        request.notify(f"done at {request.now():%H:%M:%S}")
        return TaskResult(store={"a": 1}, reset=("b",), export={"c": 2}, subtasks={"+d": {"echo>": "x"}})


def test_it_runs_until_it_is_done_and_the_clock_goes_by_what_it_asked_for() -> None:
    trial = Trial(Job(), {"polls": 3})
    assert trial.run_until_done() == Tried(
        store={"a": 1}, reset=("b",), export={"c": 2}, subtasks={"+d": {"echo>": "x"}})
    assert trial.waits == [timedelta(seconds=10)] * 3
    assert trial.notified == ["done at 00:00:30"]
    assert trial.echoed == ["done"]
    assert trial.state == {"polls": 3}


def test_one_that_never_ends_says_what_its_state_is() -> None:
    with pytest.raises(AssertionError, match=r"after 5 runs .* \{'polls': 5\}"):
        Trial(Job(), {"polls": 9}).run_until_done(5)


def test_G_8_secrets_and_properties_are_handed_in_and_secrets_do_not_show() -> None:
    trial = Trial(Job(), {"polls": 0, "fails": True}, secrets={"job.token": "abc-def-ghi"},
                  properties={"job.host": "example.com"})
    tried = trial.run()
    assert (tried.error, tried.is_success) == ("no, says ***", False)
    assert trial.log == ["token *** of example.com", "Task +w+a failed.", "no, says ***"]
    assert trial.asked == ["job.token"]


def test_E_57_retry_among_the_parameters_counts_and_its_pause_is_the_clocks() -> None:
    trial = Trial(Job(), {"polls": 0, "fails": True, "_retry": {"limit": 2, "interval": 60}})
    tried = trial.run_until_done()
    assert tried.error == "no, says None"
    assert [wait.total_seconds() for wait in trial.waits] == [60, 60]


def test_F_3_a_lost_run_leaves_no_state_and_what_it_started_can_be_recognised() -> None:
    """`once` is the same in the run that takes its place, and another one when the task is retried."""
    job = Job()
    trial = Trial(job, {"polls": 1, "fails": True, "_retry": 1})
    trial.run(is_lost=True)
    trial.run_until_done()
    assert len(job.started) == 2
    assert job.started[0] == job.started[1] != trial.request({}).once
    assert trial.run_number == 5


def test_what_is_to_be_started_once_has_a_name_of_its_own_in_each_run_of_a_workflow() -> None:
    """Also on a laptop, where every run counts its attempts and tasks from 1."""
    def once(session_uuid: str, run: int) -> str:
        bench = Bench(attempt=replace(ATTEMPT, session_uuid=session_uuid))
        bench.run_number = run
        return bench.request({}).once

    assert once("a", 1) == once("a", 2) != once("b", 1)
    assert re.fullmatch("[0-9a-f]{32}", once("a", 1))


def test_E_57_a_poll_that_forgets_the_count_of_retries_does_not_begin_them_anew() -> None:
    class Forgetful(Operator):
        retries = True

        def run(self, request: TaskRequest) -> TaskResult:
            if "looked" not in request.state:
                raise Again(1, {"looked": True})
            raise TaskError("no")

    trial = Trial(Forgetful(), {"_retry": 2})
    assert trial.run_until_done().error == "no"
    assert trial.run_number == 5, "the next would be the fifth"


def test_an_exception_that_is_none_of_ours_has_its_traceback_and_a_config_error_none() -> None:
    class Broken(Operator):
        def run(self, request: TaskRequest) -> TaskResult:
            if "limit" in request.local:
                raise ConfigError("limit must be above 0")
            return TaskResult(store={"x": 1 / 0})

    tried = Trial(Broken(), {"limit": 1}, {}).run()
    assert tried.error == "division by zero (zero division)"
    assert "ZeroDivisionError" in (tried.stacktrace or "")
    assert Trial(Broken(), {"limit": 1}).run() == Tried(error="limit must be above 0 (config)")


def test_the_built_in_variables_are_there_in_the_workflows_time_zone() -> None:
    class Day(Operator):
        def run(self, request: TaskRequest) -> TaskResult:
            return TaskResult(store={"day": request.config["session_date"], "own": sorted(request.local)})

    session_time = datetime(2025, 2, 28, 23, tzinfo=UTC)
    trial = Trial(Day(), {"_command": "x"}, session_time=session_time, timezone="Europe/Berlin")
    assert trial.run().store == {"day": "2025-03-01", "own": ["_command"]}


def test_files_templates_and_commands_are_real(tmp_path: Path) -> None:
    class Show(Operator):
        def run(self, request: TaskRequest) -> TaskResult:
            text = (request.files.root / "greeting.txt").read_text()
            request.commands(["echo", request.template(text)], cwd=request.files.root, env={})
            return TaskResult(subtasks=request.files.compile("other.dig"))

    trial = Trial(Show(), {"name": "world"}, project=tmp_path)
    trial.file("greeting.txt", "hello ${name.toUpperCase()}")
    trial.file("other.dig", "+a: {echo>: a}\n")
    assert trial.run() == Tried(subtasks={"+a": {"echo>": "a"}})
    assert trial.log == ["hello WORLD"]
