"""A new revision of a project, from its archive (rest-api.md section 6, scheduling.md section 10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from skydag.model.project import StoredProject
from skydag.ports import Objects, Wakes
from skydag.store.projects import ProjectStore
from skydag.store.schedules import ScheduleStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """The use case with what it needs of the world: Push(...)(project_name, revision, archive, now=now)."""

    projects: ProjectStore
    schedules: ScheduleStore
    objects: Objects                    # the project bucket
    wakes: Wakes

    def __call__(
        self, project_name: str, revision: str, archive: bytes, *, now: datetime,
        schedule_from: datetime | None = None, clear: Collection[str] = (), clear_all: bool = False,
        user_info: Mapping[str, Any] | None = None,
    ) -> StoredProject:
        """Raises InvalidError (names, R-35), ArchiveError, WorkflowError (every problem of the project, a line each),
        ConflictError `Resource already exists: revision=… in project id=…` (R-39). Nothing is stored then."""
        raise NotImplementedError
