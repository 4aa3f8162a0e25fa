"""What waits in a local run goes on when its time has come, whatever else is due at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from skydag.app.stream import Record
from skydag.bootstrap import SystemChance
from skydag.cli.main import main
from skydag.local.objects import MemoryObjects
from skydag.local.secret_store import LocalSecrets
from skydag.local.world import LocalWorld
from skydag.store.logs import ObjectLogs

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def test_of_several_timers_that_are_due_at_once_each_rings_A_116(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two require> that wait for each other's sessions poll in the same second: one that never rings waits for ever."""
    world = LocalWorld(
        project=tmp_path, now=lambda: NOW, chance=SystemChance(), secrets=LocalSecrets({}), echo=lambda _: None,
        logs=ObjectLogs(MemoryObjects(), agent="local", clock=lambda: NOW))
    rang: list[Mapping[str, Any]] = []
    monkeypatch.setattr(world.application.advance, "timer", lambda message, now: rang.append(message))
    for path in ("a", "b", "c"):
        world.timers.set(NOW, {"path": path}, now=NOW)
    while world.step():
        pass
    assert [message["path"] for message in rang] == ["a", "b", "c"]


def test_while_tasks_wait_for_a_thread_results_are_looked_at_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread that looks at each by itself keeps the others from what they do. GATHER_S is never over here."""
    monkeypatch.setattr("skydag.local.world.GATHER_S", 10_000.0)
    tasks = "".join(f"+t{number}: {{echo>: x}}\n" for number in range(250))
    (tmp_path / "w.dig").write_text(f"_parallel: true\n{tasks}")
    monkeypatch.chdir(tmp_path)
    seen: list[int] = []
    advance = LocalWorld.advance

    def watched(world: LocalWorld, records: Sequence[Record]) -> None:
        seen.append(len(records))
        advance(world, records)

    monkeypatch.setattr(LocalWorld, "advance", watched)
    assert main(["run", "w", "--no-save", "--max-task-threads", "1"]) == 0
    assert sum(seen) >= 250
    assert len(seen) < 10, seen
