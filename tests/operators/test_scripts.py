"""What operators share that run a command (O-86 .. O-89), and where their commands run (O-119 .. O-124)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.local import stand_in_docker
from tests.local.test_run import Ran, ran
from tests.operators.doubles import Trial

from skydag.errors import TaskError
from skydag.local.commands import LocalCommands
from skydag.local.docker import DockerCommands
from skydag_operators.py import Py
from skydag_operators.sh import Sh

Place = Callable[[Trial], None]


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path / "project")


def here(trial: Trial) -> None:
    """Commands are processes of this machine."""


def in_a_container(trial: Trial) -> None:
    folder = trial.files.root.parent / "bin"
    stand_in_docker.install(folder)
    local = LocalCommands(trial.logged.append, {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
    trial.commands = DockerCommands(local, {"image": "i"}, project=trial.files.root, project_id=1, revision="r1")


@pytest.mark.parametrize("state", [{}, {"commandStatus": {"task_arn": "arn"}}, {"retry_count": 1}])
def test_o86_every_run_starts_its_command_and_waits_for_its_end(trial: Trial, state: Mapping[str, Any]) -> None:
    """Nobody asks each 10 s how a command gets on, so no state says which one runs."""
    trial.file("m.py", "def f():\n    print('ran')\n")
    trial.state = state
    trial.run(Sh(), {"_command": "echo ran"})
    trial.run(Py(), {"_command": "m.f", "python": sys.executable})
    assert trial.log == ["ran", "ran"]


def test_o86_a_code_that_is_not_0_fails_the_task(trial: Trial) -> None:
    trial.file("m.py", "import os\ndef f():\n    os._exit(3)\n")
    for operator, command in ((Sh(), "exit 3"), (Py(), "m.f")):
        with pytest.raises(TaskError, match=r"ommand failed with code 3\b.*\(runtime\)"):
            trial.run(operator, {"_command": command})


@pytest.mark.parametrize("place", [here, in_a_container])
def test_o88_each_part_of_a_command_arrives_as_one(trial: Trial, place: Place) -> None:
    trial.file("m.py", "import sys\ndef f():\n    print(sys._xoptions)\n")
    place(trial)
    shell = ["/bin/sh", "-c", 'echo "<$0> <$1>"; . "$2"', "a b", "$HOME 'x'"]
    trial.run(Sh(), {"_command": "echo fine", "shell": shell})
    trial.run(Py(), {"_command": "m.f", "python": [sys.executable, "-X", "one=a b; exit 1"]})
    assert trial.log == ["<a b> <$HOME 'x'>", "fine", "{'one': 'a b; exit 1'}"]


@pytest.mark.parametrize("config", [
    lambda options: options,                                        # exported, or the task's own: merged is merged
    lambda options: {"sh": options, "py": options},                 # the block of the operator's name
    lambda options: {"sh": {"shell": ["false"]}, "py": {"python": "false"}, **options},     # which is the weakest
])
def test_o89_keys_come_from_all_that_the_task_sees_and_from_the_block(trial: Trial, config: Any) -> None:
    trial.file("m.py", "import sys\ndef f():\n    print(sys._xoptions)\n")
    merged = config({"shell": ["/bin/sh", "-x"], "python": [sys.executable, "-X", "mine"]})
    trial.run(Sh(), {"_command": "true", **merged}, local={"_command": "true"})
    trial.run(Py(), {"_command": "m.f", **merged}, local={"_command": "m.f"})
    assert trial.log == ["+ true", "{'mine': True}"]


def test_o89_o50_but_the_variables_of_env_are_the_tasks_own(trial: Trial) -> None:
    trial.file("m.py", "import os\ndef f():\n    print(os.environ.get('A'))\n")
    for block in ({"_env": {"A": "a"}}, {"sh": {"_env": {"A": "a"}}, "py": {"_env": {"A": "a"}}}):
        trial.run(Sh(), {"_command": 'echo "${A-None}"', **block}, local={"_command": ""})
        trial.run(Py(), {"_command": "m.f", **block}, local={"_command": ""})
    assert trial.log == ["None"] * 4


def test_o93_the_working_directory_is_not_on_the_path(trial: Trial) -> None:
    trial.file("bin/tool_of_ours", "#!/bin/sh\necho found\n")
    (trial.files.root / "bin" / "tool_of_ours").chmod(0o755)
    with pytest.raises(TaskError, match="code 127"):
        trial.run(Sh(), {"_command": "tool_of_ours", "_workdir": "bin"})
    trial.logged.clear()
    trial.run(Sh(), {"_command": "./tool_of_ours", "_workdir": "bin"})
    assert trial.log == ["found"]


def test_o107_what_a_function_returns_is_ignored(trial: Trial) -> None:
    trial.file("m.py", "class T:\n    def run(self):\n        return {'a': 1}\ndef f():\n    return object()\n")
    for command in ("m.f", "m.T"):
        result = trial.run(Py(), {"_command": command})
        assert (result.store, result.export, result.subtasks) == ({}, {}, {})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_o111_subtasks_run_in_the_order_of_their_adding_and_see_what_was_exported_with_them(project: Path) -> None:
    Path("m.py").write_text(
        "import digdag\ndef f():\n    digdag.env.export(who='exported')\n"
        "    for n in range(11):\n        digdag.env.add_subtask({'echo>': f'{n} ${{who}}'})\n")
    done = ran("_export: {who: nobody}\n+a: {py>: m.f}\n+b: {echo>: 'b ${who}'}\n", "--no-save")
    assert done.out.splitlines() == [f"{n} exported" for n in range(11)] + ["b nobody"], done.err


def run(text: str, folder: Path, *argv: str) -> Ran:
    return ran(text, "--no-save", *argv, env={"PATH": f"{folder}:/usr/bin:/bin", "MINE": "of this machine"})


@pytest.mark.parametrize("kind", ["ecs", "kubernetes", "no-such-thing"])
def test_o119_where_a_command_runs_is_said_by_its_task_and_by_no_setting(project: Path, kind: str) -> None:
    done = run("+a: {sh>: echo here}\n", project, "-X", f"agent.command_executor.type={kind}")
    assert (done.code, done.out) == (0, "here\n")


@pytest.mark.parametrize("docker", ["{image: i}", "{image: i, docker: no-such-client}", "{}"])
def test_o120_what_asks_for_a_container_never_runs_on_the_machine_itself(project: Path, docker: str) -> None:
    done = run(f"+a:\n  sh>: touch ran\n  docker: {docker}\n", project / "nothing-here")
    assert done.code == 1
    assert not Path("ran").exists()
    assert "install Docker" in done.err or "'image' is required" in done.err


def test_a_docker_block_concerns_only_tasks_that_run_a_command(project: Path) -> None:
    assert run("_export: {docker: {}}\n+a: {echo>: fine}\n", project).out == "fine\n"


def test_o121_a_process_has_the_machines_variables_and_over_them_its_own(project: Path) -> None:
    done = run("+a:\n  sh>: echo $MINE; echo $PATH\n  _env: {PATH: '/bin:/usr/bin'}\n", project)
    assert done.out.splitlines() == ["of this machine", "/bin:/usr/bin"]


def test_o124_a_script_in_a_container_that_is_built_writes_into_the_project(project: Path) -> None:
    calls = stand_in_docker.install(project / "bin")
    done = run("+a:\n  sh>: echo from inside > file.txt\n"
               "  docker: {image: debian, build: [apt-get update], run_options: [--cpus, '2']}\n", project / "bin")
    assert (done.code, Path("file.txt").read_text()) == (0, "from inside\n"), done.err
    images, build, ran_ = calls.read_text().splitlines()
    name = images.removeprefix("images -q ")
    assert f"-t {name}" in build
    assert ran_.startswith("run --cpus 2 --rm -v ") and f" {name} /bin/sh " in ran_


def test_o55_o56_o57_called_tasks_see_the_callers_parameters_not_its_keys_and_work_in_their_own_folder(
    project: Path,
) -> None:
    for name, own in (("sub/plain.dig", ""), ("sub/deep.dig", "_export: {_workdir: deep}\n")):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(f"{own}+a: {{sh>: 'echo ${{p}} ${{e}} ${{typeof k}} $(basename $PWD)'}}\n")
    Path("sub/deep").mkdir()
    done = ran("_export: {p: 1}\n+a: {call>: sub/plain, k: 3, _export: {e: 2}}\n"
               "+b: {call>: sub/deep.dig, _export: {e: 4}}\n+c: {sh>: 'basename $PWD', _export: {e: 5}}\n", "--no-save")
    assert done.out.splitlines() == ["1 2 undefined sub", "1 4 undefined deep", project.name], done.err


def test_o42_a_dry_run_evaluates_and_shows_each_task_and_runs_none(project: Path) -> None:
    done = ran("+a: {sh>: touch ran}\n+b: {loop>: 2, _do: {echo>: no}}\n+c: {if>: true, _do: {echo>: no}}\n"
               "+d: {echo>: '${1 + 1}'}\n", "--dry-run")
    assert (done.code, done.out, Path("ran").exists()) == (0, "", False)
    assert "echo>: 2" in done.err
    assert "^sub" not in done.err
