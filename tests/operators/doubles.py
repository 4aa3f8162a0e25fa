"""A request for one operator, with surroundings that remember what was asked of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skydag.app.secret_names import renamed
from skydag.app.workspace import reader
from skydag.errors import WorkflowError
from skydag.language.compile import text_body
from skydag.language.evaluate import Evaluator
from skydag.local.commands import LocalCommands
from skydag.local.objects import MemoryObjects
from skydag.local.table import MemoryTable
from skydag.spi import Commands, Operator, TaskRequest, TaskResult
from skydag.store.shared_params import TableParams
from skydag.store.values import Blobs


@dataclass
class Folder:
    """A project in a folder; `compiled`: the bodies of its workflow files, or the error of one, by path."""

    root: Path
    compiled: Mapping[str, Mapping[str, Any] | WorkflowError] = field(default_factory=dict)

    def compile(self, path: str) -> Mapping[str, Any]:
        if path not in self.compiled:
            raise FileNotFoundError(path)
        body = self.compiled[path]
        if isinstance(body, WorkflowError):
            raise body
        return body

    def compile_text(self, name: str, text: str, folder: str = "") -> Mapping[str, Any]:
        return text_body(name, text, reader(self.root / folder))


class Trial:
    """Runs operators in a project folder, and keeps what they logged, echoed and sent."""

    def __init__(self, root: Path, *, secrets: Mapping[str, str] | None = None, task_limit: int = 1000,
                 compiled: Mapping[str, Mapping[str, Any] | WorkflowError] | None = None,
                 properties: Mapping[str, str] | None = None) -> None:
        self.files = Folder(root, compiled or {})
        self.secrets, self.task_limit, self.properties = dict(secrets or {}), task_limit, properties or {}
        self.logged: list[str] = []
        self.echoed: list[str] = []
        self.notified: list[str] = []
        self.params = TableParams(MemoryTable(), Blobs(MemoryObjects()), lambda: self.time)
        self.state: Mapping[str, Any] = {}
        self.time: datetime = datetime(2025, 1, 1, tzinfo=UTC)
        self.commands: Commands = LocalCommands(self.logged.append, os.environ)

    @property
    def lines(self) -> list[str]:
        return "\n".join(self.logged).split("\n")

    def _secret(self, key: str) -> str | None:
        return self.secrets.get(key)

    def file(self, path: str, text: str) -> None:
        target = self.files.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def request(self, config: Mapping[str, Any], local: Mapping[str, Any] | None = None) -> TaskRequest:
        """local: the task's own keys, by default all of the config."""
        return TaskRequest(
            project_id=1, project_name="shop", workflow_name="w", revision="r1", session_id=1, session_uuid="u",
            session_time=datetime(2025, 1, 1, tzinfo=UTC), attempt_id=7, retry_attempt_name=None, timezone="UTC",
            task_id=7000002, task_name="+w+a", run=1, config=config, local=config if local is None else local,
            state=self.state, task_limit=self.task_limit, files=self.files, log=self.logged.append,
            echo=self.echoed.append, commands=self.commands, properties=self.properties,
            secrets=renamed(self._secret, config.get("_secrets"), self.logged.append),
            params=self.params, env_secrets=self._secret, template=lambda text: Evaluator("UTC").text(text, config),
            notify=lambda message: self.notified.append(message), now=lambda: self.time,
        )

    def run(self, operator: Operator, config: Mapping[str, Any], local: Mapping[str, Any] | None = None) -> TaskResult:
        return operator.run(self.request(config, local))
