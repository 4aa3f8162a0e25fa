"""The bench of `skydag.testing` as our own operators' tests want it: results and errors as the operator gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skydag.app.workspace import reader
from skydag.errors import WorkflowError
from skydag.language.compile import text_body
from skydag.spi import Operator, TaskResult
from skydag.testing import Bench


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


class Trial(Bench):
    """Runs operators in a project folder, and keeps what they logged, echoed and sent."""

    def __init__(self, root: Path, *, secrets: Mapping[str, str] | None = None, task_limit: int = 1000,
                 compiled: Mapping[str, Mapping[str, Any] | WorkflowError] | None = None,
                 properties: Mapping[str, str] | None = None) -> None:
        super().__init__(secrets=secrets, properties=properties, task_limit=task_limit,
                         files=Folder(root, compiled or {}))

    def run(self, operator: Operator, config: Mapping[str, Any], local: Mapping[str, Any] | None = None) -> TaskResult:
        return operator.run(self.request(config, local))
