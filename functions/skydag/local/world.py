"""The whole of skydag in one process, without AWS: what `skydag run` runs on, and the crash tests.

The table in memory feeds its changes back as a stream; work is done by threads (or, with threads=0, one thing after
another by whoever calls `step`); timers wait in a heap. The use cases are those of the installation.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Condition
from typing import Any, Final

from skydag.app import execute
from skydag.app.advance import Settings
from skydag.app.application import Application, Ports
from skydag.app.job import Job
from skydag.app.others import Others
from skydag.app.stream import Record
from skydag.app.task_log import TaskLog
from skydag.app.work import HERE
from skydag.app.workspace import Folder
from skydag.errors import IllegalStepError
from skydag.local.alerts import LocalAlerts
from skydag.local.commands import Children, LocalCommands
from skydag.local.docker import DockerCommands
from skydag.local.objects import MemoryObjects
from skydag.local.table import Change, MemoryTable
from skydag.local.timers import LocalTimers
from skydag.local.wakes import LocalWakes
from skydag.local.workflows import ProjectWorkflows
from skydag.model.session import Attempt
from skydag.ports import Alerts, Chance, Clock, Logs, Objects, SecretStore, Table
from skydag.spi import Commands, Operator
from skydag.store.task_items import ACT, SAFETY

BATCH: Final = 100


class LocalWorld:
    """dispatch and places of an Application of its own.

    threads: tasks at once; 0: none run by themselves, `step` runs them. is_stream_only: no direct continuation.
    wrap: put around the table, for tests that count or break it.
    """

    def __init__(
        self, *, project: Path, now: Clock, chance: Chance, logs: Logs, secrets: SecretStore,
        echo: Callable[[str], None], alerts: Alerts | None = None, threads: int = 0, settings: Settings | None = None,
        wrap: Callable[[Table], Table] | None = None, objects: Objects | None = None,
        env: Mapping[str, str] | None = None, **more: Any,
    ) -> None:
        self._project, self._echo, self._threads = project, echo, threads
        self._env = dict(os.environ if env is None else env)
        self._jobs: deque[dict[str, Any]] = deque()
        self._records: deque[Record] = deque()
        self._news = Condition()
        self._busy = 0
        self._calls = 0
        self._children = Children()
        self.failures: list[BaseException] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="task") if threads else None
        table: Table = MemoryTable(self._changed)
        self.timers = LocalTimers()
        self.application = Application(
            Ports(table=wrap(table) if wrap else table, objects=objects or MemoryObjects(), stored_logs=logs,
                  dispatch=self, timers=self.timers, alerts=alerts or LocalAlerts(), wakes=LocalWakes(),
                  secrets=secrets, now=now, chance=chance),
            settings or Settings(), lambda _: self, **more)
        self._workflows = ProjectWorkflows(project, self.application.definitions)

    # --- ports.Dispatch ----------------------------------------------------------------------------------------------

    def work(self, jobs: Sequence[Mapping[str, Any]]) -> None:
        with self._news:
            if self._pool is None:
                self._jobs.extend(map(dict, jobs))
            else:
                self._busy += len(jobs)
                for job in jobs:
                    self._pool.submit(self._run_in_thread, dict(job))
            self._news.notify_all()

    def script(self, job: Mapping[str, Any]) -> None:
        raise IllegalStepError("here every operator runs in place")

    def container(self, job: Mapping[str, Any], *, token: str) -> str:
        raise IllegalStepError("here every operator runs in place")

    def stop_container(self, container: str, reason: str) -> None:
        return None

    def report(self, report: Mapping[str, Any]) -> None:
        raise IllegalStepError("here every operator runs in place")

    # --- app.work.Places ---------------------------------------------------------------------------------------------

    def place(self, operator: Operator, config: Mapping[str, Any]) -> str:
        return HERE

    def surroundings(self, attempt: Attempt, config: Mapping[str, Any], name: str, number: int,
                     log: TaskLog) -> execute.Surroundings:
        application = self.application

        def shown(text: str) -> None:
            log.write(text)
            self._echo(text)

        def notify(message: str) -> None:
            application.notify(attempt, name, message, number)

        return execute.Surroundings(
            files=Folder(self._project), log=log.write, echo=shown, notify=notify, now=application.now,
            secrets=lambda key: application.ports.secrets.get(attempt.project_id, key),
            properties=application.properties, template=application.evaluator(attempt.timezone).text,
            commands=self._commands(attempt, config, shown), workflows=Others(application, attempt, self._workflows))

    def _commands(self, attempt: Attempt, config: Mapping[str, Any], write: Callable[[str], None]) -> Commands:
        local = LocalCommands(write, self._env, children=self._children)
        docker = config.get("docker")
        if isinstance(docker, Mapping):
            return DockerCommands(local, docker, project=self._project, project_id=attempt.project_id,
                                  revision=attempt.revision)
        return local

    # --- going on ----------------------------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        if change.new is not None and change.new.get("act") in (ACT, SAFETY) and self._wants(change.new):
            with self._news:
                self._records.append(Record(id=f"{change.sequence:012d}", image=change.new))
                self._news.notify_all()

    def _wants(self, image: Mapping[str, Any]) -> bool:
        """With threads nobody dies on the way, so the safety net has nothing to catch."""
        return self._pool is None or image["act"] == ACT

    def step(self) -> bool:
        """Does the next thing that is due, in this thread: records, then timers, then a task. False: nothing is due."""
        records = self._take_records()
        if records:
            self.advance(records)
            return True
        for message in self.timers.due(self.application.now()):
            self.application.advance.timer(message, self.application.now())
            return True
        with self._news:
            job = self._jobs.popleft() if self._jobs else None
        if job is not None:
            self.run_job(job)
        return job is not None

    def advance(self, records: Sequence[Record]) -> None:
        failed = set(self.application.stream(records, self.application.now()))
        with self._news:
            self._records.extendleft(reversed([record for record in records if record.id in failed]))

    def run_job(self, job: Mapping[str, Any]) -> None:
        with self._news:
            self._calls += 1
            token = f"call-{self._calls}"
        self.application.work(Job.from_json(job), token)

    def run_until_done(self, attempt_id: int) -> Attempt:
        """With threads: goes on until the attempt is done; the caller's thread does the advancing."""
        while True:
            attempt = self.application.attempts.get(attempt_id)
            if attempt.is_done:
                return attempt
            if self.failures:
                raise self.failures[0]
            if self.step():
                continue
            with self._news:
                if not self._records and not self.failures:
                    self._news.wait(self._patience())

    def close(self) -> None:
        """Commands that still run, since somebody interrupted the run, are ended, and nothing follows from that."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._children.end_all()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _patience(self) -> float | None:
        """Seconds until the next timer; without one there is news or nothing."""
        next_at = self.timers.next_at()
        if next_at is None:
            return 1.0
        return min(1.0, max(0.001, (next_at - self.application.now()).total_seconds()))

    def _take_records(self) -> list[Record]:
        with self._news:
            return [self._records.popleft() for _ in range(min(BATCH, len(self._records)))]

    def _run_in_thread(self, job: Mapping[str, Any]) -> None:
        try:
            self.run_job(job)
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            with self._news:
                self._busy -= 1
                self._news.notify_all()
