"""skydag schedules (C-51)"""

from __future__ import annotations

from skydag.cli.client import remote
from skydag.cli.clock import now
from skydag.cli.command import Command
from skydag.cli.options import CLIENT, Given
from skydag.cli.output import block, local_relative, session_time


def run(given: Given) -> int:
    found = remote(given).get("/api/schedules")["schedules"]
    present = now()
    print("Schedules:")
    for schedule in found:
        block({
            "id": schedule["id"],
            "project": schedule["project"]["name"],
            "workflow": schedule["workflow"]["name"],
            "disabled at": local_relative(schedule["disabledAt"], present),
            "next session time": session_time(schedule["nextScheduleTime"]),
            "next scheduled to run at": local_relative(schedule["nextRunTime"], present),
        })
    print(f"{len(found)} entries.")
    return 0


COMMAND = Command("schedules", "", range(1), "List the schedules of all projects.", CLIENT, run)
