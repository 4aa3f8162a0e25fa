"""`call>`: another workflow file as the tasks below this one (E-95, O-53 .. O-57)."""

from __future__ import annotations

import posixpath
from typing import ClassVar

from skydag.errors import ConfigError, WorkflowError
from skydag.model.values import required, text
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _paths


class Call:
    """The tasks of the file at `_command`, relative to `_workdir`; `.dig` is appended if missing."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        name = required(request.config, "_command", text)
        if not name.endswith(".dig"):
            name += ".dig"
        path = posixpath.normpath(posixpath.join(_paths.workdir(request.config), name))
        outside = f"File name must not be outside of project path: {name}"
        if posixpath.isabs(path):
            raise ConfigError(outside)
        _paths.check_inside(request.files.root, path, outside)
        try:
            return TaskResult(subtasks=request.files.compile(path))
        except FileNotFoundError:
            raise ConfigError(f"File not found: {path}") from None
        except WorkflowError as wrong:
            raise ConfigError(str(wrong)) from wrong

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""
