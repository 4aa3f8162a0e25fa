"""What a local run of many tasks holds: at most 150 MB at 10,000 of them, with their states saved."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import memory_mb

TASKS = 10_000


def test_a_run_of_ten_thousand_tasks_holds_at_most_150_mb(tmp_path: Path) -> None:
    text = "_parallel: true\n" + "".join(f"+t{number}: {{echo>: hello {number}}}\n" for number in range(TASKS))
    (tmp_path / "w.dig").write_text(text)
    assert memory_mb("-m", "skydag", "run", "w", cwd=tmp_path) <= 150
    assert len(list((tmp_path / ".digdag" / "status").glob("*/+w+t*.yml"))) == TASKS
