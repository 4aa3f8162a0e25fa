"""Limits of time come from the template's parameters, and are kept on the real handlers (E-123)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.embedded.test_journey import House, archive

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation

START = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("parameters", "message"), [
    ({"AttemptTtl": "2h"}, "Workflow execution timeout"),
    ({"TaskTtl": "1h 30m"}, "Task execution timeout: "),
])
def test_what_lasts_longer_than_the_parameters_say_is_killed_and_told_E_123_S_98(
    parameters: dict[str, str], message: str) -> None:
    with Installation(clock=VirtualClock(START), parameters=parameters) as installation:
        house = House(installation)
        house.upload(archive({"w.dig": "+w: {wait>: 1d, poll_interval: 50m}\n+b: {echo>: done}\n"}))
        attempt = house.start("w")
        installation.run_until(START + timedelta(hours=1, minutes=29))
        assert house.rest.get(f"/api/attempts/{attempt}")["status"] == "running"
        installation.run_until(START + timedelta(hours=2, minutes=5))
        assert house.rest.get(f"/api/attempts/{attempt}")["status"] == "killed"
        assert house.states(attempt) == {"+w": "canceled", "+w+w": "canceled", "+w+b": "blocked"}
        (notice,) = house.alerts()
        assert notice["message"].startswith(message)
        assert (notice["attempt_id"], notice["task_name"]) == (int(attempt), None)
        assert not installation.lambdas.failures
