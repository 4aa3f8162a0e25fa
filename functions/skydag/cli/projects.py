"""skydag projects [<name>] (C-49)"""

from __future__ import annotations

from skydag.cli import blocks
from skydag.cli.client import remote
from skydag.cli.command import Command
from skydag.cli.options import CLIENT, Given, Option
from skydag.errors import NotFoundError


def run(given: Given) -> int:
    if given.arguments:
        query: dict[str, object] = {"name": given.arguments[0]}
    else:
        query = {"count": given.whole("count"), "last_id": given.whole("last-id"), "name_pattern": given.one("name")}
    found = remote(given).get("/api/projects", query)["projects"]
    if given.arguments and not found:
        raise NotFoundError(f"Project '{given.arguments[0]}' does not exist.")
    print("Projects")
    for project in found:
        blocks.project(project)
    return 0


COMMAND = Command(
    "projects", "[<name>]", range(2), "List projects, or show one.",
    (
        Option(("--count",), "N", "at most so many (default 100)"),
        Option(("--last-id",), "ID", "only what is newer than this id"),
        Option(("--name",), "PATTERN", "only names that hold this text"),
        *CLIENT,
    ),
    run,
)
