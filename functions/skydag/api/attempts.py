"""Sessions, attempts, tasks, kill, heal (rest-api.md sections 9 to 11)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from skydag.api import shapes
from skydag.api.answer import JSON, Answer
from skydag.api.application import ApiApplication
from skydag.api.projects import count_of, named
from skydag.api.request import Request, moment, path_id
from skydag.errors import InvalidError
from skydag.model.session import Attempt, Resume
from skydag.store.attempts import Session, SessionExists

PAGE_MAX = 100
NAME_LENGTH_MAX = 255


def sessions(app: ApiApplication, request: Request) -> Answer:
    return _sessions(app.attempts.sessions(last_id=request.number("last_id"), count=_page(request)))


def project_sessions(app: ApiApplication, request: Request, project_id: str) -> Answer:
    """R-50."""
    number = path_id(project_id, "project")
    app.projects.get(number)
    return _sessions(app.attempts.sessions(
        number, request.query("workflow"), last_id=request.number("last_id"), count=_page(request)))


def session(app: ApiApplication, request: Request, session_id: str) -> Answer:
    return Answer(value=shapes.session(app.attempts.session(path_id(session_id, "session"))))


def session_attempts(app: ApiApplication, request: Request, session_id: str) -> Answer:
    """R-51: newest first."""
    last_id = request.number("last_id")
    found = app.attempts.session_attempts(path_id(session_id, "session"))
    kept = [record for record in reversed(found) if last_id is None or record.id < last_id]
    return _attempts(kept[:_page(request)])


def attempts(app: ApiApplication, request: Request) -> Answer:
    """R-53: `workflow` counts only together with `project`."""
    project = request.query("project")
    found = app.attempts.attempts(
        None if project is None else named(app, project).id, None if project is None else request.query("workflow"),
        include_retried=request.is_true("include_retried"), last_id=request.number("last_id"), count=_page(request))
    return _attempts(found)


def attempt(app: ApiApplication, request: Request, attempt_id: str) -> Answer:
    return Answer(value=shapes.attempt(app.attempts.get(_attempt_id(attempt_id))))


def retries(app: ApiApplication, request: Request, attempt_id: str) -> Answer:
    """R-54: every attempt of its session, by index."""
    record = app.attempts.get(_attempt_id(attempt_id))
    return _attempts(app.attempts.session_attempts(record.session_id))


def tasks(app: ApiApplication, request: Request, attempt_id: str) -> Answer:
    return Answer(value={"tasks": [shapes.task(row) for row in app.task_rows(_attempt_id(attempt_id))]})


def start(app: ApiApplication, request: Request) -> Answer:
    """R-55. A session that is there already answers 409 with its attempt (R-58)."""
    body = request.object()
    workflow_id = _body_id(body, "workflowId")
    session_time = moment(_given(body, "sessionTime"), "sessionTime")
    params = _given(body, "params")
    if not isinstance(params, dict):
        raise InvalidError(f"params must be an object, not {json.dumps(params)[:100]}")
    name = body.get("retryAttemptName")
    if name is not None and (not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH_MAX):
        raise InvalidError(f"retryAttemptName must have 1 to {NAME_LENGTH_MAX} characters")
    resume = _resume(body)
    try:
        record = app.start(workflow_id, session_time, params=params, retry_attempt_name=name, resume=resume)
    except SessionExists as exists:
        return Answer(status=409, value=shapes.attempt(exists.attempt))
    return Answer(value=shapes.attempt(record))


def kill(app: ApiApplication, request: Request, attempt_id: str) -> Answer:
    """R-63. The body does not count, but a type other than JSON is refused."""
    if request.kind:
        request.expect(JSON)
    return Answer(value=shapes.attempt(app.kill(_attempt_id(attempt_id))))


def heal(app: ApiApplication, request: Request, attempt_id: str) -> Answer:
    """Ours (G-10): groups are recomputed from their children, in the background. The body does not count."""
    if request.kind:
        request.expect(JSON)
    return Answer(value=shapes.attempt(app.heal(_attempt_id(attempt_id))))


def _attempt_id(text: str) -> int:
    return path_id(text, "session attempt")


def _page(request: Request) -> int:
    return count_of(request, "page_size", PAGE_MAX)


def _given(body: Mapping[str, Any], key: str) -> Any:
    value = body.get(key)
    if value is None:
        raise InvalidError(f"{key} is required")
    return value


def _body_id(body: Mapping[str, Any], key: str, shown: str | None = None) -> int:
    """Text of digits, or a number (R-3)."""
    value = body.get(key)
    if value is None:
        raise InvalidError(f"{shown or key} is required")
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,19}", str(value), re.ASCII):
        raise InvalidError(f"{shown or key} must be an id, not {json.dumps(value)[:100]}")
    return int(value)


def _resume(body: Mapping[str, Any]) -> Resume | None:
    """{"attemptId", "mode": "failed"} or {"attemptId", "mode": "from", "from": the end of a task's name}"""
    given = body.get("resume")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise InvalidError(f"resume must be an object with attemptId and mode, not {json.dumps(given)[:100]}")
    mode, attempt_id = given.get("mode"), _body_id(given, "attemptId", "resume.attemptId")
    if mode not in ("failed", "from"):
        raise InvalidError(f"resume.mode must be failed or from, not {json.dumps(mode)[:100]}")
    if mode == "failed":
        return Resume(attempt_id=attempt_id)
    pattern = given.get("from")
    if not isinstance(pattern, str):
        raise InvalidError("resume.from is required in mode from: the end of a task's name, such as +load")
    return Resume(attempt_id=attempt_id, start_from=pattern)


def _sessions(found: Any) -> Answer:
    records: list[Session] = list(found)
    return Answer(value={"sessions": [shapes.session(record) for record in records]})


def _attempts(found: Any) -> Answer:
    records: list[Attempt] = list(found)
    return Answer(value={"attempts": [shapes.attempt(record) for record in records]})
