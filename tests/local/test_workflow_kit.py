"""skydag.testing.run_workflow: a project's workflow as `skydag run` runs it, without waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from skydag.errors import NotFoundError, WorkflowError
from skydag.testing import run_workflow

START = datetime(2025, 3, 1, tzinfo=UTC)


def test_waits_polls_and_retries_take_no_time(tmp_path: Path) -> None:
    (tmp_path / "w.dig").write_text(
        "+a: {wait>: 2h}\n+b: {require>: other}\n+c:\n  _retry: {limit: 2, interval: 600}\n  +d: {fail>: no}\n")
    (tmp_path / "other.dig").write_text("+x: {wait>: 1m}\n")
    ran = run_workflow(tmp_path, "w.dig", time=START)
    assert ran.exit_code == 1
    assert timedelta(hours=2, minutes=21) < ran.time - START < timedelta(hours=2, minutes=22)


def test_it_says_what_was_printed_and_stored_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "import digdag, os\ndef keep(n, secret): digdag.env.store(twice=2 * n, known=os.environ['T'])\n")
    (tmp_path / "w.dig").write_text(
        "+a: {py>: tasks.keep, secret: x, _env: {T: '${secret:token}'}, python: python3}\n"
        "+b: {echo>: '${twice} on ${session_date}'}\n")
    before = sorted(tmp_path.iterdir())
    ran = run_workflow(tmp_path, "w", session="2025-02-28", params={"n": 4}, secrets={"token": "abc-def-ghi"})
    assert (ran.exit_code, ran.printed) == (0, ["8 on 2025-02-28"]), ran.told
    assert ran.stored["+w+a"] == {"twice": 8, "known": "abc-def-ghi"}
    assert sorted(path for path in tmp_path.iterdir() if path.name not in ("__pycache__", ".digdag")) == before


def test_a_failure_is_a_result_and_its_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "w.dig").write_text("+a: {echo>: a}\n+b: {fail>: out of apples}\n")
    ran = run_workflow(tmp_path, "w.dig")
    assert (ran.exit_code, ran.printed, set(ran.stored)) == (1, ["a"], {"+w+a"})
    assert "out of apples" in ran.told


def test_what_cannot_run_at_all_is_raised(tmp_path: Path) -> None:
    (tmp_path / "w.dig").write_text("+a: {echo>: a, sh>: b}\n")
    with pytest.raises(WorkflowError):
        run_workflow(tmp_path, "w.dig")
    with pytest.raises(NotFoundError):
        run_workflow(tmp_path, "v.dig")
