"""The example project on a laptop: `skydag run FILE.dig`, as README's reader types it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.local import stand_in_docker

EXAMPLE = Path(__file__).parents[2] / "examples" / "daily_sales"
REPORT = """\
Sales of 2025-01-01
  harbour      102 units     366.30 EUR
  south        165 units     316.90 EUR
  north        125 units     255.40 EUR
  all          392 units     938.60 EUR
number 1: harbour
number 2: south
a good day: 392 units, best shop harbour
tomorrow about 411 units, says Python 3
sales of 2025-01-01 are ready, tomorrow about 411 units
"""


class Laptop:
    """The project in a folder of its own, a PATH with only what the project needs, and perhaps a docker command."""

    def __init__(self, folder: Path) -> None:
        self.project, self.bin = folder / "daily_sales", folder / "bin"
        shutil.copytree(EXAMPLE, self.project, ignore=shutil.ignore_patterns("__pycache__", ".digdag"))
        self.bin.mkdir()
        (self.bin / "python").symlink_to(sys.executable)
        for program in ("wc", "dirname"):
            (self.bin / program).symlink_to(shutil.which(program) or program)
        self.env: Mapping[str, str] = {
            "PATH": str(self.bin), "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def run(self, file: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "skydag", "run", file, "--session", "2025-01-01", "--no-save"]
        return subprocess.run(command, cwd=self.project, env=self.env, capture_output=True, text=True, timeout=60)


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


def test_daily_sales_prints_its_report_and_runs_one_task_by_docker(laptop: Laptop) -> None:
    calls = stand_in_docker.install(laptop.bin)
    ended = laptop.run("daily_sales.dig")
    assert ended.returncode == 0, ended.stderr
    printed = ended.stdout.splitlines()
    assert ended.stdout.endswith(REPORT)
    assert sorted(printed[5:12]) == [
        "bakery: 36540 cents", "dairy: 9550 cents", "deli: 13950 cents", "drinks: 33820 cents",
        "harbour: 6 rows, 102 units, 36630 cents", "north: 6 rows, 125 units, 25540 cents",
        "south: 5 rows, 165 units, 31690 cents"]
    (call,) = calls.read_text().splitlines()
    project = laptop.project.resolve()
    assert call.startswith(f"run --rm -v {project}:{project}:rw -w {project} python:3.13-slim python .digdag/tmp/")


def test_without_docker_the_task_says_what_to_install_or_to_remove(laptop: Laptop) -> None:
    ended = laptop.run("daily_sales.dig")
    assert ended.returncode == 1
    assert "install Docker" in ended.stderr
    assert "remove the 'docker:' key" in ended.stderr
    assert "the sales of 2025-01-01 failed: 'docker:' asks for a container" in ended.stdout


def test_a_shop_that_sent_nothing_fails_the_run_after_one_retry_and_error_says_so(laptop: Laptop) -> None:
    ended = laptop.run("broken_load.dig")
    assert ended.returncode == 1
    assert "north: 6 rows" in ended.stdout
    assert "loading failed on 2025-01-01: Python command failed with code 1" in ended.stdout
    assert "No such file or directory: 'data/west.csv'" in ended.stdout
    assert "nobody gets here" not in ended.stdout
    assert ended.stderr.count("(+broken_load+load+west): py>") == 1             # L-147
    assert "(+broken_load+load+west): failed, runs again" in ended.stderr


def test_a_slow_report_alerts_while_it_runs_and_ends_well(laptop: Laptop) -> None:
    ended = laptop.run("slow_report.dig")
    assert ended.returncode == 0, ended.stderr
    printed = ended.stdout.splitlines()
    assert "the slow report of 2025-01-01 is late" in printed[:-1]
    assert printed[-1] == "counted 3 shelves, late but right"
    assert "SLA violation" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_a_run_ends_its_commands_and_nothing_follows(laptop: Laptop, number: signal.Signals) -> None:
    (laptop.project / "long.dig").write_text("+a:\n  sh>: 'echo $$$$; exec sleep 600'\n")
    (laptop.bin / "sleep").symlink_to(shutil.which("sleep") or "sleep")
    command = [sys.executable, "-u", "-m", "skydag", "run", "long.dig", "--no-save"]
    running = subprocess.Popen(command, cwd=laptop.project, env=laptop.env, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    try:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        running.send_signal(number)
        _, errors = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "failure-alert" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
