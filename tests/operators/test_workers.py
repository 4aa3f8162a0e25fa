"""The doors of user code: the function `script`, and a container."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_script import ARCHIVE, Place, job, packed

from skydag.errors import UnavailableError
from skydag.local.commands import user_environment
from skydag_operators.workers import _wiring, on_ecs, on_lambda


class Context:
    def __init__(self, *remaining_ms: int) -> None:
        self._remaining_ms = list(remaining_ms)

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms.pop(0) if len(self._remaining_ms) > 1 else self._remaining_ms[0]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "archives")
    place.objects.put(ARCHIVE, packed({"m.py": "def f(): pass\n"}))
    return place


@pytest.fixture
def sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_function_runs_its_event_and_a_large_one_from_the_bucket(place: Place) -> None:
    on_lambda.run(job("sh", "echo small"), Context(900_000), place.script())
    place.objects.put("data/jobs/x.json", json.dumps(job("sh", "echo large")).encode())
    on_lambda.run({"spilled": "data/jobs/x.json"}, Context(900_000), place.script())
    assert [report["ended"]["output"] for report in place.reports] == ["small\n", "large\n"]


def test_the_function_stops_a_command_while_there_is_time_to_say_why(place: Place) -> None:
    place.stop_poll_s = 0.02
    on_lambda.run(job("sh", "exec sleep 600"), Context(20_000, 14_000), place.script())
    message = place.reports[0]["ended"]["error"]["message"]
    assert "a function may run no longer; with a 'docker:' key the task runs in a container" in message


def test_a_container_runs_the_job_at_its_key_and_exits_with_0_whatever_became_of_it(
    place: Place, monkeypatch: pytest.MonkeyPatch, sigterm: None,
) -> None:
    place.objects.put("data/jobs/1.json", json.dumps(job("sh", "exit 9")).encode())
    monkeypatch.setenv(on_ecs.JOB, "data/jobs/1.json")
    monkeypatch.setattr(_wiring, "from_environment", lambda agent, is_waiting: place.script())
    assert on_ecs.main() == 0
    assert place.reports[0]["ended"]["error"]["message"] == "Command failed with code 9 (runtime)"


def test_a_container_that_is_asked_to_stop_ends_its_command_and_reports(
    place: Place, monkeypatch: pytest.MonkeyPatch, sigterm: None,
) -> None:
    place.stop_poll_s = 0.02
    place.objects.put("data/jobs/1.json", json.dumps(job("sh", f"kill -TERM {os.getpid()}; exec sleep 600")).encode())
    monkeypatch.setenv(on_ecs.JOB, "data/jobs/1.json")
    monkeypatch.setattr(_wiring, "from_environment", lambda agent, is_waiting: place.script())
    assert on_ecs.main() == 0
    assert "stopped, because the attempt was killed" in place.reports[0]["ended"]["error"]["message"]


def test_a_container_tries_again_while_finish_is_unavailable_and_gives_up_in_the_end() -> None:
    tries: list[int] = []
    waits: list[float] = []

    def deliver(good: int) -> None:
        tries.append(1)
        if len(tries) < good:
            raise UnavailableError("finish failed")

    _wiring.patiently(lambda: deliver(3), sleep=waits.append)
    assert (len(tries), len(waits)) == (3, 2)
    tries.clear()
    with pytest.raises(UnavailableError):
        _wiring.patiently(lambda: deliver(100), sleep=waits.append)
    assert len(tries) == 8


def test_a_container_without_a_job_says_so_and_exits_with_64(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv(on_ecs.JOB, raising=False)
    assert on_ecs.main() == 64
    assert "SKYDAG_JOB is not set" in caplog.text


def test_user_code_does_not_see_the_variables_that_are_ours() -> None:
    given: Mapping[str, Any] = {"PATH": "/bin", "SKYDAG_TABLE": "t", "_HANDLER": "h", "AWS_LAMBDA_RUNTIME_API": "x",
                                "AWS_REGION": "r"}
    assert user_environment(given) == {"PATH": "/bin", "AWS_REGION": "r"}


def test_o183_what_user_code_installs_is_found_by_it_and_gone_afterwards(tmp_path: Path) -> None:
    lines: list[str] = []
    program = ("import os, subprocess, sys\n"
               "target = os.environ['PIP_TARGET']\n"
               "open(os.path.join(target, 'just_installed.py'), 'w').write('x = 1')\n"
               "import just_installed\n"
               "subprocess.run([sys.executable, '-c', 'import just_installed'], check=True)\n"
               "print(os.environ['HOME'])\n")
    for _ in range(2):
        commands = _wiring.AtHome(lines.append, lambda: False)
        assert commands([sys.executable, "-c", program], cwd=tmp_path, env={}).code == 0, lines
        del commands
    assert len(set(lines)) == 2, "each run has a home of its own"
    assert not any(Path(home).exists() for home in lines)
