"""Simulated runs in which every change of every task's state is seen: after every write, kills and crashes included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulation.world import Crash, Fault, Replay, World

from skydag.app.application import Application
from skydag.app.packing import listed
from skydag.app.workspace import reader
from skydag.engine.steps import STEPS, TOGETHER, ends
from skydag.errors import ConflictError
from skydag.language.compile import compile_project
from skydag.language.sla import sla_tasks
from skydag.model.project import StoredWorkflow
from skydag.model.task import State

Change = tuple[str, State, State]       # of a group or a leaf, before, after
# A generator goes on as a group, so a leaf's row may take the steps of groups, too, but is not born as one.
_GROUPS = {(s.before, s.after) for s in STEPS if s.of == "group"} | {ends(t) for t in TOGETHER if t.of == "group"}
_LEAVES = {(s.before, s.after) for s in STEPS if s.of != "group"} | {ends(t) for t in TOGETHER if t.of != "group"}
_ALLOWED: set[Change] = {("group", *pair) for pair in _GROUPS} | {("leaf", *pair) for pair in _LEAVES} | {
    ("leaf", *pair) for pair in _GROUPS if pair[0] in (State.PLANNED, State.GROUP_RETRY_WAITING)}

WORKFLOWS = {
    "retries": """
        _retry: 1
        +inner:
          _retry: {limit: 2, interval: 20}
          +good: {"echo>": fine}
          +bad: {"fail>": no}
        +never: {"echo>": nobody}
        _error: {"echo>": "because ${error.message}"}
    """,
    "generated": """
        +turns:
          loop>: 3
          _parallel: true
          _retry: 1
          _do:
            +say: {"echo>": "${i}"}
            +odd:
              if>: ${i == 1}
              _do: {"fail>": odd}
              _else_do: {"echo>": even}
        +after: {"echo>": nobody}
    """,
    "handled": """
        _parallel: true
        +fails:
          fail>: no
          _error: {"echo>": "because ${error.message}"}
        +wrong: {"echo>": "${nothing_of_this_name}"}
        +empty:
          loop>: 0
          _do: {"echo>": nobody}
        +each:
          for_each>: {x: [a, b], y: [1, 2]}
          _do: {"echo>": "${x}${y}"}
        +checked:
          echo>: first
          _check: {"fail>": checked}
    """,
    "wide": """
        _parallel: {limit: 2}
        +one: {"echo>": 1}
        +two: {+a: {"echo>": a}, +b: {"echo>": b}}
        +three: {+c: {"fail>": c}, +d: {"echo>": d}}
        +four: {"echo>": 4}
        +five: {"echo>": 5}
    """,
    "scripts": """
        _parallel: true
        +again: {"sh>": "exit 3", _retry: {limit: 2, interval: 30}}
        +at_once: {"sh>": "exit 4", _retry: 1}
        +fine: {"sh>": "exit 0"}
    """,
    "late_and_silent": """
        sla: {duration: "00:00:01"}
        +waits:
          _retry: {limit: 1, interval: 60}
          +bad: {"fail>": no}
    """,
    "late": """
        sla: {duration: "00:00:01", fail: true, +told: {"echo>": late}}
        +waits:
          _retry: {limit: 1, interval: 60}
          +bad: {"fail>": no}
    """,
}


class Watched(Fault):
    """A fault (or none) after whose calls `look` is called."""

    look: Callable[[], None] = staticmethod(lambda: None)

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        try:
            return super().around(name, call, *args, **more)
        finally:
            if name.startswith("table.") and not name.startswith(("table.get", "table.query", "table.due")):
                self.look()


class Observed:
    """One run, with every change of every row's state."""

    def __init__(self, folder: Path, name: str, fault: Watched, *, is_direct: bool) -> None:
        project = compile_project(listed(folder), reader(folder))
        assert not project.errors, project.errors
        workflow = project.workflow(name)
        assert workflow is not None
        self.changes: Counter[Change] = Counter()
        self._states: dict[int, State] = {}
        self.attempt_id: int | None = None
        self.world = World(folder, fault=fault, mode="direct" if is_direct else "stream-only", replay=Replay())
        self._application = self._calm()
        sla = sla_tasks(workflow.sla)
        pages = self._application.definitions.keep(1, workflow.tasks, sla)
        self._stored = StoredWorkflow(
            id=1, name=name, project_id=1, project_name="p", revision="r", timezone=workflow.timezone, archive=None,  # type: ignore[arg-type]
            config=workflow.definition, pages=pages, task_count=len(workflow.tasks), schedule=None, sla=workflow.sla)
        fault.look = self._look

    def run(self, *, kill_after: int | None = None) -> Observed:
        self.attempt_id = self.world.start(self._stored)
        for step in range(kill_after or 0):
            if not self.world._step():
                break
            assert step < 10_000
        if kill_after is not None:
            self._kill()
        self.world.settle(hours=3)
        self._look()
        return self

    def _kill(self) -> None:
        assert self.attempt_id is not None
        for _ in range(2):
            try:
                self.world.application.kill(self.attempt_id)
                return
            except ConflictError:
                return                  # it had ended
            except Crash:
                self.world.application = self.world._cold_start()

    def _calm(self) -> Application:
        """Looks at the same tables, and never dies."""
        calm = World.__new__(World)
        calm.__dict__.update(self.world.__dict__)
        calm.fault = Fault()
        return calm._cold_start()

    def _look(self) -> None:
        if self.attempt_id is None:     # ids may have gaps (a crash before the attempt was there)
            there = (n for n in range(1, 12) if self.world.table.get(f"attempt#{n:012d}", "t") is not None)
            self.attempt_id = next(there, None)
        if self.attempt_id is None:
            return
        for row in self._application.task_rows(self.attempt_id):
            before = self._states.get(row.id, State.BLOCKED)    # a row nobody saw before was blocked (E-10, E-12)
            if row.state is not before:
                self.changes["group" if row.is_group else "leaf", before, row.state] += 1
            self._states[row.id] = row.state

    def unknown(self) -> list[Change]:
        return sorted(set(self.changes) - _ALLOWED)

    def ended(self) -> bool:
        assert self.attempt_id is not None
        return self._application.attempts.get(self.attempt_id).is_done
