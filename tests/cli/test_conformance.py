"""The command line goldens that need no server, or one whose tasks need not run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.world import World
from tests.goldens.cli_player import Player, load
from tests.goldens.played import CLI_LOCAL, CLI_ON_MEMORY, compare
from tests.goldens.running import listening

from skydag.api.routes import resolver
from skydag.api.wsgi import WsgiApplication


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The REST API over stores in memory, on loopback."""
    with listening(WsgiApplication(resolver(World()))) as address:
        yield address


@pytest.mark.parametrize("name", CLI_LOCAL)
def test_local_commands_behave_as_digdags(name: str, tmp_path: Path) -> None:
    compare(f"cli/{name}", Player(tmp_path, "skydagtest").play(load(name)))


@pytest.mark.parametrize("name", CLI_ON_MEMORY)
def test_client_commands_behave_as_digdags(name: str, tmp_path: Path, endpoint: str) -> None:
    compare(f"cli/{name}", Player(tmp_path, "skydagtest", endpoint).play(load(name)))
