"""The whole of skydag in one process, without AWS: what `skydag run` runs on, and the crash tests.

The table in memory feeds its changes back as a stream; work is done by threads (or, with threads=0, one thing after
another by whoever calls `step`); timers wait in a heap. The use cases are those of the installation.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any, Final

from skydag.app import execute
from skydag.app.advance import Settings
from skydag.app.application import Application, Ports
from skydag.app.job import Job
from skydag.app.others import Others
from skydag.app.stream import Record
from skydag.app.task_log import TaskLog
from skydag.app.work import HERE
from skydag.app.workspace import Folder
from skydag.engine.group import Group
from skydag.errors import IllegalStepError
from skydag.local.alerts import LocalAlerts
from skydag.local.commands import Children, LocalCommands
from skydag.local.objects import MemoryObjects
from skydag.local.pool import GROW_S, Pool
from skydag.local.small import SmallJobs
from skydag.local.table import Change, MemoryTable
from skydag.local.timers import LocalTimers
from skydag.local.wakes import LocalWakes
from skydag.local.workflows import ProjectWorkflows
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Alerts, Chance, Clock, Logs, Objects, Payload, SecretStore, Table
from skydag.spi import Commands, Operator, Outcome
from skydag.store.task_items import ACT, SAFETY, ended_group

if TYPE_CHECKING:
    from skydag.local.forks import PythonServers  # loaded by the first Python program

BATCH: Final = 100
NO_LIMIT: Final = -1
TICK_S: Final = 0.5
GATHER_S: Final = 0.05          # how long results may wait for others, while there is enough to do


class LocalWorld:
    """dispatch and places of an Application of its own.

    threads: tasks at once, NO_LIMIT of them; 0: none run by themselves, `step` runs them.
    wrap: put around the table, for tests that count or break it.
    output: takes a task's full name and what it prints, instead of `echo`.
    forks: whether Python programs may be forked from interpreters that have them loaded (local/forks.py).
    pass_time: moves the clock, instead of waiting, where nothing runs and a timer is next; for tests.
    group_ended: takes the full name of a group, or of a task with tasks of its own, and its last state.
    """

    def __init__(
        self, *, project: Path, now: Clock, chance: Chance, logs: Logs, secrets: SecretStore,
        echo: Callable[[str], None], alerts: Alerts | None = None, threads: int = 0, settings: Settings | None = None,
        wrap: Callable[[Table], Table] | None = None, objects: Objects | None = None,
        env: Mapping[str, str] | None = None, output: Callable[[str, str], None] | None = None,
        note: Callable[[str, str], None] | None = None,
        group_ended: Callable[[str, State], None] | None = None, forks: bool = True,
        pass_time: Callable[[datetime], None] | None = None, **more: Any,
    ) -> None:
        self._project, self._threads, self._group_ended = project, threads, group_ended
        self._pass_time = pass_time
        self._output = output or (lambda _, text: echo(text))
        self._note = note or (lambda _, text: None)
        self._env = dict(os.environ if env is None else env)
        self._jobs: deque[Mapping[str, Any]] = deque()  # as JSON, as they are anywhere else
        self._records: deque[Record] = deque()
        self._due_at = 0.0                              # when the first of them is to be looked at, at the latest
        self._ended: deque[Group] = deque()
        self._news = Condition()
        self._busy = 0
        self._is_closing = False
        self._calls = 0
        self._children = Children()
        self._forks: PythonServers | None = None
        self._can_fork, self._forks_lock = forks, Lock()
        self.failures: list[BaseException] = []
        self._pool = Pool(max(threads, 0)) if threads else None
        self._small: SmallJobs | None = None            # where threads are counted, small tasks are, too
        self._is_stopping = False
        table: Table = MemoryTable(self._changed)
        self.timers = LocalTimers()
        self.application = Application(
            Ports(table=wrap(table) if wrap else table, objects=objects or MemoryObjects(), stored_logs=logs,
                  dispatch=self, timers=self.timers, alerts=alerts or LocalAlerts(), wakes=LocalWakes(),
                  secrets=secrets, now=now, chance=chance),
            settings or Settings(), lambda _: self, **more)
        if threads == NO_LIMIT:
            self._small = SmallJobs(self.application.names_small, self._run_small, lambda: self._is_stopping)
        self._workflows = ProjectWorkflows(project, self.application.definitions)

    # --- ports.Dispatch ----------------------------------------------------------------------------------------------

    def work(self, jobs: Sequence[Payload]) -> None:
        with self._news:
            if self._pool is None:
                self._jobs.extend(job.to_json() for job in jobs)
            else:
                for job in jobs:
                    assert isinstance(job, Job)
                    if self._small is None or not self._small.take(job):
                        self._busy += 1
                        self._pool.submit(partial(self._run_in_thread, job))
            self._news.notify_all()

    def script(self, job: Mapping[str, Any]) -> None:
        raise IllegalStepError("here every operator runs in place")

    def container(self, job: Mapping[str, Any], *, token: str) -> str:
        raise IllegalStepError("here every operator runs in place")

    def stop_container(self, container: str, reason: str) -> None:
        return None

    def report(self, report: Mapping[str, Any]) -> None:
        raise IllegalStepError("here every operator runs in place")

    def secrets(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        raise IllegalStepError("here every operator runs in place")

    # --- app.work.Places ---------------------------------------------------------------------------------------------

    def place(self, operator: Operator, config: Mapping[str, Any]) -> str:
        return HERE

    def surroundings(self, attempt: Attempt, config: Mapping[str, Any], name: str, number: int,
                     log: TaskLog) -> execute.Surroundings:
        application = self.application

        def shown(text: str) -> None:
            log.write(text)
            self._output(name, log.mask(text))

        def noted(text: str) -> None:
            log.write(text)
            self._note(name, log.mask(text))

        def notify(message: str) -> None:
            application.notify(attempt, name, message, number)

        return execute.Surroundings(
            files=Folder(self._project), log=log.write, echo=shown, note=noted, notify=notify, now=application.now,
            secrets=lambda key: application.ports.secrets.get(attempt.project_id, key),
            properties=application.properties, template=application.evaluator(attempt.timezone).text,
            commands=self._commands(attempt, config, shown), workflows=Others(application, attempt, self._workflows),
            mask=log.mask, params=application.shared_params)

    def _commands(self, attempt: Attempt, config: Mapping[str, Any], write: Callable[[str], None]) -> Commands:
        local = LocalCommands(write, self._env, children=self._children,
                              forks=self._python_servers if self._can_fork else None)
        docker = config.get("docker")
        if not isinstance(docker, Mapping):
            return local

        def in_a_container(
            argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], inherit_env: bool = True,
            preload: Path | None = None,
        ) -> Outcome:
            """Read by whoever runs a command: what is wrong with `docker:` is that task's error, and nobody else's."""
            from skydag.local.docker import DockerCommands

            commands = DockerCommands(local, docker, project=self._project, project_id=attempt.project_id,
                                      revision=attempt.revision)
            return commands(argv, cwd=cwd, env=env, inherit_env=inherit_env, preload=preload)

        return in_a_container

    def _python_servers(self) -> PythonServers:
        from skydag.local.forks import PythonServers

        with self._forks_lock:
            if self._forks is None:
                self._forks = PythonServers(self._env)
            return self._forks

    # --- going on ----------------------------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        if self._group_ended is not None and change.new is not None:
            group = ended_group(change.old, change.new)
            if group is not None:
                self._ended.append(group)
        if change.new is not None and change.new.get("act") in (ACT, SAFETY) and self._wants(change.new):
            with self._news:
                if not self._records:
                    self._due_at = time.monotonic() + GATHER_S
                self._records.append(Record(id=f"{change.sequence:012d}", image=change.new))
                self._wake()

    def _wants(self, image: Mapping[str, Any]) -> bool:
        """With threads nobody dies on the way, so the safety net has nothing to catch."""
        return self._pool is None or image["act"] == ACT

    def step(self) -> bool:
        """Does the next thing that is due, in this thread: records, then timers, then a task. False: nothing is due."""
        records = self._take_records()
        if records:
            self.advance(records)
            return True
        due = self.timers.due(self.application.now())       # given out once: each of them must ring
        for message in due:
            self.application.advance.timer(message, self.application.now())
        if due:
            return True
        if self._small is not None:
            return self._small.stretch()
        with self._news:
            job = self._jobs.popleft() if self._jobs else None
        if job is not None:
            self.run_job(Job.from_json(job))
        return job is not None

    def advance(self, records: Sequence[Record]) -> None:
        failed = set(self.application.stream(records, self.application.now()))
        with self._news:
            self._records.extendleft(reversed([record for record in records if record.id in failed]))

    def run_job(self, job: Job, is_over: Callable[[], bool] = bool, *, is_alone: bool = False) -> None:
        """is_over: whether no further task is to be run on the way. is_alone: nobody else can have this job."""
        with self._news:
            self._calls += 1
            token = f"call-{self._calls}"
        self.application.work(job, token, lambda: self._is_closing or is_over(), is_alone=is_alone)

    def _run_small(self, job: Job, is_over: Callable[[], bool]) -> None:
        """They are handed over once, since with threads nobody dies on the way, and are kept where none else looks."""
        self.run_job(job, is_over, is_alone=True)

    def run_until_done(self, attempt_id: int, *, tick: Callable[[], None] = lambda: None) -> Attempt:
        """With threads: goes on until the attempt is done; the caller's thread does the advancing. tick: called about
        once a second, or oftener. KeyboardInterrupt: somebody said `stop`."""
        next_tick = time.monotonic() + TICK_S
        while True:
            if self._is_stopping:
                raise KeyboardInterrupt
            if self.failures:
                raise self.failures[0]
            attempt = self.application.attempts.get(attempt_id)
            if attempt.is_done:
                self.tell_groups(attempt)
                return attempt
            if time.monotonic() >= next_tick:
                self.tell_groups(attempt)
                tick()
                next_tick = time.monotonic() + TICK_S
            if not self.step():
                self._wait(next_tick)

    def tell_groups(self, attempt: Attempt) -> None:
        """Tells whoever wants to know of the groups that ended."""
        while self._ended and self._group_ended is not None:
            group = self._ended.popleft()
            if group.attempt_id != attempt.id:
                continue                            # of an attempt that `require>` started
            page = self.application.definitions.page(attempt, group.page)
            if not page.is_chunk:
                self._group_ended(page.full_name, group.state)

    def stop(self) -> None:
        """`run_until_done` ends at once; may be called by a signal's handler."""
        self._is_stopping = True
        with self._news:
            self._news.notify_all()

    def close(self) -> None:
        """Commands that still run, since somebody interrupted the run, are ended, and nothing follows from that."""
        self._is_closing = True
        if self._pool is not None:
            self._pool.stop()
        self._children.end_all()
        if self._pool is not None:
            self._pool.join()
        if self._forks is not None:
            self._forks.close()

    @property
    def commands(self) -> int:
        """How many commands run now."""
        return self._children.count

    def leave(self) -> None:
        """Commands that still run are ended, without asking them first."""
        self._children.kill_all()

    def _wait(self, until: float) -> None:
        """For news, until the next timer, or until then."""
        now = time.monotonic()
        soon = self._pool is not None and self._pool.grow(now)
        next_at = self.timers.next_at()
        if self._pass_time is not None and next_at is not None and self._is_idle():
            self._pass_time(next_at)
            return
        with self._news:
            if self._has_news():
                return
            if self._records:
                until = min(until, self._due_at)
            self._news.wait(max(0.0, min(self._patience(), until - now, GROW_S if soon else TICK_S)))

    def _is_idle(self) -> bool:
        with self._news:
            return not self._busy and not self._has_news()

    def _has_news(self) -> bool:
        return bool(self._are_due() or self.failures or self._is_stopping or (self._small and self._small.is_waiting))

    def _are_due(self) -> bool:
        """Whether results are to be looked at. While tasks wait for a thread nothing would begin any sooner by it, and
        many results take little longer than one: so they gather, for a moment."""
        if not self._records or self._pool is None or not self._pool.is_full:
            return bool(self._records)
        return len(self._records) >= BATCH or time.monotonic() >= self._due_at

    def _wake(self) -> None:
        """The thread that advances, unless it would find nothing to do for it but to let results gather."""
        if self._pool is None or not self._pool.is_full or self._has_news():
            self._news.notify_all()

    def _patience(self) -> float:
        """Seconds until the next timer; without one there is news or nothing."""
        next_at = self.timers.next_at()
        if next_at is None:
            return TICK_S
        return min(TICK_S, max(0.001, (next_at - self.application.now()).total_seconds()))

    def _take_records(self) -> list[Record]:
        with self._news:
            return [self._records.popleft() for _ in range(min(BATCH, len(self._records)))] if self._are_due() else []

    def _run_in_thread(self, job: Job) -> None:
        if self._records:                   # it may have been the last that waited for a thread
            with self._news:
                self._wake()
        try:
            self.run_job(job)
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            with self._news:
                self._busy -= 1
                self._wake()
