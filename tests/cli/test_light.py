"""Local commands start quickly: nothing of AWS is loaded (design.md section 6)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.goldens.cli_player import SOURCES

HEAVY = ("boto3", "botocore", "moto", "aws_lambda_powertools", "urllib.request", "ssl")
# Each takes 1 to 15 ms to load, and is for what a run of one plain task does not do.
NOT_FOR_A_PLAIN_RUN = frozenset((
    *HEAVY, "asyncio", "calendar", "concurrent.futures", "dataclasses", "gzip", "hashlib", "http.client",
    "importlib.metadata", "importlib.resources", "inspect", "linecache", "locale", "logging", "quickjs", "random",
    "_strptime", "rich", "shlex", "shutil", "socket", "string", "subprocess", "tarfile", "tempfile", "textwrap",
    "traceback", "uuid", "zlib", "zoneinfo",
    "skydag.api", "skydag.aws", "skydag.language.advice", "skydag.language.timetable", "skydag.local.forks",
    "skydag.local.live", "skydag.testing"))
OURS_MAX = 150                      # modules of ours, each a third of a millisecond, in a run of one task


def loaded(*argv: str, cwd: Path) -> set[str]:
    code = ("import sys; from skydag.cli.main import main; code = main(sys.argv[1:]); "
            "print('loaded:', *sys.modules, file=sys.stderr); sys.exit(code)")
    done = subprocess.run([sys.executable, "-c", code, *argv], cwd=cwd, capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": SOURCES, "HOME": str(cwd), "PATH": "/usr/bin:/bin"})
    return set(done.stderr.partition("loaded: ")[2].split())


def pythons_own() -> set[str]:
    """What `python -c` loads, whatever it runs."""
    done = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True,
                          check=True, env={})
    return set(done.stdout.split())


@pytest.mark.parametrize("argv", [("--version",), ("--help",), ("check",), ("push", "--help"), ("run", "--help")])
def test_local_commands_load_nothing_of_aws_and_no_network(argv: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "w.dig").write_text("+x:\n  echo>: x\n")
    heavy = HEAVY[:4] if argv[0] == "push" else HEAVY
    assert not loaded(*argv, cwd=tmp_path) & set(heavy)


def test_the_version_loads_only_the_command_lines_door(tmp_path: Path) -> None:
    ours = {name for name in loaded("--version", cwd=tmp_path) if name.startswith("skydag")}
    assert ours == {"skydag", "skydag.cli", "skydag.cli.main"}


def test_a_run_of_one_plain_task_loads_what_it_needs_and_no_more(tmp_path: Path) -> None:
    """Design.md section 6: at most ten times what the interpreter takes to start."""
    (tmp_path / "w.dig").write_text("+x:\n  echo>: x\n")
    for _ in range(2):                  # the second looks for times of earlier sessions
        found = loaded("run", "w", cwd=tmp_path)
        assert not (found - pythons_own()) & NOT_FOR_A_PLAIN_RUN
    assert len([name for name in found if name.startswith("skydag")]) <= OURS_MAX


def test_a_process_of_one_task_never_looks_for_garbage_nor_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "w.dig").write_text("+x:\n  echo>: x\n")
    code = ("import gc, sys; from skydag.cli.main import process; gc.collect(); "
            "before = [one['collections'] for one in gc.get_stats()]; process(); "
            "print('looked:', [one['collections'] for one in gc.get_stats()] != before, gc.get_freeze_count() > 0)")
    done = subprocess.run([sys.executable, "-c", code, "run", "w", "--no-save"], cwd=tmp_path, capture_output=True,
                          text=True, check=True, env={"PYTHONPATH": SOURCES, "HOME": str(tmp_path)})
    assert done.stdout.splitlines()[-1] == "looked: False True"
