"""Container tasks, played by child processes: the worker's real entry point with the environment of that very RunTask.

The child finds moto and Lambda at the installation's endpoint. Its end becomes the event that ECS would send.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import IO, Any, Final

from skydag.embedded import inside
from skydag.embedded.template import REGION
from skydag.model.records import dataclass

COMMAND: Final = (sys.executable, "-m", "skydag_operators.workers.on_ecs")
WAIT_S_MAX: Final = 120
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT")
_TAIL: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a container ended, with what it printed last."""

    arn: str
    exit_code: int
    output: str


@dataclass(slots=True)
class _Running:
    task: inside.ContainerTask
    process: subprocess.Popen[bytes]
    output: IO[bytes]


class Containers:
    """is_waiting: `poll` stays until the children it started have ended (the deterministic pump)."""

    def __init__(
        self, *, cluster: str, environment: Mapping[str, str], endpoint: Callable[[], str],
        ended: Callable[[dict[str, Any]], None], is_waiting: bool,
    ) -> None:
        self._cluster, self._environment, self._endpoint = cluster, dict(environment), endpoint
        self._ended, self._is_waiting = ended, is_waiting
        self._known: dict[str, _Running | None] = {}
        self.history: deque[Ended] = deque(maxlen=1000)

    @property
    def is_busy(self) -> bool:
        return any(self._known.values()) or bool(inside.container_tasks(self._cluster, self._known))

    def next_at(self) -> datetime | None:
        """Nobody knows when a process ends."""
        return None

    def poll(self, now: datetime) -> bool:
        """Start what RunTask asked for, stop what StopTask asked for, tell of what has ended."""
        started = False
        for task in inside.container_tasks(self._cluster, self._known):
            self._known[task.arn] = self._start(task)
            started = True
        return self._collect() or started

    def close(self) -> None:
        """End what still runs."""
        for running in [one for one in self._known.values() if one is not None]:
            running.process.kill()
            running.process.wait()
            running.output.close()
        self._known.clear()

    def _start(self, task: inside.ContainerTask) -> _Running:
        overrides: list[dict[str, Any]] = task.overrides.get("containerOverrides", [])
        override = overrides[0] if overrides else {}
        own = {entry["name"]: entry["value"] for entry in override.get("environment", [])}
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {
            **self._environment, **own,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "AWS_ENDPOINT_URL": self._endpoint(), "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded",       # moto asks nobody
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        output = tempfile.TemporaryFile()       # noqa: SIM115 - closed when the child has ended
        process = subprocess.Popen(
            COMMAND, env=environment, cwd=tempfile.gettempdir(), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        return _Running(task=task, process=process, output=output)

    def _collect(self) -> bool:
        found = False
        for arn, running in list(self._known.items()):
            if running is None:
                continue
            if running.task.is_stop_asked and running.process.poll() is None:
                running.process.terminate()
            code = _wait(running.process) if self._is_waiting else running.process.poll()
            if code is None:
                continue
            code = code if code >= 0 else 128 - code        # a signal, as a container says it
            self._known[arn] = None
            running.output.seek(0)
            text = running.output.read().decode(errors="replace")[-_TAIL:]
            running.output.close()
            self.history.append(Ended(arn=arn, exit_code=code, output=text))
            self._ended(running.task.stopped(code, "Essential container in task exited"))
            found = True
        return found


def _wait(process: subprocess.Popen[bytes]) -> int:
    """The exit code; a child that hangs is killed."""
    try:
        return process.wait(timeout=WAIT_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
