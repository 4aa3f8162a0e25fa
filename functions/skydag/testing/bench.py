"""What an operator finds around it, in memory; it remembers what was asked of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from skydag.app import execute
from skydag.app.mask import Mask
from skydag.app.workspace import Folder
from skydag.language.evaluate import Evaluator
from skydag.local.commands import LocalCommands
from skydag.local.objects import MemoryObjects
from skydag.local.table import MemoryTable
from skydag.model.ids import AttemptId, ProjectId, SessionId, WorkflowId, task_id
from skydag.model.session import Attempt
from skydag.spi import Commands, NoWorkflows, ProjectFiles, SharedParams, TaskRequest, Workflows
from skydag.store.shared_params import TableParams
from skydag.store.values import Blobs

START: Final = datetime(2025, 1, 1, tzinfo=UTC)
ATTEMPT: Final = Attempt(
    id=AttemptId(7), index=1, session_id=SessionId(1), session_uuid="u", session_time=START, project_id=ProjectId(1),
    project_name="shop", workflow_id=WorkflowId(1), workflow_name="w", revision="r1", timezone="UTC", created_at=START)
TASK_NAME: Final = "+w+a"


class Bench:
    """Surroundings for operators.

        project     the project's folder, `request.files.root`
        secrets     name -> value
        properties  of the configuration: config.http.timeout, ...
        time        the present, aware; whoever sets it moves the clock
        attempt     what the task is part of; with its session time and time zone

    Afterwards `log` has the lines of the task's log, secrets masked; `echoed` what was said on purpose, `notified` the
    notifications, `asked` the names of the secrets that were read. `commands`, `workflows` and `shared_params` may be
    replaced by doubles of your own.
    """

    def __init__(
        self, project: Path | str = ".", *, secrets: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None, time: datetime = START, attempt: Attempt = ATTEMPT,
        task_limit: int = 10_000, files: ProjectFiles | None = None,
    ) -> None:
        self.files: ProjectFiles = files or Folder(Path(project).absolute())
        self.secrets, self.properties, self.task_limit = dict(secrets or {}), dict(properties or {}), task_limit
        self.time, self.attempt, self.run_number = time, attempt, 1
        self.state: Mapping[str, Any] = {}          # what Again carried last time
        self.logged: list[str] = []                 # as it came: one or more lines each
        self.echoed: list[str] = []
        self.notified: list[str] = []
        self.asked: list[str] = []
        self.commands: Commands = LocalCommands(self._log, os.environ)
        self.workflows: Workflows = NoWorkflows()
        self.shared_params: SharedParams = TableParams(MemoryTable(), Blobs(MemoryObjects()), lambda: self.time)
        self._mask = Mask()

    @property
    def log(self) -> list[str]:
        return [line for text in self.logged for line in text.removesuffix("\n").split("\n")]

    def file(self, path: str, text: str) -> Path:
        """Writes a file of the project."""
        target = self.files.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def request(self, params: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> TaskRequest:
        """What `Operator.run` gets. params: all that the task sees, `${...}` evaluated; what stands behind `name>:` is
        `_command`. own: the task's own keys, by default all of `params`."""
        return execute.request(self._job(params, own), self.attempt, self._surroundings())

    def _job(self, params: Mapping[str, Any], own: Mapping[str, Any] | None) -> Mapping[str, Any]:
        return {
            "config": params, "local": params if own is None else own, "state": self.state, "run": self.run_number,
            "task_id": task_id(self.attempt.id, 2), "task_name": TASK_NAME,
            "task_limit": self.task_limit}

    def _surroundings(self) -> execute.Surroundings:
        return execute.Surroundings(
            files=self.files, log=self._log, echo=self._echo, secrets=self._secret, properties=self.properties,
            template=Evaluator(self.attempt.timezone).text, notify=lambda message: self.notified.append(message),
            commands=self.commands, now=lambda: self.time, workflows=self.workflows, mask=self._mask,
            params=self.shared_params)

    def _log(self, text: str) -> None:
        self.logged.append(self._mask(text))

    def _echo(self, text: str) -> None:
        self._log(text)
        self.echoed.append(self._mask(text))

    def _secret(self, key: str) -> str | None:
        self.asked.append(key)
        return self.secrets.get(key)
