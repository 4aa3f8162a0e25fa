"""skydag tasks <attempt-id> (C-57)"""

from __future__ import annotations

from skydag.cli import blocks
from skydag.cli.client import remote
from skydag.cli.command import Command, id_of
from skydag.cli.options import CLIENT, Given


def run(given: Given) -> int:
    attempt_id = id_of(given, "attempt")
    found = remote(given).get(f"/api/attempts/{attempt_id}/tasks")["tasks"]
    for task in found:
        blocks.task(task)
    print(f"{len(found)} entries.")
    return 0


COMMAND = Command("tasks", "<attempt-id>", range(1, 2), "List the tasks of an attempt.", CLIENT, run)
