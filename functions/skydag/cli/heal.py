"""skydag heal <attempt-id> (ours: G-10)"""

from __future__ import annotations

from skydag.cli.client import remote
from skydag.cli.command import Command, id_of
from skydag.cli.options import CLIENT, Given


def run(given: Given) -> int:
    attempt_id = id_of(given, "attempt")
    remote(given).post(f"/api/attempts/{attempt_id}/heal")
    print(f"Healing of session attempt {attempt_id} requested")
    return 0


NOTES = """\
For an attempt that does not go on, or that was set aside (an alert tells): once the cause is gone, each of its
groups is recomputed from its tasks, in the background. Where nothing is wrong nothing changes: repeat it freely."""

COMMAND = Command("heal", "<attempt-id>", range(1, 2), "Recompute an attempt that got stuck from its tasks.", CLIENT,
                  run, NOTES)
