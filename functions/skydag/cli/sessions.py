"""skydag sessions [<project> [<workflow>] | <session-id>] (C-55)"""

from __future__ import annotations

from skydag.cli import blocks
from skydag.cli.attempts import PAGING
from skydag.cli.client import project_named, remote
from skydag.cli.command import Command
from skydag.cli.options import CLIENT, Given


def run(given: Given) -> int:
    server = remote(given)
    first = given.arguments[0] if given.arguments else None
    if first is not None and first.isdecimal() and len(given.arguments) == 1:
        blocks.session(server.get(f"/api/sessions/{first}"))
        return 0
    query: dict[str, object] = {"last_id": given.whole("last-id"), "page_size": given.whole("page-size")}
    path = "/api/sessions"
    if first is not None:
        path = f"/api/projects/{project_named(server, first)['id']}/sessions"
        query["workflow"] = given.arguments[1] if len(given.arguments) > 1 else None
    found = server.get(path, query)["sessions"]
    print("Sessions:")
    for session in reversed(found):
        blocks.session(session)
    return 0


COMMAND = Command(
    "sessions", "[<project> [<workflow>] | <session-id>]", range(3), "List sessions, oldest first, or show one.",
    (*PAGING, *CLIENT), run,
)
