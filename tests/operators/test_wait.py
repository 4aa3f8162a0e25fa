"""wait> (O-75, O-76)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from skydag.testing import Trial, Tried
from skydag_operators.wait import START, Wait


def wait(command: Any, **more: Any) -> Trial:
    return Trial(Wait(), {"_command": command, **more})


def asked(trial: Trial) -> float:
    """In how many seconds it asks to be called again."""
    tried = trial.run()
    assert tried.retry_in is not None, tried
    return tried.retry_in.total_seconds()


def test_o75_it_is_over_strictly_after_its_time_and_asks_for_a_second_at_least() -> None:
    trial = wait("1h 30m")
    first = trial.time
    assert asked(trial) == 5400
    assert trial.state[START] == int(first.timestamp() * 1000)
    trial.time = first + timedelta(minutes=89, seconds=59, milliseconds=700)
    assert asked(trial) == 1
    trial.time = first + timedelta(minutes=90)
    assert asked(trial) == 1
    trial.time += timedelta(milliseconds=1)
    assert trial.run() == Tried()


def test_o75_poll_interval_is_the_rhythm_however_much_is_left() -> None:
    trial = wait("1d", poll_interval="10m")
    trial.state = {"retry_count": 2}
    assert asked(trial) == 600
    assert trial.state["retry_count"] == 2
    trial.time += timedelta(hours=23, minutes=59)
    assert asked(trial) == 600
    assert asked(wait("1d", poll_interval="0s")) == 1


def test_o76_blocking_holds_no_worker_either() -> None:
    assert asked(wait("10s", blocking=True)) == 10
    assert asked(wait("10s", blocking="false", poll_interval="2s")) == 2
    assert wait("10s", blocking=True, poll_interval="1s").run().error == \
        "poll_interval can't be specified with blocking:true (config)"


@pytest.mark.parametrize("config", [{"_command": "10"}, {"_command": 10}, {"_command": "1.5h"}, {"_command": "5s 1m"},
                                    {"_command": "1s", "poll_interval": "soon"}])
def test_o17_o76_an_unreadable_duration_is_a_config_error(config: dict[str, Any]) -> None:
    error = Trial(Wait(), config).run().error or ""
    assert error.startswith("Invalid configuration: Invalid duration for '") and error.endswith(" (config)")


def test_o13_how_long_must_be_said() -> None:
    assert Trial(Wait(), {}).run().error == "Parameter '_command' is required but not set (config)"
