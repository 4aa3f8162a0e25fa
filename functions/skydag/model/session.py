"""Sessions and attempts (engine.md section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from skydag.model.ids import AttemptId, ProjectId, SessionId, WorkflowId
from skydag.model.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What a new attempt takes over from an old one (E-110)."""

    attempt_id: int                         # the old one
    start_from: str | None = None           # mode `from`: the pattern of a task; None: mode `failed`


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of a session's workflow. `params` are the attempt's own (start -p, schedule variables)."""

    id: AttemptId
    index: int                              # 1, 2, ... within the session
    session_id: SessionId
    session_uuid: str
    session_time: datetime                  # aware, whole seconds: the time the run is about
    project_id: ProjectId
    project_name: str
    workflow_id: WorkflowId                 # the definition, and so the revision
    workflow_name: str
    revision: str
    timezone: str
    created_at: datetime
    finished_at: datetime | None = None
    retry_attempt_name: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    is_done: bool = False
    is_success: bool = False
    is_cancel_requested: bool = False
    archive: str | None = None              # S3 key of the project archive of this revision; None for a local folder
    definition: str = ""                    # where the compiled pages lie (store/blobs)
    sla_at: datetime | None = None          # when the SLA passes, None without one
    resume: str | None = None               # which old results it takes over (store/resumes)

    @property
    def status(self) -> str:
        """E-3: success, killed, error or running."""
        if self.is_success:
            return "success"
        if self.is_done:
            return "killed" if self.is_cancel_requested else "error"
        return "running"
