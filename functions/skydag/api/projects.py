"""Projects, revisions, archives (rest-api.md sections 5 and 6)."""

from __future__ import annotations

from typing import Any

from skydag.api import shapes, uploads
from skydag.api.answer import CARRIED_BYTES_MAX, GZIP, Answer, see_other
from skydag.api.application import ApiApplication
from skydag.api.request import Request, moment, path_id
from skydag.errors import InvalidError, NotFoundError
from skydag.model.project import StoredProject

PAGE = 100


def projects(app: ApiApplication, request: Request) -> Answer:
    """R-27: with `name` one or none, whatever else is asked."""
    name = request.query("name")
    if name is not None:
        one = app.projects.by_name(name) if name else None
        found = [one] if one is not None else []
    else:
        found = list(app.projects.list(
            request.number("last_id"), count_of(request, "count"), request.query("name_pattern") or ""))
    return Answer(value={"projects": [shapes.project(record) for record in found]})


def project(app: ApiApplication, request: Request, project_id: str) -> Answer:
    return Answer(value=shapes.project(app.projects.get(path_id(project_id, "project"))))


def project_by_name(app: ApiApplication, request: Request) -> Answer:
    """R-75, deprecated."""
    return Answer(value=shapes.project(named(app, request.needed("name"))))


def push(app: ApiApplication, request: Request) -> Answer:
    """R-32."""
    request.expect(GZIP)
    schedule_from = request.query("schedule_from")
    record = app.push(
        request.needed("project"), request.needed("revision"), uploads.content(app, request), now=app.now(),
        schedule_from=None if schedule_from is None else moment(schedule_from, "schedule_from="),
        clear=request.queries.get("clear_schedule", []), clear_all=request.is_true("clear_schedule_all"),
        user_info=_user(request),
    )
    return Answer(value=shapes.project(record))


def _user(request: Request) -> dict[str, Any]:
    return {} if request.user is None else {"arn": request.user}


def revisions(app: ApiApplication, request: Request, project_id: str) -> Answer:
    """R-31: newest first; last_id is the number that no answer shows (R-7)."""
    number, last_id = path_id(project_id, "project"), request.number("last_id")
    app.projects.get(number)
    found = app.projects.revisions(number, request.query("name"))
    kept = [record for record in found if last_id is None or record.number < last_id]
    return Answer(value={"revisions": [shapes.revision(record) for record in kept]})


def archive(app: ApiApplication, request: Request, project_id: str) -> Answer:
    """R-30. Too large for an answer: from the bucket, by a pre-signed address."""
    number = path_id(project_id, "project")
    app.projects.get(number)
    record = app.projects.revision(number, request.query("revision"))
    if record.archive is None:
        raise NotFoundError(f"Resource does not exist: archive of revision name={record.name} in project id={number}")
    data = app.objects.get(record.archive)
    is_carried = len(data) <= CARRIED_BYTES_MAX or request.is_local
    url = None if is_carried else app.objects.url(record.archive)
    return see_other(url) if url is not None else Answer(data=data, kind=GZIP)


def named(app: ApiApplication, name: str) -> StoredProject:
    found = app.projects.by_name(name) if name else None
    if found is None:
        raise NotFoundError(f"Resource does not exist: project name={name}")
    return found


def count_of(request: Request, name: str, most: int | None = None) -> int:
    """A page size (R-7); 0 is an empty page."""
    count = request.number(name)
    if count is None:
        return PAGE
    if count < 0 or (most is not None and count > most):
        allowed = "0 or more" if most is None else f"between 0 and {most}"
        raise InvalidError(f"{name}= must be {allowed}, not {count}")
    return count
