"""`docker:` on this machine: the command runs in a container, by the docker command (O-122, O-123)."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from skydag.errors import ConfigError, TaskError
from skydag.local.commands import LocalCommands
from skydag.model.values import array, boolean, optional, required, text
from skydag.spi import Outcome

#: Variables that docker, podman and what they start read for themselves.
_CLIENTS_OWN: Final = re.compile(
    r"(PATH|HOME|USER|LANG|TMPDIR|TERM)$|(DOCKER|BUILDKIT|BUILDX|CONTAINER|CONTAINERS|REGISTRY|XDG|LC|LD|DYLD|SSL|GO)_"
    r"|GODEBUG$|.*_PROXY$|.*_proxy$")
DOCKER_ITSELF = 125                 # docker run's exit code when docker failed, not the command


class DockerCommands:
    """Runs each command by `docker run` with the project mounted at its own path. `docker`: the task's mapping of that
    name, evaluated. Only the command's variables are passed, not this machine's."""

    def __init__(
        self, local: LocalCommands, docker: Mapping[str, Any], *, project: Path, project_id: int, revision: str,
    ) -> None:
        self._local, self._project, self._project_id, self._revision = local, project.resolve(), project_id, revision
        self._image = required(docker, "image", text)
        self._docker = optional(docker, "docker", text, "docker")
        self._build = _texts(docker, "build")
        self._build_options = _texts(docker, "build_options")
        self._run_options = _texts(docker, "run_options")
        self._pulls = optional(docker, "pull_always", boolean, False)
        self._mount_flags = "rw,Z" if optional(docker, "selinux", boolean, False) else "rw"

    def __call__(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], inherit_env: bool = True,
        preload: Path | None = None,
    ) -> Outcome:
        """Raises ConfigError where there is no docker command, TaskError when the image can't be had."""
        self._check_installed()
        image = self._prepared_image()
        mount = f"{self._project}:{self._project}:{self._mount_flags}"
        where = ["--rm", "-v", mount, "-w", str(cwd.resolve())]
        with _variables(env) as (options, of_client):
            outcome = self._run([self._docker, "run", *self._run_options, *where, *options, image, *argv], of_client)
        if outcome.code == DOCKER_ITSELF:
            raise TaskError(f"'{self._docker} run' could not start a container of image {image} (its own words are in "
                            f"the task's log): is Docker running, and is there such an image?")
        return outcome

    def _run(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Outcome:
        return self._local(argv, cwd=self._project, env=env or {})

    def _check_installed(self) -> None:
        if shutil.which(self._docker, path=self._local.base_env.get("PATH")) is None:
            raise ConfigError(
                f"'docker:' asks for a container (image {self._image}), but there is no command '{self._docker}' here: "
                f"install Docker, name another client as 'docker: {{docker: podman}}', or remove the 'docker:' key to "
                f"run the task on this machine itself")

    def _prepared_image(self) -> str:
        if not self._build:
            if self._pulls and self._run([self._docker, "pull", self._image]).code != 0:
                raise TaskError(f"Docker pull failed: {self._image} (runtime)")
            return self._image
        parts = json.dumps([self._image, self._build, self._revision])
        name = f"digdag-project-{self._project_id}:{hashlib.sha1(parts.encode()).hexdigest()}"
        if not self._is_built(name):
            self._build_image(name)
        return name

    def _is_built(self, name: str) -> bool:
        found: list[str] = []
        asking = LocalCommands(found.append, self._local.base_env)
        outcome = asking([self._docker, "images", "-q", name], cwd=self._project, env={})
        return outcome.code == 0 and bool("".join(found).strip())

    def _build_image(self, name: str) -> None:
        with tempfile.TemporaryDirectory(prefix="digdag-docker-") as folder:
            file = Path(folder) / "Dockerfile"
            lines = [f"FROM {self._image}", *(f"RUN {line}" for line in self._build)]
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            outcome = self._run([
                self._docker, "build", *self._build_options, "-f", str(file), "--force-rm", "-t", name,
                str(self._project),
            ])
        if outcome.code != 0:
            raise TaskError(f"Docker build failed: {name} (runtime)")


@contextmanager
def _variables(env: Mapping[str, str]) -> Iterator[tuple[list[str], dict[str, str]]]:
    """(options of docker run, variables of the client): no value on a command line, which every process of this machine
    may read (G-8). The client hands its own variables on by name; those that would change the client itself go by a
    file that only this user reads."""
    by_file = {key: value for key, value in env.items() if _CLIENTS_OWN.match(key)}
    for key, value in by_file.items():
        if "\n" in value or "\r" in value:
            raise ConfigError(f"the variable {key} cannot be passed to a container: it has more than one line")
    of_client = {key: value for key, value in env.items() if key not in by_file}
    options = [part for key in of_client for part in ("-e", key)]
    if not by_file:
        yield options, of_client
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="digdag-docker-", suffix=".env") as file:
        file.writelines(f"{key}={value}\n" for key, value in by_file.items())      # mode 0600
        file.flush()
        yield [*options, "--env-file", file.name], of_client


def _texts(docker: Mapping[str, Any], key: str) -> list[str]:
    return [text(key, part) for part in optional(docker, key, array, [])]
