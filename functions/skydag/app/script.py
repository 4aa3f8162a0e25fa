"""Run one task that was handed over: in the function `script` or in a container.

It claims nothing and writes to no table: it runs the operator in a fresh copy of the project (O-39) and reports to
`finish`, with the token of its run (F-8).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from skydag.app.execute import Surroundings, config_message, execute
from skydag.app.grants import Granted
from skydag.app.operators import unknown
from skydag.app.task_log import TaskLog
from skydag.app.workspace import Copy
from skydag.errors import ConfigError, NotFoundError, SkydagError, TaskError
from skydag.language.evaluate import Evaluator
from skydag.model.outcome import AGAIN, failed
from skydag.model.records import Protocol
from skydag.model.session import Attempt
from skydag.ports import Clock, Objects
from skydag.spi import Commands, Operator
from skydag.store.attempts import from_json

ShouldStop = Callable[[], bool | str]       # a text is the reason


class NewCommands(Protocol):
    def __call__(self, write: Callable[[str], None], *, should_stop: ShouldStop) -> Commands:
        """What runs commands here: their output goes to `write`, and they end once should_stop says so."""


class Script:
    """objects: the project bucket, with archives and jobs. archive: the bytes of one, by its key. ask: the question for
    secrets (app/grants.py) to `finish`. report: hands the report to `finish`."""

    def __init__(
        self, *, objects: Objects, archive: Callable[[str], bytes],
        open_log: Callable[[Attempt, str, int, int], TaskLog], commands: NewCommands,
        find_operator: Callable[[str], Operator | None],
        ask: Callable[[Mapping[str, Any]], Mapping[str, Any]], report: Callable[[Mapping[str, Any]], None], now: Clock,
    ) -> None:
        self.objects = objects
        self._archive, self._open_log, self._commands, self._find = archive, open_log, commands, find_operator
        self._ask, self._report, self._now = ask, report, now

    def stored(self, key: str) -> Mapping[str, Any]:
        """The job that lies in the project bucket. Raises NotFoundError."""
        job: Mapping[str, Any] = json.loads(self.objects.get(key))
        return job

    def __call__(self, job: Mapping[str, Any], *, should_stop: ShouldStop = lambda: False) -> None:
        """Returns once the report was delivered. Whatever is wrong with task or project is in the report."""
        attempt = from_json(job["attempt"])
        log = self._open_log(attempt, job["task_name"], job["number"], job["run"])

        def looked() -> bool | str:
            log.tick()
            return should_stop()

        try:
            report = self._run(job, attempt, log, self._commands(log.write, should_stop=looked))
        except SkydagError as error:
            log.write(f"Task {job['task_name']} failed.\n{error}")
            message = config_message(error) if isinstance(error, ConfigError) else str(error)
            report = _failed(job, log.mask(message))
        output = log.close(may_be_last=report["ended"]["kind"] != AGAIN and "_retry" not in job["config"])
        if output:
            report["ended"]["output"] = output
        self._report(report)

    def _run(self, job: Mapping[str, Any], attempt: Attempt, log: TaskLog, commands: Commands) -> dict[str, Any]:
        operator = self._find(job["operator"])
        if operator is None:
            raise ConfigError(unknown(job["operator"]))
        with closing(Copy(lambda: self._project(attempt))) as files:
            return execute(job, attempt, operator, Surroundings(
                files=files, log=log.write, echo=log.write, notify=_notify, commands=commands, now=self._now,
                properties={}, template=Evaluator(attempt.timezone).text,
                secrets=Granted(job, self._ask), mask=log.mask))

    def _project(self, attempt: Attempt) -> bytes:
        if attempt.archive is None:
            raise NotFoundError(f"Project archive of revision '{attempt.revision}' does not exist.")
        return self._archive(attempt.archive)


def _failed(job: Mapping[str, Any], message: str) -> dict[str, Any]:
    return {"attempt_id": int(job["attempt"]["id"]), "path": job["path"], "run": job["run"], "token": job["token"],
            "ended": failed(message).to_json()}


def _notify(message: str) -> None:
    raise TaskError("an operator that runs user code cannot send notifications; use a notify> task beside it")
