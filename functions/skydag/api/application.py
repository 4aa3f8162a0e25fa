"""What the REST API needs of the application. bootstrap's Application keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from skydag.model.project import StoredProject
from skydag.model.records import Protocol
from skydag.model.session import Attempt, Resume
from skydag.ports import Clock, Logs, Objects, Wakes
from skydag.store.attempts import AttemptStore
from skydag.store.projects import ProjectStore
from skydag.store.schedules import ScheduleStore


class TaskRow(Protocol):
    """One task as R-22 shows it."""

    @property
    def id(self) -> int: ...
    @property
    def full_name(self) -> str: ...
    @property
    def parent_id(self) -> int | None: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def upstreams(self) -> Sequence[int]: ...
    @property
    def state(self) -> str: ...
    @property
    def cancel_requested(self) -> bool: ...
    @property
    def export_params(self) -> Mapping[str, Any]: ...
    @property
    def store_params(self) -> Mapping[str, Any]: ...
    @property
    def state_params(self) -> Mapping[str, Any]: ...
    @property
    def updated_at(self) -> datetime: ...
    @property
    def retry_at(self) -> datetime | None: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def error(self) -> Mapping[str, Any]: ...
    @property
    def is_group(self) -> bool: ...


class PushCall(Protocol):
    def __call__(
        self, project_name: str, revision: str, archive: bytes, *, now: datetime,
        schedule_from: datetime | None = None, clear: Collection[str] = (), clear_all: bool = False,
        user_info: Mapping[str, Any] | None = None,
    ) -> StoredProject: ...


class ApiApplication(Protocol):
    @property
    def projects(self) -> ProjectStore: ...
    @property
    def schedules(self) -> ScheduleStore: ...
    @property
    def attempts(self) -> AttemptStore: ...
    @property
    def logs(self) -> Logs: ...
    @property
    def objects(self) -> Objects:
        """The project bucket."""
    @property
    def wakes(self) -> Wakes: ...
    @property
    def now(self) -> Clock: ...
    @property
    def push(self) -> PushCall: ...

    def start(
        self, workflow_id: int, session_time: datetime, *, params: Mapping[str, Any],
        retry_attempt_name: str | None = None, resume: Resume | None = None,
    ) -> Attempt:
        """Raises NotFoundError (the workflow, a deleted project), InvalidError (resume), SessionExists, LimitError."""

    def kill(self, attempt_id: int) -> Attempt:
        """The attempt as it was before. Raises NotFoundError, ConflictError when it is done."""

    def heal(self, attempt_id: int) -> Attempt:
        """Asks for its groups to be recomputed; the attempt as it is. Raises NotFoundError."""

    def task_rows(self, attempt_id: int) -> Sequence[TaskRow]:
        """Every task of the attempt, by rising id. Raises NotFoundError."""
