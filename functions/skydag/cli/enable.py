"""skydag enable (C-52); disable.py is its other half."""

from __future__ import annotations

from collections.abc import Sequence

from skydag.cli.client import project_named, remote
from skydag.cli.command import Command
from skydag.cli.options import CLIENT, Given
from skydag.cli.remote import Remote
from skydag.errors import NotFoundError

ARGUMENTS = "<schedule-id> | <project> [<workflow>]"


def run(given: Given) -> int:
    return switch(given, "enable", "Enabled")


def switch(given: Given, action: str, done: str) -> int:
    """One line a schedule; a project without schedules prints nothing."""
    server = remote(given)
    for schedule_id in _chosen(server, given.arguments):
        summary = server.post(f"/api/schedules/{schedule_id}/{action}")
        print(f"{done} schedule id: {summary['id']}")
    return 0


def _chosen(server: Remote, arguments: Sequence[str]) -> list[str]:
    if len(arguments) == 1 and arguments[0].isdecimal():
        return [arguments[0]]
    project = project_named(server, arguments[0])
    workflow = arguments[1] if len(arguments) > 1 else None
    found = server.get(f"/api/projects/{project['id']}/schedules", {"workflow": workflow})["schedules"]
    if workflow is not None and not found:
        raise NotFoundError("Resource not found: schedule not found in the latest revision of "
                            f"project id = {project['id']}: {workflow}")
    return [schedule["id"] for schedule in found]


COMMAND = Command("enable", ARGUMENTS, range(1, 3), "Let disabled schedules start sessions again.", CLIENT, run)
