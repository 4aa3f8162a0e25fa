"""What a picture of a run shows, and when there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.goldens.cli_player import SOURCES

from skydag.language.bodies import compile_tasks
from skydag.local.progress import Progress

WORK = {"echo>": "x"}
TASKS = compile_tasks("+w", "", {
    "+load": {"_parallel": True, "+north": WORK, "+south": WORK, "+east": WORK}, "+each": {"loop>": 3, "_do": WORK},
    "+last": WORK})


def drawn(progress: Progress, now: float) -> list[str]:
    return [f"{'  ' * line.depth}{line.state} {line.name} {line.count} {line.seconds:g} {line.last_line}".rstrip()
            for line in progress.lines(now)]


def over(progress: Progress, name: str, now: float, *, is_success: bool = True) -> None:
    progress.ended(name, is_success=is_success, is_skipped=False, subtasks={}, now=now)


def test_groups_show_what_runs_or_failed_and_count_the_rest() -> None:
    progress = Progress(TASKS)
    for name in ("north", "south", "east"):
        progress.begins(f"+w+load+{name}", "echo>: x", 1)
    progress.output("+w+load+south", "page 1\npage 2\n")
    over(progress, "+w+load+north", 3)
    over(progress, "+w+load+east", 4, is_success=False)
    assert drawn(progress, 5) == ["running +load 2/3 4", "  running +south  4 page 2", "  failed +east  3"]


def test_a_group_that_is_done_folds() -> None:
    progress = Progress(TASKS)
    for name in ("north", "south", "east"):
        progress.begins(f"+w+load+{name}", "echo>: x", 1)
        over(progress, f"+w+load+{name}", 2)
    progress.group_ended("+w+load", "success", 2)
    assert drawn(progress, 9) == ["done +load 3/3 1"]


def test_a_loop_counts_its_iterations() -> None:
    progress = Progress(TASKS)
    progress.begins("+w+each", "loop>: 3", 1)
    body = {f"+loop-{n}": WORK for n in range(3)}
    progress.ended("+w+each", is_success=True, is_skipped=False, subtasks=body, now=1)
    progress.begins("+w+each^sub+loop-0", "echo>: x", 2)
    over(progress, "+w+each^sub+loop-0", 3)
    progress.begins("+w+each^sub+loop-1", "echo>: x", 3)
    assert drawn(progress, 5) == ["running +each 1/3 4", "  running +loop-1  2"]
    assert progress.counts() == {"to come": 5, "running": 1, "done": 1, "skipped": 0, "failed": 0}


def on_a_terminal(folder: Path, env: Mapping[str, str]) -> str:
    """What a run writes to a terminal of 80 columns."""
    (folder / "w.dig").write_text("+load:\n  sh>: echo hello; sleep 0.6\n")
    master, slave = os.openpty()
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "skydag", "run", "w.dig", "--no-save"], cwd=folder, stdout=slave, stderr=slave,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": SOURCES, "HOME": str(folder), "LANG": "C.UTF-8",
                 "COLUMNS": "80", "LINES": "24", **env})
        os.close(slave)
        seen = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            seen += data
        assert child.wait(timeout=30) == 0
    finally:
        os.close(master)
    return seen.decode()


def test_on_a_terminal_there_is_a_picture_with_the_tasks_output_above_it(tmp_path: Path) -> None:
    seen = on_a_terminal(tmp_path, {"TERM": "xterm"})
    assert "1 running" in seen and "+load" in seen and "hello" in seen
    assert "[INFO]" not in seen
    assert seen.replace("\r", "").endswith("Success.\n")


@pytest.mark.parametrize("env", [{"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colour_or_on_a_dumb_terminal_there_are_plain_lines(env: Mapping[str, str], tmp_path: Path) -> None:
    seen = on_a_terminal(tmp_path, env)
    assert "\x1b" not in seen
    assert "[INFO] (+w+load): sh>: echo hello; sleep 0.6" in seen
