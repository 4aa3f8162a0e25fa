"""Projects, revisions, workflow definitions and schedules as they are stored (rest-api.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from skydag.model.ids import ProjectId, ScheduleId, WorkflowId
from skydag.model.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProject:
    id: ProjectId
    name: str
    revision: str                           # name of the latest revision
    created_at: datetime
    updated_at: datetime                    # creation of the latest revision
    deleted_at: datetime | None = None
    archive_type: str = "s3"
    archive_md5: str | None = None          # base64


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    project_id: ProjectId
    name: str
    number: int                             # 1, 2, ...: order of creation within the project
    created_at: datetime
    archive: str | None                     # key of the archive in the project bucket
    archive_md5: str | None = None
    archive_type: str = "s3"
    user_info: Mapping[str, Any] = field(default_factory=dict)
    workflows: tuple[tuple[str, WorkflowId], ...] = ()      # names and ids, in order of name


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWorkflow:
    """A workflow definition of one revision. Its compiled pages lie at `pages` (store/pages)."""

    id: WorkflowId
    name: str
    project_id: ProjectId
    project_name: str
    revision: str
    timezone: str
    config: Mapping[str, Any]               # the definition
    pages: str                              # pointer to the compiled pages
    task_count: int                         # the root included
    archive: str | None
    schedule: Mapping[str, Any] | None = None
    sla: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSchedule:
    """S-1. next_* are END (9999-01-01) when the schedule never fires again."""

    id: ScheduleId
    project_id: ProjectId
    project_name: str
    workflow_id: WorkflowId
    workflow_name: str
    timezone: str
    config: Mapping[str, Any]               # the schedule: block
    next_session_time: datetime
    next_run_time: datetime
    last_session_time: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int = 0
