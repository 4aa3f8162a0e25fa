"""The registry over stores in memory: pushes, uploads and schedules. Tasks do not run; a start stores the attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.app.archives import project

from skydag.app.expand import Expand, Expanded
from skydag.app.push import Push
from skydag.app.register import Refused, Register, Registered
from skydag.language.sla import sla_time
from skydag.local.alerts import LocalAlerts
from skydag.local.objects import MemoryObjects
from skydag.local.table import MemoryTable
from skydag.local.timers import LocalTimers
from skydag.local.wakes import LocalWakes
from skydag.model.project import StoredProject, StoredSchedule, StoredWorkflow
from skydag.model.session import Attempt
from skydag.ports import Table
from skydag.store.attempts import AttemptStore, NewAttempt
from skydag.store.projects import ProjectStore
from skydag.store.schedules import ScheduleStore
from skydag.store.values import Blobs

NOW = datetime(2025, 6, 10, 12, 40, tzinfo=UTC)
HOUR = timedelta(hours=1)
TASK = "+a:\n  echo>: hi\n"


def scheduled(block: str, rest: str = "") -> str:
    """A workflow with this line in its schedule, and more lines at the top."""
    return "schedule:\n" + "".join(f"  {line}\n" for line in block.split("; ")) + rest + TASK


class World:
    def __init__(self, table: Table | None = None, *, attempt_limit: int = 100) -> None:
        self.table, self.objects = table or MemoryTable(), MemoryObjects()
        blobs = Blobs(self.objects)
        self.projects, self.schedules = ProjectStore(self.table, blobs), ScheduleStore(self.table, blobs)
        self.attempts = AttemptStore(self.table, blobs)
        self.wakes, self.timers, self.alerts = LocalWakes(), LocalTimers(), LocalAlerts()
        self.attempt_limit = attempt_limit
        self.push_archive = Push(projects=self.projects, schedules=self.schedules, objects=self.objects,
                                 wakes=self.wakes)
        self.register = Register(push=self.push_archive, objects=self.objects, alerts=self.alerts)
        self.expand = Expand(schedules=self.schedules, projects=self.projects, attempts=self.attempts,
                             wakes=self.wakes, timers=self.timers, start=self.start)

    def push(
        self, files: Mapping[str, str], revision: str = "r1", *, now: datetime = NOW, name: str = "sales", **more: Any,
    ) -> StoredProject:
        return self.push_archive(name, revision, project(files), now=now, **more)

    def upload(self, key: str, data: bytes, **more: Any) -> Registered | Refused | None:
        self.objects.put(key, data)
        return self.register(key, now=NOW, **more)

    def tick(self, now: datetime, schedule_id: int = 1) -> Expanded:
        return self.expand(schedule_id, now=now)

    def schedule(self, schedule_id: int = 1) -> StoredSchedule:
        return self.schedules.get(schedule_id)

    def start(
        self, workflow: StoredWorkflow, session_time: datetime, *, params: Mapping[str, Any],
        retry_attempt_name: str | None = None, run_time: datetime | None = None, request: str | None = None,
        now: datetime,
    ) -> Attempt:
        new = NewAttempt(
            workflow=workflow, session_time=session_time, session_uuid="uuid", params=params,
            request=request or f"by hand {session_time} {retry_attempt_name}", retry_attempt_name=retry_attempt_name,
            sla_at=sla_time(workflow.sla, run_time or now, workflow.timezone) if workflow.sla else None)
        return self.attempts.create(new, also=lambda made: [], attempt_limit=self.attempt_limit, now=now)


def at(text: str) -> datetime:
    """"06-10 12:40", UTC, in 2025."""
    return datetime.strptime(f"2025-{text} +0000", "%Y-%m-%d %H:%M %z")


def times(attempts: list[Attempt]) -> list[str]:
    return [attempt.session_time.strftime("%m-%d %H:%M") for attempt in attempts]
