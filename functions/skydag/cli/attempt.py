"""skydag attempt <attempt-id> (C-56)"""

from __future__ import annotations

from skydag.cli import blocks
from skydag.cli.client import remote
from skydag.cli.command import Command, id_of
from skydag.cli.options import CLIENT, Given


def run(given: Given) -> int:
    attempt_id = id_of(given, "attempt")
    blocks.attempt(remote(given).get(f"/api/attempts/{attempt_id}"))
    return 0


COMMAND = Command("attempt", "<attempt-id>", range(1, 2), "Show one attempt.", CLIENT, run)
