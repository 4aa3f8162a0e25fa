"""skydag workflows [<project> [<name>]] (C-50)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from skydag.cli.client import project_named, remote, workflow_named
from skydag.cli.command import Command
from skydag.cli.options import CLIENT, Given, Option
from skydag.cli.output import yaml_lines
from skydag.errors import InvalidError


def run(given: Given) -> int:
    order = given.one("order")
    if order not in (None, "asc", "desc"):
        raise InvalidError(f"Option --order takes asc or desc, not '{order}'")
    query = {"count": given.whole("count"), "last_id": given.whole("last-id"), "order": order,
             "name_pattern": given.one("name")}
    server = remote(given)
    if not given.arguments:
        _list(server.get("/api/workflows", query)["workflows"])
        return 0
    project = project_named(server, given.arguments[0])
    if len(given.arguments) == 1:
        _list(server.get(f"/api/projects/{project['id']}/workflows")["workflows"])
    else:
        print("\n".join(yaml_lines(workflow_named(server, project, given.arguments[1])["config"])))
    return 0


def _list(found: Iterable[Mapping[str, Any]]) -> None:
    """A project's name appears again when the list returns to it."""
    shown = None
    for workflow in found:
        if workflow["project"]["id"] != shown:
            shown = workflow["project"]["id"]
            print(f"  {workflow['project']['name']}")
        print(f"    {workflow['name']}")


COMMAND = Command(
    "workflows", "[<project> [<name>]]", range(3),
    "List workflows of the latest revisions, or show one definition as YAML.",
    (
        Option(("--count",), "N", "at most so many (default 100)"),
        Option(("--last-id",), "ID", "only what comes after this id"),
        Option(("--order",), "asc|desc", "by rising or falling id"),
        Option(("--name",), "PATTERN", "only names that hold this text (without a project)"),
        *CLIENT,
    ),
    run,
)
