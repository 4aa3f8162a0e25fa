"""What the two workers stand on. Far less than an application, and so are their rights (F-8): the project bucket, the
log bucket, and `finish`."""

from __future__ import annotations

import os
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from skydag.app.archive_cache import ArchiveCache
from skydag.app.operators import find_operator
from skydag.app.script import Script, ShouldStop
from skydag.app.task_log import TaskLog
from skydag.aws.client import Backoff, client
from skydag.aws.invoke import LambdaInvoker
from skydag.aws.objects import S3Objects
from skydag.bootstrap import Lazy, system_clock
from skydag.errors import UnavailableError
from skydag.local.commands import LocalCommands, user_environment
from skydag.model.session import Attempt
from skydag.ports import Clock, Logs, Objects
from skydag.store.logs import ObjectLogs

T = TypeVar("T")
RESULTS = "data/results/"       # where user code's role may put a report too large for a call


def from_environment(agent: str, *, is_waiting: bool = False) -> Script:
    """The worker of this function or container; made once. agent: who runs the tasks, in the names of log files.
    is_waiting: a report counts as delivered once `finish` has recorded it."""
    env = os.environ
    s3 = Lazy(lambda: client("s3"))
    objects = S3Objects(s3, env["SKYDAG_PROJECT_BUCKET"])
    finish = env["SKYDAG_FINISH_FUNCTION"]
    invoker = LambdaInvoker(Lazy(lambda: client("lambda")), objects, folder=RESULTS)

    def report(report: Mapping[str, Any]) -> None:
        if is_waiting:
            patiently(lambda: invoker.call_and_wait(finish, report), sleep=time.sleep)
        else:
            invoker.call(finish, report)

    def ask(question: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = patiently(lambda: invoker.call_and_wait(finish, question), sleep=time.sleep)
        return answer

    logs = ObjectLogs(S3Objects(s3, env["SKYDAG_LOG_BUCKET"]), agent=agent, clock=system_clock)
    return script(objects=objects, logs=logs, report=report, ask=ask, now=system_clock)


def patiently(deliver: Callable[[], T], *, sleep: Callable[[float], None]) -> T:
    """Tries again while somebody is unavailable, for some ten seconds; then the last UnavailableError is raised."""
    backoff = Backoff(sleep, lambda: 0.5)
    for number in range(backoff.tries):
        try:
            return deliver()
        except UnavailableError:
            backoff.pause(number)
    return deliver()


class AtHome(LocalCommands):
    """Commands with a home of this run's own, gone with it: where user code installs packages while it runs, and finds
    them (O-183). Nothing of one run is seen by the next."""

    def __init__(self, write: Callable[[str], None], should_stop: ShouldStop) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="skydag-home-", ignore_cleanup_errors=True)
        super().__init__(write, at_home(user_environment(os.environ), Path(self._home.name)), should_stop=should_stop)
        self._end = weakref.finalize(self, self._home.cleanup)


def at_home(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """The variables with which `pip install` puts packages below `home`, and Python and the shell find them there."""
    packages = str(home / "packages")
    Path(packages).mkdir()      # Python forgets, for as long as it runs, a folder that is not there at its start
    path, modules = environment.get("PATH", os.defpath), environment.get("PYTHONPATH")
    return {**environment, "HOME": str(home), "PIP_TARGET": packages, "PIP_CACHE_DIR": str(home / "cache"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PATH": f"{path}{os.pathsep}{packages}/bin",
            "PYTHONPATH": f"{packages}{os.pathsep}{modules}" if modules else packages}


def script(
    *, objects: Objects, logs: Logs, report: Callable[[Mapping[str, Any]], None],
    ask: Callable[[Mapping[str, Any]], Mapping[str, Any]], now: Clock,
) -> Script:
    def open_log(attempt: Attempt, name: str, number: int, run: int) -> TaskLog:
        return TaskLog(lambda: logs.open(attempt.id, name, number, run, now=now()))

    def commands(write: Callable[[str], None], *, should_stop: ShouldStop) -> LocalCommands:
        return AtHome(write, should_stop)

    return Script(
        objects=objects, archive=ArchiveCache(objects, Path(tempfile.gettempdir()) / "skydag-archives"),
        open_log=open_log, commands=commands, find_operator=find_operator, ask=ask, report=report, now=now)
