"""What waits in a local run goes on when its time has come, whatever else is due at that moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from skydag.bootstrap import SystemChance
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
