"""The payload of a notification (S-99): the same for every way it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from skydag.model.session import Attempt
from skydag.model.zones import zone


def notice(attempt: Attempt, task_name: str | None, message: str, now: datetime) -> dict[str, Any]:
    return {
        "timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "message": message, "site_id": 0,
        "project_id": attempt.project_id, "project_name": attempt.project_name, "workflow_name": attempt.workflow_name,
        "revision": attempt.revision, "attempt_id": attempt.id, "session_id": attempt.session_id,
        "task_name": task_name, "timezone": attempt.timezone, "session_uuid": attempt.session_uuid,
        "session_time": local_iso(attempt), "workflow_definition_id": attempt.workflow_id,
    }


def set_aside(attempt_id: int, now: datetime) -> dict[str, Any]:
    """An attempt that cannot be processed (G-10); what it is may be what cannot be read."""
    return {"timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "attempt_id": attempt_id,
            "message": f"Attempt {attempt_id} cannot be processed and was set aside; once the cause is mended: "
                       f"skydag heal {attempt_id}"}


def local_iso(attempt: Attempt) -> str:
    return attempt.session_time.astimezone(zone(attempt.timezone)).isoformat(timespec="seconds")
