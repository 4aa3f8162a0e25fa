"""Plain builders of registry records, and a bucket in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from skydag.local.objects import MemoryObjects
from skydag.model.ids import ProjectId, ScheduleId, WorkflowId
from skydag.model.project import Revision, StoredProject, StoredSchedule, StoredWorkflow
from skydag.store.projects import Base, ProjectStore

NOON = datetime(2025, 6, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2025, 6, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


class MemoryBucket(MemoryObjects):
    """A bucket in memory that counts what is read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, key: str) -> bytes:
        self.reads += 1
        return super().get(key)

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.list("")]


def workflow(number: int = 17, name: str = "daily", **more: Any) -> StoredWorkflow:
    values: dict[str, Any] = {
        "id": WorkflowId(number), "name": name, "project_id": ProjectId(3), "project_name": "sales", "revision": "r1",
        "timezone": "UTC", "config": {"+a": {"echo>": "hi"}}, "pages": "17:0", "task_count": 2,
        "archive": "projects/3/1.tar.gz"}
    return StoredWorkflow(**values | more)


def schedule(number: int = 5, **more: Any) -> StoredSchedule:
    values: dict[str, Any] = {
        "id": ScheduleId(number), "project_id": ProjectId(3), "project_name": "sales", "workflow_id": WorkflowId(17),
        "workflow_name": "daily", "timezone": "UTC", "config": {"hourly>": "00:00"},
        "next_session_time": NOON, "next_run_time": NOON, "last_session_time": None, "disabled_at": None,
        "created_at": MIDNIGHT, "updated_at": MIDNIGHT}
    return StoredSchedule(**values | more)


def pushed(
    store: ProjectStore, name: str, revision: str, workflows: Mapping[str, Mapping[str, Any]], *,
    at: datetime = MIDNIGHT, schedules: tuple[tuple[str, int], ...] = (), base: Base | None = None,
) -> StoredProject:
    """A revision with these workflows (name: definition), stored as a push does it."""
    base = base or store.base(name)
    first = store.take_workflow_ids(len(workflows)) if workflows else 0
    names = sorted(workflows)
    held = tuple((one, WorkflowId(first + place)) for place, one in enumerate(names))
    definitions = [
        workflow(number, one, project_id=base.project_id, project_name=name, revision=revision, config=workflows[one])
        for one, number in held]
    new = Revision(project_id=base.project_id, name=revision, number=base.number, created_at=at,
                   archive=f"projects/{base.project_id}/{base.number}.tar.gz", archive_md5="md5", workflows=held)
    return store.put_revision(base, name, new, definitions, content_hash=f"hash of {revision}", schedules=schedules)
