"""docker: on this machine. A stand-in for the docker command writes down how it was called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from skydag.errors import ConfigError, TaskError
from skydag.local.commands import LocalCommands
from skydag.local.docker import DockerCommands

STAND_IN = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
case "$1" in
  images) cat "$IMAGES" 2>/dev/null; exit 0 ;;
  build) [ "$FAIL" = build ] && exit 1; shift; while [ "$1" != -f ]; do shift; done; cat "$2" ;;
  pull) [ "$FAIL" = pull ] && exit 1; echo pulled ;;
  run) echo "inside: ${SECRET_OF_HOST-unset}"
    while [ $# -gt 0 ]; do
      case "$1" in
        -e) echo "client has $2=$(printenv "$2")" >> "$SEEN" ;;
        --env-file) { ls -l "$2" | cut -c1-10; cat "$2"; } >> "$SEEN" ;;
      esac
      shift
    done
    exit "${CODE-0}" ;;
esac
"""


class Machine:
    """One with a docker command that only writes down its calls; `project`, where tasks work."""

    def __init__(self, folder: Path, *, is_installed: bool = True, **env: str) -> None:
        self.project, self.output = folder / "project", list[str]()
        (self.project / "sub").mkdir(parents=True)
        (folder / "bin").mkdir()
        if is_installed:
            (folder / "bin" / "docker").write_text(STAND_IN)
            (folder / "bin" / "docker").chmod(0o755)
        self.calls_file = folder / "calls"
        path = f"{folder / 'bin'}:/bin:/usr/bin" if is_installed else str(folder / "bin")
        self.seen_file = folder / "seen"
        self.env = {"PATH": path, "CALLS": str(self.calls_file), "IMAGES": str(folder / "images"),
                    "SEEN": str(self.seen_file), **env}

    def run(self, docker: dict[str, Any], *argv: str, **env: str) -> int:
        local = LocalCommands(self.output.append, self.env)
        commands = DockerCommands(local, docker, project=self.project, project_id=3, revision="r1")
        return commands(argv or ["sh", "x.sh"], cwd=self.project / "sub", env=env).code

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines()


def test_o122_the_call_is_run_with_the_project_mounted_at_its_own_path(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.run({"image": "python:3.13-slim"}, "python", "runner.py", "a b", A="1", B="x y") == 0
    p = machine.project.resolve()
    assert machine.calls == [
        f"run --rm -v {p}:{p}:rw -w {p}/sub -e A -e B python:3.13-slim python runner.py a b",
    ]
    assert machine.output == ["inside: unset"]


def test_g8_no_value_of_a_variable_stands_on_dockers_command_line_and_each_arrives(tmp_path: Path) -> None:
    """Whoever lists this machine's processes sees command lines."""
    machine = Machine(tmp_path)
    machine.run({"image": "i"}, PASSWORD="hunter2", TWO="line 1\nline 2", PATH="/opt/bin", DOCKER_HOST="tcp://there")
    call, = machine.calls
    assert [value for value in ("hunter2", "line", "/opt/bin", "tcp://") if value in call] == []
    seen = machine.seen_file.read_text()
    assert "client has PASSWORD=hunter2\n" in seen
    assert "client has TWO=line 1\nline 2\n" in seen
    assert "-rw-------\nPATH=/opt/bin\nDOCKER_HOST=tcp://there\n" in seen, "what would change the client itself"
    file = call.split("--env-file ")[1].split()[0]
    assert not Path(file).exists()


def test_a_variable_that_neither_way_can_carry_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"variable PATH .* more than one line"):
        Machine(tmp_path).run({"image": "i"}, PATH="/a\n/b")


def test_o122_run_options_come_first_selinux_marks_the_mount_and_another_client_may_be_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "bin" / "docker").rename(tmp_path / "bin" / "podman")
    machine.run({"image": "i", "docker": "podman", "run_options": ["--cpus", 2], "selinux": "true"})
    p = machine.project.resolve()
    assert machine.calls == [f"run --cpus 2 --rm -v {p}:{p}:rw,Z -w {p}/sub i sh x.sh"]


def test_the_exit_code_of_the_container_is_that_of_the_command(tmp_path: Path) -> None:
    assert Machine(tmp_path, CODE="9").run({"image": "i"}) == 9


def test_when_docker_itself_fails_the_error_says_so_and_not_that_the_command_did(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"could not start a container of image i .* is Docker running"):
        Machine(tmp_path, CODE="125").run({"image": "i"})


def test_o123_an_image_is_built_once_from_its_lines(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    docker = {"image": "debian", "build": ["apt-get update", "apt-get install -y jq"], "build_options": ["--no-cache"]}
    machine.run(docker)
    images, build, run = machine.calls
    name = images.removeprefix("images -q ")
    assert name.startswith("digdag-project-3:")
    assert len(name) == len("digdag-project-3:") + 40
    assert build.startswith("build --no-cache -f ")
    assert build.endswith(f" --force-rm -t {name} {machine.project.resolve()}")
    assert run.endswith(f" {name} sh x.sh")
    assert "FROM debian\nRUN apt-get update\nRUN apt-get install -y jq" in machine.output
    (tmp_path / "images").write_text("abc123\n")
    machine.run(docker)
    assert [call.split()[0] for call in machine.calls[3:]] == ["images", "run"]


def test_o123_pull_always_pulls_but_never_with_build(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.run({"image": "i", "pull_always": True})
    machine.run({"image": "i", "pull_always": True, "build": ["true"]})
    assert [call.split()[0] for call in machine.calls] == ["pull", "run", "images", "build", "run"]


@pytest.mark.parametrize(("fail", "docker", "words"), [
    ("build", {"image": "i", "build": ["true"]}, "Docker build failed"),
    ("pull", {"image": "i", "pull_always": True}, "Docker pull failed: i"),
])
def test_o123_an_image_that_cannot_be_had_fails_the_task(
    tmp_path: Path, fail: str, docker: dict[str, Any], words: str,
) -> None:
    with pytest.raises(TaskError, match=words):
        Machine(tmp_path, FAIL=fail).run(docker)


def test_without_a_docker_command_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no command 'docker' here: install Docker, .* or remove the 'docker:' key"):
        Machine(tmp_path, is_installed=False).run({"image": "python:3.13-slim"})


@pytest.mark.parametrize(("docker", "words"), [
    ({}, "Parameter 'image' is required but not set"), ({"image": "i", "build": "apt"}, "array type for key 'build'"),
])
def test_a_docker_block_written_wrongly_is_refused_by_its_key(tmp_path: Path, docker: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Machine(tmp_path).run(docker)


def test_the_machines_own_variables_stay_outside(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.run({"image": "i"}, ONLY="this")
    assert os.environ["PATH"] not in machine.calls[0]
    assert "-e CALLS" not in machine.calls[0]
