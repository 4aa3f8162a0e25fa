"""Record -> Digdag's JSON (rest-api.md section 3). The only place that knows the names of JSON fields.

Ids are texts, absent values are null, never left out (R-3, R-5). Instants are UTC with seconds, session times carry the
workflow's offset (R-4).
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from skydag.api.application import TaskRow
from skydag.model.project import Revision, StoredProject, StoredSchedule, StoredWorkflow
from skydag.model.session import Attempt
from skydag.model.zones import zone
from skydag.ports import LogFile
from skydag.store.attempts import Session

Json = dict[str, Any]


def instant(time: datetime) -> str:
    """2025-06-10T13:00:05Z"""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant_or_none(time: datetime | None) -> str | None:
    return None if time is None else instant(time)


def offset_time(time: datetime, timezone: str) -> str:
    """2025-06-10T00:00:00+09:00"""
    return time.astimezone(zone(timezone)).isoformat(timespec="seconds")


def id_and_name(number: int, name: str) -> Json:
    return {"id": str(number), "name": name}


def project(record: StoredProject) -> Json:
    return {
        "id": str(record.id),
        "name": record.name,
        "revision": record.revision,
        "createdAt": instant(record.created_at),
        "updatedAt": instant(record.updated_at),
        "deletedAt": instant_or_none(record.deleted_at),
        "archiveType": record.archive_type,
        "archiveMd5": record.archive_md5,
    }


def revision(record: Revision) -> Json:
    return {
        "revision": record.name,
        "createdAt": instant(record.created_at),
        "archiveType": record.archive_type,
        "archiveMd5": record.archive_md5,
        "userInfo": dict(record.user_info),
    }


def workflow(record: StoredWorkflow) -> Json:
    return {
        "id": str(record.id),
        "name": record.name,
        "project": id_and_name(record.project_id, record.project_name),
        "revision": record.revision,
        "timezone": record.timezone,
        "config": record.config,
    }


def truncated(record: StoredWorkflow, session_time: datetime) -> Json:
    return {
        "project": id_and_name(record.project_id, record.project_name),
        "revision": record.revision,
        "sessionTime": offset_time(session_time, record.timezone),
        "timezone": record.timezone,
    }


def schedule(record: StoredSchedule) -> Json:
    return {
        "id": str(record.id),
        "project": id_and_name(record.project_id, record.project_name),
        "workflow": id_and_name(record.workflow_id, record.workflow_name),
        "nextRunTime": instant(record.next_run_time),
        "nextScheduleTime": offset_time(record.next_session_time, record.timezone),
        "disabledAt": instant_or_none(record.disabled_at),
    }


def schedule_summary(record: StoredSchedule) -> Json:
    return {**schedule(record), "createdAt": instant(record.created_at), "updatedAt": instant(record.updated_at)}


def session(record: Session) -> Json:
    last = record.last
    return {
        "id": str(record.id),
        "project": id_and_name(record.project_id, last.project_name),
        "workflow": {"name": record.workflow_name, "id": str(last.workflow_id)},
        "sessionUuid": record.uuid,
        "sessionTime": offset_time(record.time, last.timezone),
        "lastAttempt": {
            "id": str(last.id),
            "retryAttemptName": last.retry_attempt_name,
            "done": last.is_done,
            "success": last.is_success,
            "cancelRequested": last.is_cancel_requested,
            "params": last.params,
            "createdAt": instant(last.created_at),
            "finishedAt": instant_or_none(last.finished_at),
        },
    }


def attempt(record: Attempt) -> Json:
    return {
        "status": record.status,
        "id": str(record.id),
        "index": record.index,
        "project": id_and_name(record.project_id, record.project_name),
        "workflow": {"name": record.workflow_name, "id": str(record.workflow_id)},
        "sessionId": str(record.session_id),
        "sessionUuid": record.session_uuid,
        "sessionTime": offset_time(record.session_time, record.timezone),
        "retryAttemptName": record.retry_attempt_name,
        "done": record.is_done,
        "success": record.is_success,
        "cancelRequested": record.is_cancel_requested,
        "params": record.params,
        "createdAt": instant(record.created_at),
        "finishedAt": instant_or_none(record.finished_at),
    }


def task(row: TaskRow) -> Json:
    return {
        "id": str(row.id),
        "fullName": row.full_name,
        "parentId": None if row.parent_id is None else str(row.parent_id),
        "config": row.config,
        "upstreams": [str(number) for number in row.upstreams],
        "state": str(row.state),
        "cancelRequested": row.cancel_requested,
        "exportParams": row.export_params,
        "storeParams": row.store_params,
        "stateParams": row.state_params,
        "updatedAt": instant(row.updated_at),
        "retryAt": instant_or_none(row.retry_at),
        "startedAt": instant_or_none(row.started_at),
        "error": row.error,
        "isGroup": row.is_group,
    }


def log_file(record: LogFile, *, is_direct: bool, is_inline: bool = False) -> Json:
    """is_inline: small files come along, in base64, for a client that asks for it."""
    content = None if record.content is None else base64.b64encode(record.content).decode()
    return {
        "fileName": record.name,
        "fileSize": record.size,
        "taskName": record.task_name,
        "fileTime": instant(record.time),
        "agentId": record.agent,
        "direct": record.url if is_direct else None,
        **({"content": content} if is_inline else {}),
    }
