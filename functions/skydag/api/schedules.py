"""Schedules (rest-api.md section 8)."""

from __future__ import annotations

from skydag.api import shapes
from skydag.api.answer import Answer
from skydag.api.application import ApiApplication
from skydag.api.projects import PAGE
from skydag.api.request import Request, path_id
from skydag.app.switch import disable as disable_schedule
from skydag.app.switch import enable as enable_schedule
from skydag.errors import InvalidError
from skydag.model.project import StoredSchedule


def schedules(app: ApiApplication, request: Request) -> Answer:
    return _list(list(app.schedules.list(request.number("last_id"), PAGE)))


def project_schedules(app: ApiApplication, request: Request, project_id: str) -> Answer:
    """R-46: with `workflow` one or none."""
    number, last_id = path_id(project_id, "project"), request.number("last_id")
    app.projects.get(number)
    found = app.schedules.of_project(number, request.query("workflow"))
    return _list([record for record in found if last_id is None or record.id > last_id][:PAGE])


def schedule(app: ApiApplication, request: Request, schedule_id: str) -> Answer:
    return Answer(value=shapes.schedule(app.schedules.get(path_id(schedule_id, "schedule"))))


def disable(app: ApiApplication, request: Request, schedule_id: str) -> Answer:
    record = disable_schedule(path_id(schedule_id, "schedule"), schedules=app.schedules, wakes=app.wakes, now=app.now())
    return Answer(value=shapes.schedule_summary(record))


def enable(app: ApiApplication, request: Request, schedule_id: str) -> Answer:
    """R-47. S-69 (skipSchedule) comes with `reschedule`."""
    wanted = request.object(may_be_empty=True)
    if wanted.get("skipSchedule"):
        raise InvalidError("skipSchedule is not supported yet: enable without it, what was missed is caught up")
    record = enable_schedule(path_id(schedule_id, "schedule"), schedules=app.schedules, wakes=app.wakes, now=app.now())
    return Answer(value=shapes.schedule_summary(record))


def _list(found: list[StoredSchedule]) -> Answer:
    return Answer(value={"schedules": [shapes.schedule(record) for record in found]})
