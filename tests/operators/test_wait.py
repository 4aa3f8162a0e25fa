"""wait> (O-75, O-76)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.operators.doubles import Trial

from skydag.errors import ConfigError
from skydag.spi import Again, TaskResult
from skydag_operators.wait import START, Wait


def asked(trial: Trial, **config: Any) -> float:
    """In how many seconds it asks to be called again; its state is kept for the next call."""
    with pytest.raises(Again) as again:
        trial.run(Wait(), config)
    trial.state = again.value.state
    return again.value.after_s


def test_o75_it_is_over_strictly_after_its_time_and_asks_for_a_second_at_least(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    first = trial.time
    assert asked(trial, _command="1h 30m") == 5400
    assert trial.state[START] == int(first.timestamp() * 1000)
    trial.time = first + timedelta(minutes=89, seconds=59, milliseconds=700)
    assert asked(trial, _command="1h 30m") == 1
    trial.time = first + timedelta(minutes=90)
    assert asked(trial, _command="1h 30m") == 1
    trial.time += timedelta(milliseconds=1)
    assert trial.run(Wait(), {"_command": "1h 30m"}) == TaskResult()


def test_o75_poll_interval_is_the_rhythm_however_much_is_left(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.state = {"retry_count": 2}
    assert asked(trial, _command="1d", poll_interval="10m") == 600
    assert trial.state["retry_count"] == 2
    trial.time += timedelta(hours=23, minutes=59)
    assert asked(trial, _command="1d", poll_interval="10m") == 600
    assert asked(trial, _command="1d", poll_interval="0s") == 1


def test_o76_blocking_holds_no_worker_either(tmp_path: Path) -> None:
    assert asked(Trial(tmp_path), _command="10s", blocking=True) == 10
    assert asked(Trial(tmp_path), _command="10s", blocking="false", poll_interval="2s") == 2
    with pytest.raises(ConfigError, match=r"^poll_interval can't be specified with blocking:true$"):
        Trial(tmp_path).run(Wait(), {"_command": "10s", "blocking": True, "poll_interval": "1s"})


@pytest.mark.parametrize("config", [{"_command": "10"}, {"_command": 10}, {"_command": "1.5h"}, {"_command": "5s 1m"},
                                    {"_command": "1s", "poll_interval": "soon"}])
def test_o17_o76_an_unreadable_duration_is_a_config_error(config: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^Invalid configuration: Invalid duration for '"):
        Trial(tmp_path).run(Wait(), config)


def test_o13_how_long_must_be_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Parameter '_command' is required but not set"):
        Trial(tmp_path).run(Wait(), {})
