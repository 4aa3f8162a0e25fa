"""Runs a case of conformance/workflows on the local world and compares what came out (format: its README)."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from skydag.app.advance import Settings
from skydag.app.tasks import TaskRow
from skydag.language.compile import compile_project
from skydag.language.sla import sla_tasks
from skydag.local.objects import MemoryObjects
from skydag.local.secret_store import LocalSecrets
from skydag.local.world import LocalWorld
from skydag.model.project import StoredWorkflow
from skydag.model.session import Resume
from skydag.model.workflow import Project
from skydag.store.logs import ObjectLogs

CASES = Path(__file__).parents[1] / "conformance" / "workflows"
START = datetime(2025, 6, 1, tzinfo=UTC)


def all_cases() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in sorted(CASES.glob("*.json")):
        for case in json.loads(file.read_text()):
            yield file.stem, case


class Chance:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def token(self) -> str:
        return f"token-{next(self._numbers):020d}"

    def uuid(self) -> str:
        return str(uuid.uuid4())        # some cases make a file of it, and several processes run them


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


class World:
    """A project in a folder, on the local world; time moves only when nothing else is left to do."""

    def __init__(self, folder: Path, files: Mapping[str, str], *, is_direct: bool, task_limit: int = 1000,
                 secrets: Mapping[str, str] | None = None) -> None:
        self.clock, self.printed = Clock(), list[str]()
        self.local = LocalWorld(
            project=folder, now=self.clock, chance=Chance(), secrets=LocalSecrets(secrets or {}),
            logs=ObjectLogs(MemoryObjects(), agent="test", clock=self.clock), echo=self.printed.append,
            settings=Settings(is_direct=is_direct, task_limit=task_limit))
        self.folder, self.ids = folder, itertools.count(1)
        self.project = self.push(files)

    def push(self, files: Mapping[str, str]) -> Project:
        """The folder's new content, compiled; the project is that unless it holds errors."""
        for old in sorted(self.folder.rglob("*"), reverse=True):
            old.rmdir() if old.is_dir() else old.unlink()
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if text.startswith("#!"):
                path.chmod(0o755)
        names = sorted(path.name for path in self.folder.iterdir() if path.is_file())
        pushed = compile_project(names, self._read)
        if not pushed.errors:
            self.project = pushed
        return pushed

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else _missing(name)

    def start(self, name: str, session_time: datetime, params: Mapping[str, Any],
              retry_attempt_name: str | None = None, resume: Resume | None = None) -> int:
        workflow = self.project.workflow(name)
        assert workflow is not None
        sla = sla_tasks(workflow.sla)
        application = self.local.application
        number = next(self.ids)
        stored = StoredWorkflow(
            id=number, name=name, project_id=1, project_name="p", revision="r", timezone=workflow.timezone,  # type: ignore[arg-type]
            config=workflow.definition, task_count=len(workflow.tasks), archive=None, schedule=workflow.schedule,
            pages=application.definitions.keep(number, workflow.tasks, sla), sla=workflow.sla)
        return application.starter(stored, session_time, params=params, retry_attempt_name=retry_attempt_name,
                                   resume=resume, now=self.clock()).id

    def settle(self) -> None:
        for _ in range(100_000):
            if self.local.step():
                self.after_step()
                continue
            due = self.local.timers.next_at()
            if due is None:
                return
            self.clock.now = max(due, self.clock.now + timedelta(milliseconds=1))
        raise AssertionError("it does not come to rest")

    def after_step(self) -> None:
        """For those who look at what goes on."""

    def rows(self, attempt_id: int) -> Sequence[TaskRow]:
        return self.local.application.task_rows(attempt_id)


def _missing(name: str) -> bytes:
    raise FileNotFoundError(name)


# --- comparing -------------------------------------------------------------------------------------------------------

def matches(expected: Any, found: Any) -> bool:
    if isinstance(expected, str):
        if expected == "<any>":
            return True
        if found.__class__ is str and (pattern := re.fullmatch(r"<re:(.*)>", expected, re.DOTALL)):
            return re.fullmatch(pattern[1], found, re.DOTALL) is not None
    if isinstance(expected, Mapping):
        return isinstance(found, Mapping) and list(map(str, expected)).sort() == list(map(str, found)).sort() and \
            set(expected) == set(found) and all(matches(expected[k], found[k]) for k in expected)
    if isinstance(expected, list):
        return isinstance(found, list | tuple) and len(expected) == len(found) and all(map(matches, expected, found))
    return type(expected) is type(found) and bool(expected == found)


def differences(expect: Mapping[str, Any], rows: Sequence[TaskRow]) -> list[str]:
    """What is not as expected, a line each."""
    names = _names(rows)
    by_id = {row.id: names[row.id] for row in rows}
    found = {names[row.id]: row for row in rows}
    out: list[str] = []
    for wanted in [*expect.get("tasks", ()), *expect.get("tasks_include", ())]:
        row = found.get(wanted["name"])
        if row is None:
            if not wanted.get("optional"):
                out.append(f"{wanted['name']}: missing")
            continue
        out.extend(f"{wanted['name']}: {line}" for line in _row_differences(wanted, row, by_id))
    if "tasks" in expect:
        out.extend(f"{name}: unexpected ({found[name].state})"
                   for name in found if name not in {t["name"] for t in expect["tasks"]})
    out.extend(f"{name}: should not be there" for name in expect.get("tasks_absent", ()) if name in found)
    if "tasks_count" in expect and expect["tasks_count"] != len(rows):
        out.append(f"{len(rows)} rows, not {expect['tasks_count']}")
    return out


def _names(rows: Sequence[TaskRow]) -> dict[int, str]:
    seen: dict[str, int] = {}
    out = {}
    for row in rows:
        seen[row.full_name] = seen.get(row.full_name, 0) + 1
        out[row.id] = row.full_name if seen[row.full_name] == 1 else f"{row.full_name}#{seen[row.full_name]}"
    return out


def _row_differences(wanted: Mapping[str, Any], row: TaskRow, by_id: Mapping[int, str]) -> Iterator[str]:
    states = wanted.get("state", "success")
    if str(row.state) not in ([states] if isinstance(states, str) else states):
        yield f"is {row.state}, not {states}; {row.error}"
    if row.is_group != wanted.get("is_group", False):
        yield f"is_group {row.is_group}"
    parent = by_id[row.parent_id] if row.parent_id is not None else None
    if parent != wanted.get("parent"):
        yield f"parent {parent}, not {wanted.get('parent')}"
    if {by_id[u] for u in row.upstreams} != set(wanted.get("upstreams", ())):
        yield f"upstreams {[by_id[u] for u in row.upstreams]}, not {wanted.get('upstreams')}"
    for key, value in (("store", row.store_params), ("export", row.export_params)):
        if not matches(wanted.get(key, {}), _without_trace(value)):
            yield f"{key} {_without_trace(value)}, not {wanted.get(key, {})}"
    if "config" in wanted and not matches(wanted["config"], row.config):
        yield f"config {row.config}, not {wanted['config']}"
    if "retries" in wanted and row.state_params.get("retry_count", 0) != wanted["retries"]:
        yield f"retries {row.state_params.get('retry_count', 0)}, not {wanted['retries']}"
    message = row.error.get("message")
    if "error_message" in wanted:
        if message != wanted["error_message"]:
            yield f"error {message!r}, not {wanted['error_message']!r}"
    elif "error_contains" in wanted or "error" in wanted:
        if message is None or any(word not in message for word in wanted.get("error_contains", ())):
            yield f"error {message!r} lacks some of {wanted.get('error_contains')}"
    elif message is not None:
        yield f"error {message!r}, not expected"


def _without_trace(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_trace(v) for k, v in value.items() if k != "stacktrace"}
    return value
