"""Sessions and attempts (engine.md section 13, rest-api.md sections 9 and 10). Items: registry_keys.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from skydag.errors import ConflictError
from skydag.model.ids import SessionId
from skydag.model.project import StoredWorkflow
from skydag.model.session import Attempt
from skydag.ports import Put, Table
from skydag.store.values import Blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """What a start asks for. `request`: the same for every repeat of the same start (22 or more characters, or
    "schedule-5-<session time>"): a repeat whose first answer was lost gets the attempt that the first one made."""

    workflow: StoredWorkflow
    session_time: datetime              # aware; cut to seconds (E-105)
    session_uuid: str                   # used if the session is new
    request: str
    params: Mapping[str, Any] = field(default_factory=dict)
    retry_attempt_name: str | None = None
    sla_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """R-20. The workflow's id, the project's name and the time zone are the last attempt's."""

    id: SessionId
    uuid: str
    time: datetime
    project_id: int
    workflow_name: str
    last: Attempt


class SessionExists(ConflictError):
    """E-101, R-58: `Session already exists`. `attempt` is the one with that name, or without a name the last one."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__("Session already exists")
        self.attempt = attempt


class AttemptStore:
    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    def create(
        self, new: NewAttempt, *, also: Callable[[Attempt], Sequence[Put]], attempt_limit: int, now: datetime,
    ) -> Attempt:
        """One transaction: session, attempt, list rows, the counter of open attempts, and what `also` gives.

        Raises SessionExists (E-101), LimitError `Too many attempts running. Limit: 100, Current: 100` (R-13)."""
        raise NotImplementedError

    def get(self, attempt_id: int) -> Attempt:
        """NotFoundError `Resource does not exist: session attempt id=…`."""
        raise NotImplementedError

    def finish(self, attempt_id: int, *, success: bool, now: datetime) -> bool:
        """Done, and one open attempt less. False if it was done already: what follows must then be done again by the
        caller if it may be missing."""
        raise NotImplementedError

    def request_cancel(self, attempt_id: int, now: datetime) -> Attempt:
        """R-63: sets the flag; the attempt as it was before. ConflictError when done."""
        raise NotImplementedError

    def take_task_numbers(self, attempt_id: int, count: int, limit: int | None) -> int:
        """The first of `count` new task numbers of the attempt, by one conditional ADD; numbers behind the static tasks
        (1 to task_count). A crash may leave a gap. LimitError `Too many tasks. Limit: N, Current: M, Adding: K`."""
        raise NotImplementedError

    def attempts(
        self, project_id: int | None = None, workflow: str | None = None, *, include_retried: bool = False,
        last_id: int | None = None, count: int = 100,
    ) -> Sequence[Attempt]:
        """R-53: ids falling, smaller than last_id."""
        raise NotImplementedError

    def session(self, session_id: int) -> Session:
        """NotFoundError `Resource does not exist: session id=…`."""
        raise NotImplementedError

    def sessions(
        self, project_id: int | None = None, workflow: str | None = None, *, last_id: int | None = None,
        count: int = 100,
    ) -> Sequence[Session]:
        """R-50: ids falling, smaller than last_id."""
        raise NotImplementedError

    def session_at(self, project_id: int, workflow: str, session_time: datetime) -> Session | None:
        raise NotImplementedError

    def session_attempts(self, session_id: int) -> Sequence[Attempt]:
        """R-51, R-54: every attempt of the session by rising index (reverse it for R-51). NotFoundError."""
        raise NotImplementedError

    def last_session_before(self, project_id: int, workflow: str, before: datetime) -> datetime | None:
        """S-80: the latest session time of the workflow earlier than `before`."""
        raise NotImplementedError

    def latest_active(self, project_id: int, workflow: str) -> Attempt | None:
        """S-46: an open attempt that is its session's last and not being killed, the newest of them."""
        raise NotImplementedError

    def open_attempts(self, last_id: int | None = None, count: int = 100) -> Sequence[Attempt]:
        """Every attempt that is not done, ids rising: for `watch` (S-87)."""
        raise NotImplementedError


def to_json(attempt: Attempt) -> dict[str, Any]:
    """The attempt as it rides in job payloads."""
    raise NotImplementedError


def from_json(data: Mapping[str, Any]) -> Attempt:
    raise NotImplementedError
