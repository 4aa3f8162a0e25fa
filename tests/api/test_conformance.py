"""The REST goldens that need no running task, played against the routes over stores in memory."""

from __future__ import annotations

import json

import pytest
from tests.api.world import Client, World
from tests.goldens.played import REST_ON_MEMORY, compare
from tests.goldens.rest_player import SCENARIOS, Player


@pytest.mark.parametrize("name", REST_ON_MEMORY)
def test_answers_are_digdags(name: str) -> None:
    scenario = json.loads((SCENARIOS / f"{name}.json").read_text())
    world = World()
    compare(f"rest/{name}", Player(send=Client(world), pause=world.pause, run="skydagtest", tries=3).play(scenario))
