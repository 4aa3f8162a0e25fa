"""Everything skydag raises on purpose.

SkydagError
├── WorkflowError      the .dig text or a project is wrong     exit 1    HTTP 400
├── InvalidError       a request, argument or value is wrong   exit 1    HTTP 400
│   └── LimitError     a limit of the installation is reached  exit 1    HTTP 400
├── ArchiveError       the uploaded archive is refused         exit 1    HTTP 400
├── NotFoundError      no such project, attempt, ...           exit 1    HTTP 404
├── ConflictError      somebody else was first                 exit 1    HTTP 409
├── TaskError          a task failed, for the reason given     exit 1    HTTP 400
│   └── ConfigError    its parameters are wrong                exit 1    HTTP 400
├── UnavailableError   a service did not answer; try again     exit 1    HTTP 503
└── IllegalStepError   a bug of ours, never the user's         exit 70   HTTP 500

Users see the message: no full stop, no class name, no "Error:". Everything else is a bug and keeps its traceback.
"""

from __future__ import annotations

from typing import ClassVar


class SkydagError(Exception):
    """The common ancestor: catch this one at the doors."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500


class WorkflowError(SkydagError):
    """The .dig text, or a project, is wrong. The message names file:line:column where they are known."""

    http_status = 400


class InvalidError(SkydagError):
    """A request, an argument or a value is wrong."""

    http_status = 400


class LimitError(InvalidError):
    """A limit of the installation is reached."""


class ArchiveError(SkydagError):
    """An uploaded archive is broken, hostile or too large."""

    http_status = 400


class NotFoundError(SkydagError):
    """There is no such project, workflow, session, attempt, task or file."""

    http_status = 404


class ConflictError(SkydagError):
    """Somebody else was first, or the thing exists already."""

    http_status = 409


class TaskError(SkydagError):
    """A task failed. `stacktrace` is shown to the user beside the message, cut to the user's own frames."""

    http_status = 400

    def __init__(self, message: str, stacktrace: str | None = None) -> None:
        super().__init__(message)
        self.stacktrace = stacktrace


class ConfigError(TaskError):
    """A task's parameters are wrong. Digdag appends ` (config)` to the message that the task's error shows (O-36)."""


class UnavailableError(SkydagError):
    """A service we need did not answer, or asked us to slow down."""

    http_status = 503


class IllegalStepError(SkydagError):
    """A bug of ours, never the user's."""

    exit_code = 70
    http_status = 500
