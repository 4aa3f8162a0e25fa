"""skydag attempts [<session-id>] (C-56)"""

from __future__ import annotations

from skydag.cli import blocks
from skydag.cli.client import remote
from skydag.cli.command import Command, id_of
from skydag.cli.options import CLIENT, Given, Option


def run(given: Given) -> int:
    query = {"last_id": given.whole("last-id"), "page_size": given.whole("page-size")}
    path = f"/api/sessions/{id_of(given, 'session')}/attempts" if given.arguments else "/api/attempts"
    found = remote(given).get(path, query)["attempts"]
    print("Session attempts:")
    for attempt in reversed(found):
        blocks.attempt(attempt)
    return 0


PAGING = (
    Option(("-i", "--last-id"), "ID", "only what is older than this id"),
    Option(("-s", "--page-size"), "N", "at most so many (default 100)"),
)

COMMAND = Command(
    "attempts", "[<session-id>]", range(2),
    "List the latest attempt of each session, or all attempts of one session, oldest first.", (*PAGING, *CLIENT), run,
)
