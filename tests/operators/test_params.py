"""param_set> and param_get> (O-77 .. O-82)."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.operators.doubles import Trial

from skydag.errors import ConfigError
from skydag_operators.param_get import ParamGet
from skydag_operators.param_set import ParamSet


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def set_(trial: Trial, **keys: Any) -> None:
    assert trial.run(ParamSet(), {**keys, "inherited": "x"}, keys).store == {}


def get(trial: Trial, **keys: Any) -> Any:
    return trial.run(ParamGet(), {**keys, "inherited": "x"}, keys).store


def test_o80_what_was_set_is_stored_as_text_under_the_name_asked_for(trial: Trial) -> None:
    set_(trial, a="text", b=1, c=1.5, d=True, e="")
    assert get(trial, a="x", b="y", c="z", d="d", e="e") == {"x": "text", "y": "1", "z": "1.5", "d": "true", "e": ""}


def test_o80_what_was_never_set_or_has_expired_is_the_empty_text(trial: Trial) -> None:
    set_(trial, a="1")
    assert get(trial, a="x", other="y") == {"x": "1", "y": ""}
    trial.time += timedelta(days=90, seconds=1)
    assert get(trial, a="x") == {"x": ""}


def test_o78_every_key_of_the_tasks_own_counts_and_no_other(trial: Trial) -> None:
    set_(trial, **{"param_set>": "v", "_retry": 2, "nothing": None})
    assert get(trial, **{"param_set>": "a", "_retry": "b", "nothing": "c", "inherited": "d"}) == \
        {"a": "v", "b": "2", "c": "", "d": ""}


@pytest.mark.parametrize("operator", [ParamSet(), ParamGet()])
def test_o78_without_a_key_there_is_nothing_to_do(trial: Trial, operator: Any) -> None:
    for keys in ({}, {"param_set>": None, "param_get>": None}):
        with pytest.raises(ConfigError, match=r"no key is set\."):
            trial.run(operator, {"inherited": "x"}, keys)


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_o79_a_list_or_mapping_is_refused_and_nothing_is_set(trial: Trial, value: Any) -> None:
    with pytest.raises(ConfigError, match="'b'"):
        set_(trial, a="1", b=value)
    assert get(trial, a="x") == {"x": ""}


def test_o82_more_than_a_hundred_keys_and_a_name_that_is_too_long_are_refused(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="101 keys are set"):
        set_(trial, **{f"k{number}": 1 for number in range(101)})
    with pytest.raises(ConfigError, match="1200 bytes; 1000 are the most"):
        get(trial, **{"ä" * 600: "x"})


def test_o77_another_kind_of_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Unsupported param_server\.type : redis"):
        set_(Trial(tmp_path, properties={"param_server.type": "redis"}), a=1)
    set_(Trial(tmp_path, properties={"param_server.type": "dynamodb"}), a=1)


def test_a_later_run_on_this_machine_finds_what_an_earlier_one_set(tmp_path: Path) -> None:
    (tmp_path / "one.dig").write_text("+a: {param_set>: , day: '${session_date}'}\n")
    (tmp_path / "two.dig").write_text("+a: {param_get>: , day: found}\n+b: {echo>: 'it was ${found}'}\n")
    for name, printed in (("one", ""), ("two", "it was 2025-01-02")):
        ended = subprocess.run(
            [sys.executable, "-m", "skydag", "run", f"{name}.dig", "--no-save", "--session", "2025-01-02"],
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(part).resolve()) for part in sys.path if part)})
        assert (ended.returncode, ended.stdout.strip()) == (0, printed), ended.stderr
