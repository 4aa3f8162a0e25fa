"""Worlds whose tasks do what a test's script says: the operator `do>` of a task takes its next line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from tests.simulation.world import START, Replay, World

from skydag.app.operators import find_operator
from skydag.language.compile import compile_project
from skydag.language.sla import sla_tasks
from skydag.model.project import StoredWorkflow
from skydag.spi import Operator, TaskRequest, TaskResult

Line = TaskResult | Exception | Callable[[TaskRequest], TaskResult]


class Script(Replay):
    """What each task's runs give, by full name; the last line serves all further runs, no line: an empty result.
    `ran` is who ran, in order."""

    def __init__(self, lines: Mapping[str, Sequence[Line]] | None = None, *, retries: bool = False,
                 runs_code: bool = False, is_small: bool = False) -> None:
        super().__init__()
        self.lines, self.ran = dict(lines or {}), list[str]()
        self._do = _Do(self, retries, runs_code, is_small)

    def find(self, name: str) -> Operator | None:
        return self._do if name == "do" else find_operator(name)


class _Do:
    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False

    def __init__(self, script: Script, retries: bool, runs_code: bool, is_small: bool) -> None:
        self._script = script
        self.retries, self.runs_code, self.is_small = retries, runs_code, is_small      # type: ignore[misc]

    def run(self, request: TaskRequest) -> TaskResult:
        lines = self._script.lines.get(request.task_name, ())
        number = self._script.ran.count(request.task_name)
        self._script.ran.append(request.task_name)
        if not lines:
            return TaskResult()
        line = lines[min(number, len(lines) - 1)]
        if isinstance(line, Exception):
            raise line
        return line if isinstance(line, TaskResult) else line(request)

    def cleanup(self, request: TaskRequest) -> None:
        return None


def begin(world: World, text: str, folder: Path, session_time: datetime = START, *, workflow_id: int = 1) -> int:
    """Starts w.dig of this text in the world; the attempt's id. workflow_id: another one for each text."""
    (folder / "w.dig").write_text(text)
    project = compile_project(["w.dig"], lambda name: (folder / name).read_bytes())
    assert not project.errors, project.errors
    workflow = project.workflow("w")
    assert workflow is not None
    sla = sla_tasks(workflow.sla)
    return world.start(StoredWorkflow(
        id=workflow_id, name="w", project_id=1, project_name="p", revision="r", timezone=workflow.timezone,  # type: ignore[arg-type]
        archive=None, config=workflow.definition,
        pages=world.application.definitions.keep(workflow_id, workflow.tasks, sla),
        task_count=len(workflow.tasks), schedule=None, sla=workflow.sla), session_time)


def drain(world: World) -> None:
    """Everything that can be done without time going on, but for the safety net."""
    for _ in range(10_000):
        if not world._step():
            return
    raise AssertionError("it does not come to rest")


def states(world: World, attempt_id: int) -> dict[str, str]:
    """The newest row of each name."""
    return {row.full_name: str(row.state) for row in world.application.task_rows(attempt_id)}


def status(world: World, attempt_id: int) -> str:
    return world.application.attempts.get(attempt_id).status


def later(world: World, **more: Any) -> None:
    world.now += timedelta(**more)
