"""Ctrl-C and SIGTERM: what runs is ended, what succeeded is saved, and the user is told how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.goldens.cli_player import SOURCES

TEXT = """\
+a:
  echo>: a
+b:
  sh>: trap '' TERM; echo $$$$; while true; do sleep 0.1; done
"""
STUBBORN = "trap '' TERM; "


@pytest.fixture
def running(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "w.dig").write_text(TEXT if getattr(request, "param", False) else TEXT.replace(STUBBORN, ""))
    child = subprocess.Popen(
        [sys.executable, "-u", "-m", "skydag", "run", "w.dig", "--session", "2024-01-01"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": SOURCES, "HOME": str(tmp_path)})
    yield child
    child.kill()
    child.communicate()


def command_of(running: subprocess.Popen[str]) -> int:
    """The process id that +b prints once it runs."""
    assert running.stdout is not None
    assert running.stdout.readline() == "a\n"
    return int(running.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_the_commands_saves_what_is_done_and_says_how_to_go_on(
    number: signal.Signals, running: subprocess.Popen[str], tmp_path: Path,
) -> None:
    child = command_of(running)
    running.send_signal(number)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Interrupted: ending 1 running command (once more to leave at once)" in told
    assert told.splitlines()[-5:-2] == [
        "", "Task state is saved at .digdag/status/20240101T000000+0000 directory.",
        "To go on from here: skydag run w.dig --session 2024-01-01"]
    assert "Traceback" not in told and "Command failed" not in told
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    states = tmp_path / ".digdag" / "status" / "20240101T000000+0000"
    assert sorted(path.name for path in states.iterdir()) == ["+w+a.yml"]


@pytest.mark.parametrize("running", [True], indirect=True)
def test_a_second_signal_leaves_at_once_and_leaves_no_command_behind(running: subprocess.Popen[str]) -> None:
    child = command_of(running)
    running.send_signal(signal.SIGINT)
    assert running.stderr is not None
    while "Interrupted" not in running.stderr.readline():
        pass
    before = time.monotonic()
    running.send_signal(signal.SIGINT)
    running.wait(timeout=30)
    assert time.monotonic() - before < 3                        # the grace of a stubborn command is five seconds
    assert running.returncode == 130
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)                                        # killed, and not yet reaped
    raise AssertionError("the command is still there")


def test_a_run_that_is_killed_has_saved_what_was_done_a_second_ago_C_25(
    running: subprocess.Popen[str], tmp_path: Path,
) -> None:
    child = command_of(running)
    state = tmp_path / ".digdag" / "status" / "20240101T000000+0000" / "+w+a.yml"
    for _ in range(500):
        if state.exists():
            break
        time.sleep(0.01)
    running.kill()
    os.killpg(child, signal.SIGKILL)
    assert state.read_text().startswith('fullName: "+w+a"\nstate: "success"\n')
