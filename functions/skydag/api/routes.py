"""Path -> use case: every route of the REST API, and how errors become answers (R-12 .. R-14).

One resolver serves Lambda (handlers/api.py) and the local listener (api/wsgi.py).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from skydag.api import attempts, logs, projects, schedules, uploads, version, workflows
from skydag.api.answer import Answer, built, error
from skydag.api.application import ApiApplication
from skydag.api.request import Request
from skydag.errors import SkydagError
from skydag.model.records import replace

Route = Callable[..., Answer]               # (application, request, **parts of the path) -> Answer

ROUTES: Final[tuple[tuple[str, str, Route], ...]] = (
    ("GET", "/api/version", version.version),
    ("GET", "/api/version/check", version.check),
    ("GET", "/api/projects", projects.projects),
    ("PUT", "/api/projects", projects.push),
    ("POST", "/api/uploads", uploads.upload),
    ("GET", "/api/project", projects.project_by_name),
    ("GET", "/api/projects/<project_id>", projects.project),
    ("GET", "/api/projects/<project_id>/revisions", projects.revisions),
    ("GET", "/api/projects/<project_id>/archive", projects.archive),
    ("GET", "/api/projects/<project_id>/workflow", workflows.project_workflow_by_query),
    ("GET", "/api/projects/<project_id>/workflows", workflows.project_workflows),
    ("GET", "/api/projects/<project_id>/workflows/<name>", workflows.project_workflow),
    ("GET", "/api/projects/<project_id>/schedules", schedules.project_schedules),
    ("GET", "/api/projects/<project_id>/sessions", attempts.project_sessions),
    ("GET", "/api/workflow", workflows.workflow_by_query),
    ("GET", "/api/workflows", workflows.workflows),
    ("GET", "/api/workflows/<workflow_id>", workflows.workflow),
    ("GET", "/api/workflows/<workflow_id>/truncated_session_time", workflows.truncated_session_time),
    ("GET", "/api/schedules", schedules.schedules),
    ("GET", "/api/schedules/<schedule_id>", schedules.schedule),
    ("POST", "/api/schedules/<schedule_id>/disable", schedules.disable),
    ("POST", "/api/schedules/<schedule_id>/enable", schedules.enable),
    ("GET", "/api/sessions", attempts.sessions),
    ("GET", "/api/sessions/<session_id>", attempts.session),
    ("GET", "/api/sessions/<session_id>/attempts", attempts.session_attempts),
    ("GET", "/api/attempts", attempts.attempts),
    ("PUT", "/api/attempts", attempts.start),
    ("GET", "/api/attempts/<attempt_id>", attempts.attempt),
    ("GET", "/api/attempts/<attempt_id>/retries", attempts.retries),
    ("GET", "/api/attempts/<attempt_id>/tasks", attempts.tasks),
    ("POST", "/api/attempts/<attempt_id>/kill", attempts.kill),
    ("POST", "/api/attempts/<attempt_id>/heal", attempts.heal),
    ("GET", "/api/logs/<attempt_id>/files", logs.files),
    ("GET", "/api/logs/<attempt_id>/files/<name>", logs.file),
)

logger = logging.getLogger("skydag.api")


def resolver(application: ApiApplication) -> APIGatewayHttpResolver:
    """Answers HTTP API events. One at a time: Powertools keeps the current event in its classes."""
    out = APIGatewayHttpResolver(serializer=_as_built)

    def register(method: str, path: str, route: Route) -> None:
        def handle(**parts: str) -> Response[Any]:
            request = Request.of_event(out.current_event.raw_event)
            # HTTP APIs decode the path, function URLs do not; only log files' names hold a per cent sign (L-50)
            plain = {name: unquote(part) for name, part in parts.items()}
            answer = _answered(route, application, request, plain)
            return built(answer, request, application.objects)

        out.route(path, method=method)(handle)

    for method, path, route in ROUTES:
        register(method, path, route)

    @out.not_found
    def unknown(_: Any) -> Response[Any]:
        request = Request.of_event(out.current_event.raw_event)
        return built(_unknown(request), request, application.objects)

    return out


def _as_built(body: Any) -> Any:
    """`built` has written the JSON already, compressed or not."""
    return body


def _answered(route: Route, app: ApiApplication, request: Request, parts: Mapping[str, str]) -> Answer:
    try:
        return route(app, request, **parts)
    except SkydagError as refused:
        if refused.http_status >= 500:
            logger.exception("request %s: %s %s", request.id, request.method, request.path)
        return error(refused.http_status, str(refused))
    except Exception:
        logger.exception("request %s: %s %s failed", request.id, request.method, request.path)
        return error(500, f"Internal error: look for request {request.id} in the log of the function api")


def _unknown(request: Request) -> Answer:
    allowed = sorted({method for method, path, _ in ROUTES
                      if re.fullmatch(re.sub(r"<\w+>", "[^/]+", path), request.path)})
    if allowed:
        answer = error(405, f"{request.path} can be asked by {', '.join(allowed)}, not by {request.method}")
        return replace(answer, headers={"Allow": ", ".join(allowed)})
    return error(404, f"No such path: {request.path}")
