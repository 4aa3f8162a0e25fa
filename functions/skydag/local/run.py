"""`skydag run`: a workflow in its project folder, on the core that the installation runs on (C-20 to C-34)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final, TextIO

from skydag.app.advance import Settings
from skydag.app.packing import listed
from skydag.app.tasks import TaskRow
from skydag.app.workspace import reader
from skydag.errors import InvalidError, NotFoundError, WorkflowError
from skydag.language.compile import compile_project, compile_tasks
from skydag.language.problems import similar
from skydag.language.sla import sla_tasks
from skydag.local.alerts import LocalAlerts
from skydag.local.objects import FolderObjects, MemoryObjects
from skydag.local.saved import SavedStates
from skydag.local.secret_store import LocalSecrets
from skydag.local.session_time import folder_name, saved_times, session_time
from skydag.local.world import LocalWorld
from skydag.model.ids import ProjectId, WorkflowId
from skydag.model.params import merge
from skydag.model.project import StoredWorkflow
from skydag.model.run_options import RunOptions
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.model.workflow import Project, Task, Workflow
from skydag.model.zones import zone
from skydag.ports import Chance, Clock
from skydag.store.logs import ObjectLogs

THREADS: Final = 64         # tasks at once where nothing limits them
HINTS: Final = ("  * Use --session <daily | hourly | \"yyyy-MM-dd[ HH:mm:ss]\"> to not reuse the last session time.",
                "  * Use --rerun to run again what was skipped.")


def run(options: RunOptions, *, now: Clock, chance: Chance, env: Mapping[str, str] | None = None,
        out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The exit code: 0 if the attempt succeeded, else 1 (C-31). Raises WorkflowError, InvalidError."""
    return _Run(options, now, chance, os.environ if env is None else env, out or sys.stdout, err or sys.stderr)()


class _Run:
    def __init__(self, options: RunOptions, now: Clock, chance: Chance, env: Mapping[str, str], out: TextIO,
                 err: TextIO) -> None:
        self.options, self.now, self.chance, self.env, self.out, self.err = options, now, chance, env, out, err
        self._writing = Lock()

    def __call__(self) -> int:
        options = self.options
        workflow = self._workflow()
        if options.task is not None:
            workflow = _only(workflow, options.task)
        started = self.now()
        save_dir = options.save_dir or options.project / ".digdag" / "status"
        at = session_time(options.session, workflow, saved_times(save_dir, workflow.name), started)
        if options.session == "last" and options.is_saving and saved_times(save_dir, workflow.name):
            self._say(f"Reusing the last session time {at.astimezone(zone(workflow.timezone)).isoformat()}.")
        folder = save_dir / folder_name(at, workflow.timezone)
        states = SavedStates(folder if options.is_saving and not options.is_dry_run else None,
                             is_used=not options.is_rerun)
        world = self._world(states)
        try:
            return self._run(world, workflow, at, states, folder, started)
        finally:
            world.close()

    def _run(self, world: LocalWorld, workflow: Workflow, at: datetime, states: SavedStates, folder: Path,
             started: datetime) -> int:
        application = world.application
        stored = _stored(workflow, application.definitions.keep(1, workflow.tasks, sla_tasks(workflow.sla)), started)
        params = dict(self.options.params)
        if self.options.has_project_option:
            params = merge(params, {"_project_path": str(self.options.project)})
        attempt = application.starter(stored, at, params=params, now=started)
        try:
            attempt = world.run_until_done(attempt.id)
        finally:
            rows = application.task_rows(attempt.id)
            states.save(rows)
        self._conclude(attempt.is_success, rows, folder)
        return 0 if attempt.is_success else 1

    def _workflow(self) -> Workflow:
        name = self._name()
        project = self._project()
        workflow = project.workflow(name)
        if workflow is None:
            known = similar(name, [w.name for w in project.workflows])
            hint = f"; did you mean {known[0]}.dig?" if known else ""
            raise NotFoundError(f"Workflow '{name}' does not exist in {self.options.project}{hint}")
        return workflow

    def _name(self) -> str:
        typed = self.options.file
        if not typed.endswith(".dig"):
            return typed
        path = (self.options.project / typed).resolve()
        if not path.is_file():
            near = similar(Path(typed).name, [p.name for p in path.parent.glob("*.dig")])
            raise NotFoundError(f"there is no file {typed}" + (f"; did you mean {near[0]}?" if near else ""))
        if path.parent != self.options.project.resolve():
            folder = os.path.relpath(path.parent, self.options.project)
            raise InvalidError(f"{typed} is not at the top of the project {self.options.project}: "
                               f"'cd {folder}' first, or add '--project {folder}'")
        return path.stem

    def _project(self) -> Project:
        root = self.options.project
        project = compile_project(listed(root), reader(root))
        if project.errors:
            raise WorkflowError("\n".join(map(str, project.errors)))
        return project

    def _world(self, states: SavedStates) -> LocalWorld:
        options = self.options
        objects = FolderObjects(options.task_log_dir) if options.task_log_dir else MemoryObjects()
        secrets = LocalSecrets(options.secrets, _config_home(self.env) / "secrets")
        return LocalWorld(
            project=options.project, now=self.now, chance=self.chance, secrets=secrets, echo=self._print, env=self.env,
            logs=ObjectLogs(objects, agent="local", clock=self.now), alerts=LocalAlerts(self._alert),
            threads=options.max_task_threads or THREADS, settings=Settings(task_limit=options.task_limit),
            observer=_Observer(self, states), properties=options.properties)

    def _conclude(self, is_success: bool, rows: Sequence[TaskRow], folder: Path) -> None:
        shown = os.path.relpath(folder, self.options.project) if folder.is_relative_to(self.options.project) else folder
        where = f"Task state is saved at {shown} directory." if self.options.is_saving and not self.options.is_dry_run \
            else ""
        if is_success:
            self._say(f"Success. {where}".rstrip())
        else:
            self._say("\nerror: ")
            for row in rows:
                if row.state is State.ERROR:
                    message = "\n    ".join(str(row.error.get("message", "")).splitlines())
                    self._say(f"  * {row.full_name}:\n    {message}")
            self._say(f"\n{where}".rstrip("\n"))
        if where:
            for hint in HINTS:
                self._say(hint)

    def _print(self, text: str) -> None:
        with self._writing:
            self.out.write(text if text.endswith("\n") else text + "\n")
            self.out.flush()

    def _say(self, text: str) -> None:
        with self._writing:
            self.err.write(text + "\n")
            self.err.flush()

    def _alert(self, message: str) -> None:
        self._say(f"{self._stamp()} [WARN] notify: {message}")

    def _stamp(self) -> str:
        return self.now().astimezone().strftime("%Y-%m-%d %H:%M:%S %z")

    def log(self, level: str, name: str, text: str) -> None:
        levels = ("error", "warn", "info", "debug", "trace")
        if levels.index(level) <= levels.index(self.options.log_level):
            self._say(f"{self._stamp()} [{level.upper()}] ({name}): {text}")


class _Observer:
    """What a local run wants to know of its tasks: which begin, which are known already, how they ended."""

    def __init__(self, run: _Run, states: SavedStates) -> None:
        self._run, self._states = run, states

    def known(self, attempt: Attempt, name: str) -> Any:
        found = self._states.known(name) if _is_asked_for(attempt) else None
        if found is not None:
            self._run.log("warn", name, "Skipped")
        return found

    def begins(self, name: str, operator: str, config: Mapping[str, Any]) -> Any:
        """L-147. In a dry run this is all there is: an empty result."""
        command = config.get("_command")
        self._run.log("info", name, f"type: {operator}" if command is None else f"{operator}>: {command}")
        if self._run.options.shows_params:
            import yaml
            self._run._print(yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True))
        return self._run.options.is_dry_run

    def ended(self, attempt: Attempt, name: str, ended: Any) -> None:
        if _is_asked_for(attempt):
            self._states.ended(name, ended)


def _is_asked_for(attempt: Attempt) -> bool:
    """The attempt of this run is the first; those that `require>` starts are of other sessions, and have no saved
    states, though their tasks may have the same names."""
    return attempt.id == 1


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _only(workflow: Workflow, pattern: str) -> Workflow:
    """Only the task that the pattern matches, put directly below the root (C-23, C-24, E-144)."""
    found = [t for t in workflow.tasks[1:] if t.full_name.endswith(pattern)] if pattern.startswith("+") else []
    if not found:
        near = similar(pattern, [t.full_name for t in workflow.tasks] + [t.name for t in workflow.tasks])
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InvalidError(f"Task pattern '{pattern}' doesn't match with any tasks.{hint}")
    if len(found) > 1:
        names = ", ".join(t.full_name for t in found)
        raise InvalidError(f"Task pattern '{pattern}' is ambiguous. Matching candidates are [{names}].")
    body = _body(workflow.tasks, found[0])
    root = workflow.tasks[0]
    prefix = root.full_name
    tasks = compile_tasks(found[0].name, found[0].full_name[:-len(found[0].name)], body)
    moved = [replace(t, index=t.index + 1, parent=0 if t.parent is None else t.parent + 1,
                     upstreams=tuple(u + 1 for u in t.upstreams)) for t in tasks]
    assert prefix
    return replace(workflow, tasks=(replace(root, index=0), *moved))


def _body(tasks: Sequence[Task], task: Task) -> dict[str, Any]:
    """The definition of a compiled task, for compiling it anew."""
    body: dict[str, Any] = {k: v for k, v in task.config.items() if k not in ("_after", "_background")}
    if task.export:
        body["_export"] = dict(task.export)
    for child in tasks:
        if child.parent == task.index:
            body[child.name] = _body_of_child(tasks, child)
    return body


def _body_of_child(tasks: Sequence[Task], child: Task) -> dict[str, Any]:
    body = dict(child.config)
    if child.export:
        body["_export"] = dict(child.export)
    for grandchild in tasks:
        if grandchild.parent == child.index:
            body[grandchild.name] = _body_of_child(tasks, grandchild)
    return body


def _stored(workflow: Workflow, pages: str, now: datetime) -> StoredWorkflow:
    """Project `default`, revision = the start's time, ids from 1 (C-33)."""
    return StoredWorkflow(
        id=WorkflowId(1), name=workflow.name, project_id=ProjectId(1), project_name="default",
        timezone=workflow.timezone, revision=now.isoformat(timespec="seconds"), config=workflow.definition, pages=pages,
        task_count=len(workflow.tasks), archive=None, schedule=workflow.schedule, sla=workflow.sla)


def _config_home(env: Mapping[str, str]) -> Path:
    if home := env.get("SKYDAG_CONFIG_HOME"):
        return Path(home)
    return Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "~")).expanduser() / ".config") / "skydag"
