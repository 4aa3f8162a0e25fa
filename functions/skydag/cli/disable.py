"""skydag disable (C-52)"""

from __future__ import annotations

from skydag.cli.command import Command
from skydag.cli.enable import ARGUMENTS, switch
from skydag.cli.options import CLIENT, Given


def run(given: Given) -> int:
    return switch(given, "disable", "Disabled")


COMMAND = Command("disable", ARGUMENTS, range(1, 3), "Stop schedules from starting sessions.", CLIENT, run)
