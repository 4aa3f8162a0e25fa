"""sh>: the script, its variables, its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.operators.doubles import Trial

from skydag.errors import ConfigError, TaskError
from skydag_operators.sh import Sh


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path, secrets={"app.token": "t0k", "app.other": "oth er"})


def test_o91_parameters_are_variables_text_as_it_is_and_the_rest_as_json(trial: Trial) -> None:
    config = {"p": "text", "n": 5, "b": True, "l": [1, 2], "o": {"k": "v w"}, "f": 1.5, "bad-name": "x",
              "task_name": "+w+a", "_command": 'echo "$p $n $b $l $o $f $task_name ${bad}"'}
    trial.run(Sh(), config)
    assert trial.log == ['text 5 true [1,2] {"k":"v w"} 1.5 +w+a ']


def test_o50_env_lies_over_parameters_and_only_the_tasks_own_counts(trial: Trial) -> None:
    config = {"p": "param", "_command": 'echo "$A $p $N"', "_env": {"A": "a3", "p": "env", "N": 7}}
    trial.run(Sh(), config)
    trial.run(Sh(), config, local={"_command": config["_command"]})
    assert trial.log == ["a3 env 7", " param "]


def test_o92_null_parameters_are_not_exported(trial: Trial) -> None:
    trial.run(Sh(), {"nothing": None, "_command": 'echo "${nothing-unset}"'})
    assert trial.log == ["unset"]


@pytest.mark.parametrize(("env", "words"), [
    ({"a-b": 1}, "Invalid _env key name: a-b"), ({"A": None}, "Parameter 'A' is required but null"),
    ({"A": [1]}, "string type for key 'A'"), ("A=1", "'_env' must be an object"),
    ({"S": "${other:app}"}, "Invalid parametrization: '.{other:app}'"),
    ({"S": "${secret:app.none}"}, r"Secret not found for key: 'app\.none'"),
    ({"A": "a\0b"}, "'A' holds a character of code 0"),
])
def test_l121_a_wrong_env_is_refused_with_its_key(trial: Trial, env: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        trial.run(Sh(), {"_command": "true", "_env": env})


def test_o48_secrets_reach_the_script_and_env_at_the_moment_of_use(trial: Trial) -> None:
    trial.run(Sh(), {"_command": 'echo "${secret:app.token} $S"', "_env": {"S": "${secret:app.other}"}})
    assert trial.log == ["t0k oth er"]


def test_o90_only_the_last_exit_code_of_a_script_counts(trial: Trial) -> None:
    trial.run(Sh(), {"_command": 'x=1\nfalse\nfor i in 1 2; do\n  echo ">> $x $i"\ndone\n'})
    assert trial.log == [">> 1 1", ">> 1 2"]


@pytest.mark.parametrize("config", [{"shell": ["/bin/sh", "-e"]}, {"sh": {"shell": ["/bin/sh", "-e"]}}])
def test_o95_another_shell_by_the_key_or_by_the_block_sh(trial: Trial, config: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match=r"^Command failed with code 1 \(runtime\)$"):
        trial.run(Sh(), {"_command": "false; echo not reached", **config})
    assert trial.logged == []


def test_o18_the_tasks_own_shell_wins_over_the_block(trial: Trial) -> None:
    trial.run(Sh(), {"_command": "false; echo reached", "shell": ["/bin/sh"], "sh": {"shell": ["/bin/sh", "-e"]}})
    assert trial.log == ["reached"]


def test_a_shell_that_is_no_list_and_a_missing_command_are_refused(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="array type for key 'shell'"):
        trial.run(Sh(), {"_command": "true", "shell": "bash"})
    with pytest.raises(ConfigError, match="Parameter '_command' is required but null"):
        trial.run(Sh(), {"_command": None})


def test_o94_the_exit_code_is_in_the_message(trial: Trial) -> None:
    with pytest.raises(TaskError, match=r"^Command failed with code 42 \(runtime\)$"):
        trial.run(Sh(), {"_command": "exit 42"})
    with pytest.raises(TaskError, match="Command failed with code 127: command not found: nosuchshell"):
        trial.run(Sh(), {"_command": "true", "shell": ["nosuchshell"]})


def test_o87_standard_error_is_in_the_log_and_fails_nothing(trial: Trial) -> None:
    trial.run(Sh(), {"_command": "echo out; echo err >&2"})
    assert trial.log == ["out", "err"]


def test_o38_a_working_directory_outside_is_refused_by_its_parts_not_by_its_text(tmp_path: Path) -> None:
    (tmp_path / "proj").mkdir()
    (tmp_path / "proj-other").mkdir()
    trial = Trial(tmp_path / "proj")
    (tmp_path / "proj" / "link").symlink_to(tmp_path / "proj-other")
    for outside in ("..", "../proj-other", str(tmp_path / "proj-other"), "link"):
        with pytest.raises(ConfigError, match="Working directory must not be outside of project path"):
            trial.run(Sh(), {"_command": "true", "_workdir": outside})
    with pytest.raises(ConfigError, match="Working directory does not exist: nowhere"):
        trial.run(Sh(), {"_command": "true", "_workdir": "nowhere"})


def test_o38_the_script_runs_in_the_working_directory(trial: Trial) -> None:
    trial.file("sub/data.txt", "deep\n")
    trial.run(Sh(), {"_command": "cat data.txt", "_workdir": "sub"})
    assert trial.log == ["deep"]


def test_o40_temporary_files_lie_in_the_project_and_are_gone_afterwards(trial: Trial) -> None:
    trial.run(Sh(), {"_command": 'echo "$0"'})
    assert trial.log[0].startswith(".digdag/tmp/digdag-sh-7000002-")
    assert list((trial.files.root / ".digdag" / "tmp").iterdir()) == []
    with pytest.raises(TaskError):
        trial.run(Sh(), {"_command": "exit 1"})
    assert list((trial.files.root / ".digdag" / "tmp").iterdir()) == []


def test_where_the_project_cannot_be_written_the_systems_folder_serves(trial: Trial) -> None:
    trial.file(".digdag", "not a folder")
    trial.run(Sh(), {"_command": "echo fine"})
    assert trial.log == ["fine"]


def test_f9_a_parameter_too_large_for_a_variable_is_left_out_and_the_log_says_so(trial: Trial) -> None:
    trial.run(Sh(), {"big": "x" * 500_000, "small": "s", "_command": 'echo "${big-none} $small"'})
    assert trial.log == [
        "Parameter 'big' is too large for an environment variable (500005 bytes); left out", "none s",
    ]


def test_f9_many_middling_parameters_still_start_the_command(trial: Trial) -> None:
    trial.run(Sh(), {**{f"p{n}": "x" * 100_000 for n in range(30)}, "_command": "echo fine"})
    assert trial.log[-1] == "fine"
    assert len(trial.log) == 22       # 21 left out: 9 and the script fit into a million bytes


@pytest.mark.parametrize(("config", "words"), [
    ({"docker": "python:3.12"}, "Expected object type for key 'docker'"), ({"shell": []}, "'shell' is empty"),
])
def test_o120_what_asks_for_another_place_or_interpreter_is_not_run_here(
    trial: Trial, config: dict[str, Any], words: str,
) -> None:
    with pytest.raises(ConfigError, match=words):
        trial.run(Sh(), {"_command": "echo here", **config})
    assert trial.log == []
