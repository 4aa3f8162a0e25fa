"""`skydag run`: a workflow in its project folder, on the core that the installation runs on (C-20 to C-34)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

from skydag.app.advance import Settings
from skydag.app.application import Application
from skydag.app.operators import BUILT_IN
from skydag.app.tasks import TaskRow
from skydag.engine.selection import select
from skydag.errors import InvalidError
from skydag.language.sla import sla_tasks
from skydag.local import chosen
from skydag.local.alerts import LocalAlerts
from skydag.local.interrupt import leaving_on_signals
from skydag.local.left_over import at_work
from skydag.local.lock import RunLock
from skydag.local.observer import RunObserver
from skydag.local.outputs import Outputs
from skydag.local.saved import SavedStates, file_name, names_in
from skydag.local.secret_store import LocalSecrets
from skydag.local.session_time import folder_name, saved_times, session_time
from skydag.local.shared_params import FileParams
from skydag.local.task_logs import NoLogs, TaskLogs, attempt_folder
from skydag.local.tell import Failure, RunEnd, RunStart, Teller
from skydag.local.tellers import teller
from skydag.local.world import NO_LIMIT, LocalWorld
from skydag.model.homes import config_homes
from skydag.model.params import merge
from skydag.model.run_options import RunOptions
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.model.workflow import Workflow
from skydag.model.zones import zone
from skydag.ports import Chance, Clock

INTERRUPTED: Final = 130
OTHERS_MAX: Final = 100             # attempts that `require>` started, whose failures are shown
FORKS: Final = "agent.py.fork"      # false: each py> starts an interpreter (local/forks.py)
HINTS: Final = ('Use --session <daily | hourly | "yyyy-MM-dd[ HH:mm:ss]"> to not reuse the last session time.',
                "Use --rerun, --start +NAME, or --goal +NAME argument to rerun skipped tasks.")


def run(options: RunOptions, *, now: Clock, chance: Chance, env: Mapping[str, str] | None = None,
        out: TextIO | None = None, err: TextIO | None = None,
        pass_time: Callable[[datetime], None] | None = None) -> int:
    """The exit code: 0 if the attempt succeeded, else 1 (C-31); 130 if somebody interrupted it. Raises WorkflowError,
    InvalidError, NotFoundError; ConflictError while another run is at the same states. pass_time: LocalWorld's."""
    workflow = chosen.workflow(options)
    environment = os.environ if env is None else env
    with _log_file(options) as log:
        tell = teller(options, workflow, out or sys.stdout, err or sys.stderr, now, environment, log)
        try:
            return _Run(options, workflow, now, chance, environment, tell, pass_time)()
        finally:
            tell.close()


class _Run:
    """One run; its session, the folder of its states, and what it stands on."""

    def __init__(self, options: RunOptions, workflow: Workflow, now: Clock, chance: Chance, env: Mapping[str, str],
                 tell: Teller, pass_time: Callable[[datetime], None] | None = None) -> None:
        self.options, self.workflow, self.now, self.chance, self.env = options, workflow, now, chance, env
        self.tell, self.started, self.pass_time = tell, now(), pass_time
        self.selection = select(workflow.tasks, is_rerun=options.is_rerun, start=options.start, goal=options.goal,
                                end=options.end)
        save_dir = options.save_dir or options.project / ".digdag" / "status"
        saved = saved_times(save_dir, workflow.name) if options.session == "last" and options.is_saving else []
        self.at = session_time(options.session, workflow, saved, self.started)
        self.is_reused = bool(saved)
        self.folder = save_dir / folder_name(self.at, workflow.timezone)
        self.is_saving = options.is_saving and not options.is_dry_run

    def __call__(self) -> int:
        if not self.is_saving:
            return self._run()
        local = self.at.astimezone(zone(self.workflow.timezone))
        lock = RunLock(self.folder / file_name(f".{self.workflow.name}", ".lock"),
                       f"'{self.workflow.name}' for {local.isoformat()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.take(self.now())
        except OSError as refused:
            raise InvalidError(f"task states cannot be kept in {self.folder}: {refused.strerror}; choose another "
                               "folder with -o DIR, or keep none with --no-save") from refused
        try:
            return self._run()
        finally:
            lock.release()

    def _run(self) -> int:
        options = self.options
        self.states = SavedStates(self.folder if self.is_saving else None, self.workflow.name,
                                  is_read=not options.is_rerun)
        self._before()
        self.outputs = Outputs(self.folder / ".log" if self.is_saving else None)
        self.logs = TaskLogs(attempt_folder(
            options.task_log_dir, created=self.started, project_id=1, workflow=self.workflow.name,
            session=folder_name(self.at, self.workflow.timezone))) if options.task_log_dir else None
        self.observer = RunObserver(self.tell, self.states, self.outputs, self.selection,
                                    is_dry_run=options.is_dry_run, shows_params=options.shows_params)
        with at_work(options.project):
            world = self._world()
            try:
                with leaving_on_signals(world, self.tell):
                    return self._attempt(world)
            finally:
                world.close()

    def _before(self) -> None:
        """What is to be told before anything runs."""
        self.tell.starts(RunStart(workflow=self.workflow.name, is_reused=self.is_reused, tasks=len(self.workflow.tasks),
                                  session_time=self.at.astimezone(zone(self.workflow.timezone))))
        for name, reason in self.states.broken:
            self.tell.warn(f"the saved state {name} cannot be read and is ignored, its task runs again: {reason}")
        if self.is_saving:
            with suppress(OSError):
                self.states.clean()
        if not self.options.is_saving and self.options.start:
            self.tell.warn("--start needs the saved states of the tasks before; with --no-save they all run (E-146)")

    def _world(self) -> LocalWorld:
        options = self.options
        return LocalWorld(
            project=options.project, now=self.now, chance=self.chance, env=self.env,
            secrets=self._secrets(), echo=self.tell.say,
            output=self.observer.output, note=self.tell.note, group_ended=self.observer.group_ended,
            observer=self.observer,
            logs=self.logs or NoLogs(), logs_are_live=self.logs is not None, alerts=LocalAlerts(self.tell.alert),
            threads=options.max_task_threads or NO_LIMIT, settings=Settings(task_limit=options.task_limit),
            properties=options.properties, forks=_forks(options.properties), pass_time=self.pass_time,
            shared_params=FileParams(options.project / ".digdag" / "params.json", self.now))

    def _secrets(self) -> LocalSecrets:
        return LocalSecrets(self.options.secrets, *(home / "secrets" for home in config_homes(self.env)))

    def _attempt(self, world: LocalWorld) -> int:
        application = world.application
        pages = application.definitions.keep(1, self.workflow.tasks, sla_tasks(self.workflow.sla))
        params = dict(self.options.params)
        if self.options.has_project_option:
            params = merge(params, {"_project_path": str(self.options.project)})
        attempt = application.starter(chosen.stored(self.workflow, pages, self.started), self.at, params=params,
                                      now=self.started)
        try:
            attempt = world.run_until_done(attempt.id, tick=self.states.write)
        except KeyboardInterrupt:
            self.observer.interrupt()
            world.close()
            world.tell_groups(attempt)
            self._conclude("interrupted", [])
            return INTERRUPTED
        finally:
            self.states.write()
        failures = [] if attempt.is_success else self._failures(application, attempt)
        self._conclude("success" if attempt.is_success else "error", failures)
        return 0 if attempt.is_success else 1

    def _failures(self, application: Application, attempt: Attempt) -> list[Failure]:
        """Of the attempt, and of those that its `require>` tasks started and that failed, too: they are why."""
        others = application.attempts.attempts(count=OTHERS_MAX)
        failed = [one for one in reversed(others) if one.id != attempt.id and one.is_done and not one.is_success]
        return [self._failure(one.workflow_name, row.full_name, str(row.error.get("message", "")))
                for one in (attempt, *failed) for row in _last_tries(application.task_rows(one.id))
                if row.state is State.ERROR]

    def _failure(self, workflow: str, name: str, message: str) -> Failure:
        from skydag.local.advice import advice

        last, log = self.outputs.of(name)
        path = self.logs.of(name) if self.logs is not None else log
        command = self.observer.commands.get(name)
        return Failure(task=name, message=message, command=command, last_lines=last, log=self._shown(path),
                       place=chosen.place_of(self.options, workflow, name),
                       advice=advice(message, command or "", "\n".join(last), BUILT_IN))

    def _conclude(self, state: str, failures: list[Failure]) -> None:
        self.states.write()
        if self.logs is not None and self.logs.trouble is not None:
            self.tell.warn(f"task logs could not be written below {self.logs.folder}: {self.logs.trouble.strerror}")
        is_saved = self.is_saving and any(name.endswith(".yml") for name in names_in(self.folder))
        self.tell.finished(RunEnd(
            state=state, failures=failures, saved=self._shown(self.folder if is_saved else None),
            unsaved=self._unsaved(), hints=HINTS if is_saved else (),
            resume=None if state == "success" or not self.is_saving else self._resume()))

    def _unsaved(self) -> str | None:
        trouble = self.states.trouble
        if trouble is None:
            return None
        return (f"the states of {self.states.count} tasks could not be saved in {self._shown(self.folder)}: "
                f"{trouble.strerror}; those tasks run again next time. Free some space or choose another folder "
                "with -o DIR")

    def _resume(self) -> str:
        """The command that goes on from here: as it was typed, for this very session, and nothing is run twice."""
        import shlex  # for runs that fail

        local = self.at.astimezone(zone(self.workflow.timezone))
        is_day = (local.hour, local.minute, local.second) == (0, 0, 0)
        session = local.strftime("%Y-%m-%d" if is_day else "%Y-%m-%d %H:%M:%S")
        return shlex.join(("skydag", "run", *self.options.words, "--session", session))

    def _shown(self, path: Path | None) -> str | None:
        if path is None:
            return None
        return os.path.relpath(path) if path.is_relative_to(self.options.project) else str(path)


def _last_tries(rows: Sequence[TaskRow]) -> list[TaskRow]:
    """Of each task the last row: what an old try of a group left says nothing about how it ended."""
    last = {row.full_name: row.id for row in rows}
    return [row for row in rows if last[row.full_name] == row.id]


@contextmanager
def _log_file(options: RunOptions) -> Iterator[TextIO | None]:
    """-L FILE: where log lines go; None without the option. InvalidError: it cannot be written."""
    if options.log_file is None:
        yield None
        return
    try:
        file = options.log_file.open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as refused:
        raise InvalidError(f"Option --log: {options.log_file} cannot be written: {refused.strerror}") from refused
    try:
        yield file
    finally:
        with suppress(OSError):                     # a full disk: what is there is there
            file.close()


def _forks(properties: Mapping[str, str]) -> bool:
    value = properties.get(FORKS, "true")
    if value not in ("true", "false"):
        raise InvalidError(f"Property {FORKS} takes true or false, not '{value}'")
    return value == "true"
