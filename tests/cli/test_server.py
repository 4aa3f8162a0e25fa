"""`skydag server` and `skydag demo` hand over to the embedded installation (C-35)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from skydag.cli.main import main


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the embedded server and demo were called with; the demo's exit code is 3."""
    calls: list[tuple[Any, ...]] = []
    server, demo = ModuleType("skydag.embedded.server"), ModuleType("skydag.embedded.demo")
    server.serve = lambda *given, parameters: calls.append((*given, parameters)) or 0      # type: ignore[attr-defined, func-returns-value]
    demo.main = lambda: calls.append(("demo",)) or 3            # type: ignore[attr-defined, func-returns-value]
    monkeypatch.setitem(sys.modules, "skydag.embedded.server", server)
    monkeypatch.setitem(sys.modules, "skydag.embedded.demo", demo)
    return calls


@pytest.mark.parametrize(("argv", "wanted"), [
    ([], (65432, "127.0.0.1")), (["-n", "8080", "-b", "0.0.0.0"], (8080, "0.0.0.0")),
    (["--memory", "--port=0"], (0, "127.0.0.1")),
])
def test_the_server_listens_where_it_is_told(
    argv: list[str], wanted: tuple[int, str], served: list[tuple[Any, ...]],
) -> None:
    assert main(["server", *argv]) == 0
    assert served == [(*wanted, {})]


def test_limits_come_from_the_configuration_and_the_file_beats_X_C_9_C_13(
    served: list[tuple[Any, ...]], tmp_path: Path,
) -> None:
    file = tmp_path / "config"
    file.write_text("executor.task_max_run = 500\nexecutor.attempt_ttl = 1d 12h\nconfig.mail.host = localhost\n")
    assert main(["server", "-c", str(file), "-X", "executor.task_max_run=7", "-X", "executor.attempt_max_run=3",
                 "-X", "executor.task_ttl=90m"]) == 0
    assert served[0][2] == {"TaskLimit": "500", "AttemptLimit": "3", "AttemptTtl": "1d 12h", "TaskTtl": "90m",
                            "OperatorProperties": "config.mail.host=localhost"}


@pytest.mark.parametrize(("given", "words"), [
    ("executor.task_max_run=many", "Property executor.task_max_run takes a number from 1 on, not 'many'"),
    ("executor.task_ttl=soon", "Property executor.task_ttl: Invalid duration"),
    ("config.http.x=a;b", "Property config.http.x must be one line without ';' here"),
])
def test_a_bad_limit_is_named_and_starts_nothing(
    given: str, words: str, served: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["server", "-X", given]) == 1
    assert words in capsys.readouterr().err
    assert served == []


def test_options_of_digdags_server_that_mean_nothing_here_are_ignored_with_a_warning(
    served: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["server", "-O", "logs", "--disable-scheduler", "-H", "a=b"]) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert [warning.split()[2] for warning in warnings] == ["--task-log", "--disable-scheduler", "--header"]


@pytest.mark.parametrize("argv", [["-n", "x"], ["-n", "65536"], ["-m", "-o", "d"], ["more"]])
def test_wrong_options_start_nothing(argv: list[str], served: list[tuple[Any, ...]]) -> None:
    assert main(["server", *argv]) == 1
    assert served == []


def test_the_demos_exit_code_is_the_commands(served: list[tuple[Any, ...]]) -> None:
    assert main(["demo"]) == 3


def test_without_the_extra_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.startswith(("skydag.embedded", "moto"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "moto", None)
    monkeypatch.setitem(sys.modules, "waitress", None)
    assert main(["server", "-n", "0"]) == 1
    assert "is not installed: pip install 'skydag[embedded]'" in capsys.readouterr().err
