"""echo>, fail>, notify>; and what holds for all operators."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.operators.doubles import Trial

from skydag.errors import ConfigError, TaskError
from skydag_operators.echo import Echo
from skydag_operators.fail import Fail
from skydag_operators.notify import Notify

ROOT = Path(__file__).parents[2]
WITH_RETRY = {"call", "http", "http_call", "mail", "param_get", "param_set", "py", "rb", "require", "sh"}     # O-27
RUNS_CODE = {"sh", "py", "rb"}


def registered() -> dict[str, Any]:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["skydag.operators"]
    return {name: getattr(importlib.import_module(target.partition(":")[0]), target.partition(":")[2])
            for name, target in points.items()}


def test_o74_echo_says_its_text_and_takes_numbers_as_text(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    for said in ("hello\nworld", 3, 1.5, True):
        trial.run(Echo(), {"_command": said})
    assert trial.echoed == ["hello\nworld", "3", "1.5", "true"]


def test_l66_echo_refuses_a_list_and_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="string type"):
        Trial(tmp_path).run(Echo(), {"_command": [1]})
    with pytest.raises(ConfigError, match="Parameter '_command' is required but not set"):
        Trial(tmp_path).run(Echo(), {})


def test_o73_fail_fails_with_exactly_its_text(tmp_path: Path) -> None:
    with pytest.raises(TaskError) as failed:
        Trial(tmp_path).run(Fail(), {"_command": "out of apples"})
    assert (str(failed.value), failed.value.stacktrace, type(failed.value)) == ("out of apples", None, TaskError)
    with pytest.raises(TaskError) as silent:
        Trial(tmp_path).run(Fail(), {"_command": None})
    assert str(silent.value) == ""


def test_o83_o84_notify_sends_its_message(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.run(Notify(), {"_command": "Workflow session attempt failed"})
    assert trial.notified == ["Workflow session attempt failed"]


def test_o27_only_these_operators_honour_retry_and_only_these_run_user_code() -> None:
    operators = registered()
    assert {name for name, operator in operators.items() if operator.retries} == WITH_RETRY
    assert {name for name, operator in operators.items() if operator.runs_code} == RUNS_CODE


def test_every_operator_has_its_page_and_its_page_its_example() -> None:
    for name in registered():
        page = ROOT / "docs" / "operators" / f"{name}.md"
        assert page.is_file(), f"write {page.relative_to(ROOT)}"
        assert f"{name}>:" in page.read_text(), f"{page.relative_to(ROOT)} shows no example"
