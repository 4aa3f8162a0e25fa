"""Workflow definitions, and session times cut to what they mean (rest-api.md section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from skydag.api import shapes
from skydag.api.answer import Answer
from skydag.api.application import ApiApplication
from skydag.api.projects import count_of, named
from skydag.api.request import Request, moment, path_id
from skydag.errors import InvalidError, NotFoundError
from skydag.model.project import StoredWorkflow
from skydag.model.zones import zone


def workflows(app: ApiApplication, request: Request) -> Answer:
    """R-41: latest revisions of all live projects."""
    order = request.query("order") or "asc"
    if order not in ("asc", "desc"):
        raise InvalidError(f"order= must be asc or desc, not '{order}'")
    return _list(app.projects.all_workflows(
        request.number("last_id"), count_of(request, "count"), is_descending=order == "desc",
        name_pattern=request.query("name_pattern") or "", search_project_name=request.is_true("search_project_name")))


def workflow(app: ApiApplication, request: Request, workflow_id: str) -> Answer:
    return Answer(value=shapes.workflow(app.projects.workflow(path_id(workflow_id, "workflow"))))


def project_workflows(app: ApiApplication, request: Request, project_id: str) -> Answer:
    """R-43."""
    number = path_id(project_id, "project")
    app.projects.get(number)
    return _list(app.projects.workflows(number, request.query("revision"), request.query("name")))


def project_workflow(app: ApiApplication, request: Request, project_id: str, name: str) -> Answer:
    """R-44."""
    number = path_id(project_id, "project")
    app.projects.get(number)
    return Answer(value=shapes.workflow(_one(app, number, name, request.query("revision"))))


def project_workflow_by_query(app: ApiApplication, request: Request, project_id: str) -> Answer:
    """R-75, deprecated."""
    return project_workflow(app, request, project_id, request.needed("name"))


def workflow_by_query(app: ApiApplication, request: Request) -> Answer:
    """R-75, deprecated."""
    project = named(app, request.needed("project"))
    return Answer(value=shapes.workflow(_one(app, project.id, request.needed("name"), request.query("revision"))))


def _one(app: ApiApplication, project_id: int, name: str, revision: str | None) -> StoredWorkflow:
    found = app.projects.workflows(project_id, revision, name)
    if not found:
        where = "the latest revision" if revision is None else f"revision {revision}"
        raise NotFoundError(f"Resource does not exist: workflow name={name} in {where} of project id={project_id}")
    return found[0]


def _list(found: Sequence[StoredWorkflow]) -> Answer:
    return Answer(value={"workflows": [shapes.workflow(record) for record in found]})


def truncated_session_time(app: ApiApplication, request: Request, workflow_id: str) -> Answer:
    """R-45."""
    text, mode = request.needed("session_time"), request.query("mode")
    record = app.projects.workflow(path_id(workflow_id, "workflow"))
    time = moment(text, "session_time=", zone=zone(record.timezone))
    return Answer(value=shapes.truncated(record, _cut(record, time, mode)))


def _cut(record: StoredWorkflow, time: datetime, mode: str | None) -> datetime:
    """S-89: by the local clock of the workflow."""
    local = time.astimezone(zone(record.timezone))
    match mode:
        case None:
            return local
        case "hour":
            return local.replace(minute=0, second=0)
        case "day":
            return local.replace(hour=0, minute=0, second=0)
        case "schedule" | "next_schedule":
            return _scheduled(record, time, is_next=mode == "next_schedule")
    raise InvalidError(f"mode= must be hour, day, schedule or next_schedule, not '{mode}'")


def _scheduled(record: StoredWorkflow, time: datetime, *, is_next: bool) -> datetime:
    if record.schedule is None:
        raise InvalidError(f"Workflow '{record.name}' has no schedule: mode= must be hour or day")
    from skydag.language.timetable import Timetable  # this route alone asks

    table = Timetable(record.schedule, record.timezone)
    due = table.next(time) if is_next else table.first(time)
    return due.session_time
