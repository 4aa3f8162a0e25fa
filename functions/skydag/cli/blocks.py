"""The blocks that several commands print, from the REST API's objects (C-41, C-43, C-45, C-55, C-56)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skydag.cli.output import block, compact, local_time, session_time

Object = Mapping[str, Any]


def project(found: Object) -> None:
    block({
        "name": found["name"],
        "id": found["id"],
        "revision": found["revision"],
        "archive type": found["archiveType"],
        "project created at": local_time(found["createdAt"]),
        "revision updated at": local_time(found["updatedAt"]),
    })


def _attempt_head(found: Object) -> dict[str, Any]:
    return {
        "session id": found["sessionId"],
        "attempt id": found["id"],
        "uuid": found["sessionUuid"],
        "project": found["project"]["name"],
        "workflow": found["workflow"]["name"],
        "session time": session_time(found["sessionTime"]),
        "retry attempt name": found["retryAttemptName"],
        "params": compact(found["params"]),
        "created at": local_time(found["createdAt"]),
    }


def started(found: Object) -> None:
    block(_attempt_head(found))


def attempt(found: Object) -> None:
    block({
        **_attempt_head(found),
        "finished at": local_time(found["finishedAt"]),
        "kill requested": str(found["cancelRequested"]).lower(),
        "status": found.get("status") or status(found, killed="killed"),
    })


def session(found: Object) -> None:
    """A session and its latest attempt; a killed one shows `error`, one without attempt `pending` (C-55)."""
    last = found["lastAttempt"] or {}
    block({
        "session id": found["id"],
        "attempt id": last.get("id"),
        "uuid": found["sessionUuid"],
        "project": found["project"]["name"],
        "workflow": found["workflow"]["name"],
        "session time": session_time(found["sessionTime"]),
        "retry attempt name": last.get("retryAttemptName"),
        "params": compact(last["params"]) if last else None,
        "created at": local_time(last.get("createdAt")),
        "kill requested": str(last.get("cancelRequested", False)).lower(),
        "status": status(last, killed="error") if last else "pending",
    })


def status(found: Object, *, killed: str) -> str:
    if found["success"]:
        return "success"
    if found["done"]:
        return killed if found["cancelRequested"] else "error"
    return "running"


def task(found: Object) -> None:
    """Indented by three blanks (C-57)."""
    block({
        "id": found["id"],
        "name": found["fullName"],
        "state": found["state"],
        "started": local_time(found["startedAt"]),
        "updated": local_time(found["updatedAt"]),
        "config": compact(found["config"]),
        "parent": found["parentId"] or "null",
        "upstreams": f"[{', '.join(found['upstreams'])}]",
        "export params": compact(found["exportParams"]),
        "store params": compact(found["storeParams"]),
        "state params": compact(found["stateParams"]),
    }, indent=3)
