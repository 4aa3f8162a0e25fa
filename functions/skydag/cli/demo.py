"""skydag demo: a whole installation at work, from an upload to an alert, in this process."""

from __future__ import annotations

from skydag.cli.command import Command
from skydag.cli.options import Given
from skydag.errors import InvalidError


def run(given: Given) -> int:
    try:
        from skydag.embedded.demo import main
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("skydag"):
            raise
        raise InvalidError(f"{missing.name} is not installed: pip install 'skydag[embedded]'") from missing
    return main()


COMMAND = Command("demo", "", range(1), "Show a whole installation at work, from an upload to an alert.", (), run)
