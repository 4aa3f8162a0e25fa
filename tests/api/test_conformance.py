"""The REST goldens, played against the routes over stores in memory.

NOT_YET holds the steps that do not hold yet, each with the reason. The list may only shrink: a step that holds must
leave it.
"""

from __future__ import annotations

import json

import pytest
from tests.api.world import Client, World
from tests.goldens.rest_player import SCENARIOS, Player

NOT_YET: dict[str, dict[str, str]] = {}

PLAYED = (
    "version", "projects-get", "project-names", "workflows", "push-errors", "session-time", "archive", "schedules",
    "attempts-start",
)


@pytest.mark.parametrize("name", PLAYED)
def test_answers_are_digdags(name: str) -> None:
    scenario = json.loads((SCENARIOS / f"{name}.json").read_text())
    world = World()
    failed = Player(send=Client(world), pause=world.pause, run="skydagtest", tries=3).play(scenario)
    unexpected = {step: found for step, found in failed.items() if step not in NOT_YET.get(name, {})}
    assert not unexpected, "\n".join(f"{name}/{step}: {line}" for step, lines in unexpected.items() for line in lines)
    assert not set(NOT_YET.get(name, {})) - set(failed), "these hold now: take them from the list"
