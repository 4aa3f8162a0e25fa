"""Attempts as items, as the mapping that rides in job payloads, and back. Their attribute names live here alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skydag.model.ids import AttemptId, ProjectId, SessionId, WorkflowId
from skydag.model.session import Attempt
from skydag.ports import Item
from skydag.store import registry_keys as keys
from skydag.store.project_items import key
from skydag.store.times import to_text, to_time
from skydag.store.values import Blobs

# field -> name in items and payloads; times are ISO text, the flags are there only when true
_PLAIN = {
    "id": "id", "index": "n", "session_id": "session_id", "session_uuid": "uuid", "project_id": "project_id",
    "project_name": "project", "workflow_id": "workflow_id", "workflow_name": "workflow", "revision": "revision",
    "timezone": "timezone", "retry_attempt_name": "name", "archive": "archive", "definition": "pages",
    "resume": "resume",
}
_TIMES = {"session_time": "time", "created_at": "created_at", "finished_at": "finished_at", "sla_at": "sla_at"}
_FLAGS = {"is_done": "done", "is_success": "success", "is_cancel_requested": "cancel"}


def to_json(attempt: Attempt) -> dict[str, Any]:
    """The attempt as it rides in job payloads, params and all."""
    return _fields(attempt) | ({"params": attempt.params} if attempt.params else {})


def from_json(data: Mapping[str, Any]) -> Attempt:
    fields: dict[str, Any] = {field: data[name] for field, name in _PLAIN.items() if name in data}
    fields |= {field: to_time(data[name]) for field, name in _TIMES.items() if name in data}
    fields |= {field: True for field, name in _FLAGS.items() if name in data}
    for field, kind in (("id", AttemptId), ("session_id", SessionId), ("project_id", ProjectId),
                        ("workflow_id", WorkflowId)):
        fields[field] = kind(fields[field])
    return Attempt(params=data.get("params", {}), **fields)


def attempt_item(attempt: Attempt, *, request: str, task_count: int, blobs: Blobs) -> Item:
    """request: what tells a repeated start from another; task_count: how many task numbers the definition has used."""
    item = key(keys.attempt(attempt.id)) | _fields(attempt) | {"request": request, "task_count": task_count}
    if attempt.params:
        item["params"] = blobs.keep_json(attempt.params, f"attempt/{attempt.id}")
    return item


def attempt_of(item: Item, blobs: Blobs) -> Attempt:
    params = {"params": blobs.json(item["params"])} if "params" in item else {}
    return from_json({name: value for name, value in item.items() if name != "params"} | params)


def _fields(attempt: Attempt) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field, name in _PLAIN.items():
        value = getattr(attempt, field)
        if value is not None:
            out[name] = value
    for field, name in _TIMES.items():
        time = getattr(attempt, field)
        if time is not None:
            out[name] = to_text(time)
    for field, name in _FLAGS.items():
        if getattr(attempt, field):
            out[name] = True
    return out
