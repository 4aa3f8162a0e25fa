"""skydag kill <attempt-id> (C-47)"""

from __future__ import annotations

from skydag.cli.client import remote
from skydag.cli.command import Command, id_of
from skydag.cli.options import CLIENT, Given


def run(given: Given) -> int:
    attempt_id = id_of(given, "attempt")
    remote(given).post(f"/api/attempts/{attempt_id}/kill")
    print(f"Kill requested for session attempt {attempt_id}")
    return 0


COMMAND = Command("kill", "<attempt-id>", range(1, 2), "Ask a running attempt to stop.", CLIENT, run)
