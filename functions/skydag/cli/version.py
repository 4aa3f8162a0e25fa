"""skydag version (C-60): works without the version check."""

from __future__ import annotations

from skydag import __version__
from skydag.cli.client import remote
from skydag.cli.command import Command
from skydag.cli.options import CLIENT, Given


def run(given: Given) -> int:
    given.values.setdefault("disable-version-check", [""])
    server = remote(given)
    print(f"Client version: {__version__}")
    print(f"Server version: {server.get('/api/version')['version']}")
    return 0


COMMAND = Command("version", "", range(1), "Print the versions of client and server.", CLIENT, run)
