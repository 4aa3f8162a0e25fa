"""The example's workflows give the same tasks on a laptop, in the embedded installation, and through a server's API."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.local import stand_in_docker

from skydag.app.packing import listed, pack
from skydag.app.workspace import reader
from skydag.bootstrap import SystemChance, system_clock
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation
from skydag.embedded.rest import Rest
from skydag.language.compile import compile_project
from skydag.language.sla import sla_tasks
from skydag.local.chosen import stored as _stored
from skydag.local.objects import MemoryObjects
from skydag.local.secret_store import LocalSecrets
from skydag.local.world import LocalWorld
from skydag.store.logs import ObjectLogs

EXAMPLE = Path(__file__).parents[2] / "examples" / "daily_sales"
SESSION = datetime(2025, 1, 1, tzinfo=UTC)
Result = dict[str, tuple[str, Any, str]]        # row (name, tries told apart) -> state, stores, first line of the error


def _told_apart(rows: list[tuple[int, str, str, Any, str]]) -> Result:
    """Rows by name; the second of one name is name#2."""
    out: Result = {}
    seen: dict[str, int] = {}
    for _, name, state, stores, message in sorted(rows):
        seen[name] = seen.get(name, 0) + 1
        out[name if seen[name] == 1 else f"{name}#{seen[name]}"] = (state, stores, message.partition("\n")[0])
    return out


def _on_a_laptop(name: str, folder: Path) -> Result:
    project = folder / "project"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__", ".digdag"))
    stand_in_docker.install(folder / "bin")
    (folder / "bin" / "python").symlink_to(sys.executable)
    workflow = compile_project(listed(project), reader(project)).workflow(name)
    assert workflow is not None
    world = LocalWorld(
        project=project, now=system_clock, chance=SystemChance(), secrets=LocalSecrets({}), threads=4,
        logs=ObjectLogs(MemoryObjects(), agent="local", clock=system_clock), echo=lambda text: None,
        env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"})
    try:
        application = world.application
        now = system_clock()
        stored = _stored(workflow, application.definitions.keep(1, workflow.tasks, sla_tasks(workflow.sla)), now)
        attempt = application.starter(stored, SESSION, params={}, now=now)
        world.run_until_done(attempt.id)
        return _told_apart([(row.id, row.full_name, str(row.state), row.store_params, row.error.get("message", ""))
                            for row in application.task_rows(attempt.id)])
    finally:
        world.close()


def _through_the_api(rest: Rest, attempt: str) -> Result:
    tasks = rest.get(f"/api/attempts/{attempt}/tasks")["tasks"]
    return _told_apart([(int(task["id"]), task["fullName"], task["state"], task["storeParams"],
                         task["error"].get("message", "")) for task in tasks])


def _started(rest: Rest, name: str) -> str:
    found = rest.get("/api/workflow", project="daily_sales", name=name)
    body: Mapping[str, Any] = {"workflowId": found["id"], "sessionTime": "2025-01-01T00:00:00Z", "params": {}}
    return str(rest.put("/api/attempts", body)["id"])


def _push(installation: Installation) -> Rest:
    application = installation.application("Api")
    application.push("daily_sales", "1", pack(EXAMPLE), now=installation.clock())
    return Rest(application)


@pytest.fixture
def served() -> Iterator[tuple[Installation, Rest]]:
    """As `skydag server` keeps it: on the real clock, its tasks progressing by themselves."""
    stop = threading.Event()
    with Installation(clock=system_clock, workers=4) as installation:
        rest = _push(installation)
        thread = threading.Thread(target=installation.serve, args=(stop,))
        thread.start()
        try:
            yield installation, rest
        finally:
            stop.set()
            installation.wake()
            thread.join()


@pytest.mark.parametrize("name", ["daily_sales", "broken_load"])
def test_three_ways_give_the_same_tasks(
    name: str, tmp_path: Path, served: tuple[Installation, Rest],
) -> None:
    laptop = _on_a_laptop(name, tmp_path)
    assert len(laptop) > 5
    _, rest = served
    attempt = _started(rest, name)
    wait = threading.Event()
    for _ in range(600):
        if rest.get(f"/api/attempts/{attempt}")["done"]:
            break
        wait.wait(0.1)
    assert _through_the_api(rest, attempt) == laptop


@pytest.mark.parametrize("name", ["daily_sales", "broken_load"])
def test_the_pump_of_the_demo_gives_the_same_tasks(name: str, tmp_path: Path) -> None:
    with Installation(clock=VirtualClock(SESSION)) as installation:
        rest = _push(installation)
        attempt = _started(rest, name)
        installation.settle()
        found = _through_the_api(rest, attempt)
    assert found == _on_a_laptop(name, tmp_path)
