"""Every REST golden that is played at all, through the embedded installation: the API's handlers, moto, virtual time.

A script that sleeps takes that long on the clock: what it reports is seen when the time has passed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.api.world import Client
from tests.goldens.played import REST_ON_MEMORY, REST_RUNNING, compare
from tests.goldens.rest_player import SCENARIOS, Player

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation

START = datetime(2026, 1, 1, tzinfo=UTC)
NAP = "true sleep "                 # what sleeps does so on the clock alone


def _nap(job: Mapping[str, Any]) -> timedelta:
    head, nap, seconds = str(job["config"].get("sh>")).partition(NAP)
    return timedelta(seconds=int(seconds) if nap and not head else 0)


@pytest.mark.parametrize("name", sorted({*REST_ON_MEMORY, *REST_RUNNING}))
def test_an_installation_answers_as_digdag_does(name: str) -> None:
    scenario = json.loads((SCENARIOS / f"{name}.json").read_text().replace("sleep ", NAP))
    with Installation(clock=VirtualClock(START), durations={"Script": _nap}) as installation:
        client = Client(installation.application("Api"))

        def pause(seconds: float) -> None:
            installation.run_until(installation.clock() + timedelta(seconds=seconds))

        compare(f"rest/{name}", Player(send=client, pause=pause, run="skydagtest").play(scenario))
