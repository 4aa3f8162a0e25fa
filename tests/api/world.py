"""The application's REST side over stores in memory: tasks do not run, a start stores the attempt and that is all."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.goldens.rest_player import Reply

from skydag.api.application import ApiApplication, TaskRow
from skydag.api.routes import resolver
from skydag.api.wsgi import WsgiApplication
from skydag.app.push import Push
from skydag.errors import ConflictError
from skydag.local.objects import MemoryObjects
from skydag.local.table import MemoryTable
from skydag.local.wakes import LocalWakes
from skydag.model.session import Attempt, Resume
from skydag.store.attempts import AttemptStore, NewAttempt
from skydag.store.logs import ObjectLogs
from skydag.store.projects import ProjectStore
from skydag.store.schedules import ScheduleStore
from skydag.store.values import Blobs

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True)
class World:
    """What skydag.api.application.ApiApplication asks for."""

    time: datetime = START
    logs_bucket: MemoryObjects = field(default_factory=MemoryObjects)
    rows: Sequence[TaskRow] = ()

    def __post_init__(self) -> None:
        self.table, self.objects, self.wakes = MemoryTable(), MemoryObjects(), LocalWakes()
        blobs = Blobs(self.objects)
        self.projects = ProjectStore(self.table, blobs)
        self.schedules = ScheduleStore(self.table, blobs)
        self.attempts = AttemptStore(self.table, blobs)
        self.logs = ObjectLogs(self.logs_bucket, agent="test", clock=self.now)
        self.push = Push(projects=self.projects, schedules=self.schedules, objects=self.objects, wakes=self.wakes)
        self.starts = 0
        self.healed: list[int] = []

    def now(self) -> datetime:
        return self.time

    def pause(self, seconds: float) -> None:
        """Time goes by, and what was running has succeeded."""
        self.time += timedelta(seconds=seconds)
        for attempt in self.attempts.open_attempts():
            self.attempts.finish(attempt.id, success=True, now=self.time)

    def start(
        self, workflow_id: int, session_time: datetime, *, params: Mapping[str, Any],
        retry_attempt_name: str | None = None, resume: Resume | None = None,
    ) -> Attempt:
        self.starts += 1
        new = NewAttempt(
            workflow=self.projects.workflow(workflow_id), session_time=session_time, params=params,
            session_uuid=f"00000000-0000-4000-8000-{self.starts:012d}", request=f"a-start-of-this-{self.starts:06d}",
            retry_attempt_name=retry_attempt_name)
        return self.attempts.create(new, also=lambda _: [], attempt_limit=100, now=self.now())

    def kill(self, attempt_id: int) -> Attempt:
        if self.attempts.get(attempt_id).is_done:
            raise ConflictError("Session attempt already killed or finished")
        return self.attempts.request_cancel(attempt_id, self.now())

    def heal(self, attempt_id: int) -> Attempt:
        self.healed.append(attempt_id)
        return self.attempts.get(attempt_id)

    def task_rows(self, attempt_id: int) -> Sequence[TaskRow]:
        self.attempts.get(attempt_id)
        return self.rows


class Client:
    """Sends requests through the WSGI door, as the local server does."""

    def __init__(self, application: ApiApplication) -> None:
        self._application = WsgiApplication(resolver(application))

    def __call__(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None,
    ) -> Reply:
        from urllib.parse import unquote_to_bytes

        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "wsgi.input": io.BytesIO(body or b""),
            "CONTENT_LENGTH": str(len(body)) if body is not None else "",
        }
        for name, value in (headers or {}).items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        told: list[Any] = []
        data = b"".join(self._application(environ, lambda status, fields: told.extend((status, fields))))
        status, fields = told
        return Reply(status=int(status[:3]), headers={name.lower(): value for name, value in fields}, body=data)
