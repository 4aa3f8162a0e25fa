"""The command line goldens that need no server, or one whose tasks need not run.

NOT_YET holds the cases that do not hold yet, each with the reason. The list may only shrink: a case that holds must
leave it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.world import World
from tests.goldens.cli_player import Player, load
from waitress.server import create_server

from skydag.api.routes import resolver
from skydag.api.wsgi import WsgiApplication

NOT_YET: dict[str, dict[str, str]] = {}


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The REST API over stores in memory, on loopback."""
    server = create_server(WsgiApplication(resolver(World())), host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


@pytest.mark.parametrize("name", ["general", "check"])
def test_local_commands_behave_as_digdags(name: str, tmp_path: Path) -> None:
    _compare(name, Player(tmp_path, "skydagtest").play(load(name)))


@pytest.mark.parametrize("name", ["push"])
def test_client_commands_behave_as_digdags(name: str, tmp_path: Path, endpoint: str) -> None:
    _compare(name, Player(tmp_path, "skydagtest", endpoint).play(load(name)))


def _compare(name: str, failed: dict[str, list[str]]) -> None:
    known = NOT_YET.get(name, {})
    unexpected = {case: found for case, found in failed.items() if case not in known}
    assert not unexpected, "\n".join(f"{name}/{case}: {line}" for case, lines in unexpected.items() for line in lines)
    assert not set(known) - set(failed), "these hold now: take them from the list"
