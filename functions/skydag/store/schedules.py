"""Schedules: when each scheduled workflow runs next (scheduling.md S-1). Items: registry_keys.py."""

from __future__ import annotations

from collections.abc import Sequence

from skydag.model.project import StoredSchedule
from skydag.ports import Table
from skydag.store.values import Blobs


class ScheduleStore:
    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    def get(self, schedule_id: int) -> StoredSchedule:
        """NotFoundError `Resource does not exist: schedule id=5`."""
        raise NotImplementedError

    def list(self, last_id: int | None = None, count: int = 100) -> Sequence[StoredSchedule]:
        """R-46: all projects, ids rising, greater than last_id, disabled and finished ones included."""
        raise NotImplementedError

    def of_project(self, project_id: int, workflow: str | None = None) -> Sequence[StoredSchedule]:
        """Of one project, ids rising; with a workflow's name: one, or none."""
        raise NotImplementedError

    def replace(self, old: StoredSchedule, new: StoredSchedule) -> StoredSchedule:
        """Store `new` if the item still is `old` (by version); `new` with its new version. ConflictError if not."""
        raise NotImplementedError
