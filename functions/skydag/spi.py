"""The one page that an operator's author reads; docs/plugins.md builds one, tests it, and installs it.

    class Greet(Operator):
        retries = True

        def run(self, request: TaskRequest) -> TaskResult:
            name = required(request.config, "_command", text)       # what stands behind `greet>:`
            request.echo(f"hello {name}")
            return TaskResult(store={"greeted": name})

Found by the entry point group `skydag.operators`: `greet = "skydag_greet:Greet"` makes `greet>:`. The class is made
once in a process and runs many tasks, several at once: `self` is no place for what belongs to one of them.

Parameters are read by `skydag.model.values`: required and optional, with text, integer, boolean, duration, array,
mapping. They take what Digdag takes (every result of `${...}` is text), and say what is wrong.

How it ends     return TaskResult; raise TaskError("why") if the task failed, ConfigError("what is wrong") if it is
                written wrongly, Again(...) to be called later. Whatever else is raised fails it with its traceback.
Waiting         is not sleeping: Again says in how many seconds, and carries the state that comes back in
                `request.state`. In an installation a run has at most 14 minutes, and holds a function as long.
Failures        `retries = True`: a task's `_retry` runs it again, with the state of the run that failed. It can go on
                from there; or begin anew, if the state names the `request.once` it belongs to, and this is another.
Twice           A run may die when it has done its work and nobody has heard of it. The next run has the same state, so
                what is started outside carries `request.once`, or is looked for before it is started.
Secrets         are asked for by name, at the moment of use: `request.secrets("greet.token")`. Keep them out of what is
                stored, exported, or carried by Again.
Dry run         `skydag run --dry-run` calls no operator; there is nothing to do.
Cancellation    When the attempt is killed, a task that waits is canceled at once, and what a run still brings is
                dropped. With `cleans_up = True` it is then called by `cleanup`, with the state that it asked for last:
                to stop what it started. That may come twice, or be lost with whoever does it.
User code       Operators run in the control plane. With `runs_code = True` one runs where `py>` and `sh>` do: its role
                reads the project and the secrets that its task names, and no more; `commands` work there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from skydag.errors import ConfigError as ConfigError
from skydag.errors import TaskError as TaskError
from skydag.model.records import Protocol, dataclass, field


class Again(Exception):
    """Call me again in `after_s` seconds (0: at once) with this state, which is JSON and replaces the one before. Not a
    failure (E-42)."""

    def __init__(self, after_s: float, state: Mapping[str, Any]) -> None:
        super().__init__(f"again in {after_s} s")
        self.after_s, self.state = after_s, dict(state)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What a successful run leaves behind (E-40); all of it JSON."""

    subtasks: Mapping[str, Any] = field(default_factory=dict)   # a task body: an operator, or +tasks; becomes ^sub
    export: Mapping[str, Any] = field(default_factory=dict)     # seen by the tasks below
    store: Mapping[str, Any] = field(default_factory=dict)      # seen by everything that runs after
    reset: tuple[str, ...] = ()                                 # dotted keys deleted before `store` is merged


class ProjectFiles(Protocol):
    """The project of the task's revision. On a laptop the project folder itself, elsewhere an unpacked copy (O-39)."""

    @property
    def root(self) -> Path: ...

    def compile(self, path: str) -> Mapping[str, Any]:
        """The body of the workflow file at `path` (below the root), as `call>` runs it; WorkflowError if it is wrong,
        FileNotFoundError if there is none."""

    def compile_text(self, name: str, text: str, folder: str = "") -> Mapping[str, Any]:
        """The same for a definition that is no file of the project, as `http_call>` gets one. name: its name in
        messages. folder: below the root, where `!include` looks."""


class Secrets(Protocol):
    def __call__(self, key: str) -> str | None:
        """The secret of that name, None if there is none. Asked for by name, at the moment of use; from then on its
        value shows as *** in the task's log and error. Where user code runs, only those that the task itself names can
        be had. ConfigError for what can be no name."""


class Templates(Protocol):
    def __call__(self, text: str) -> str:
        """The text of a file with its `${...}` evaluated over all that the task sees (O-41). ConfigError."""


class Notifier(Protocol):
    def __call__(self, message: str) -> None:
        """Send one notification about this task to whoever subscribed (S-97)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAttempt:
    """An attempt of another workflow, as it stands now."""

    session_id: int
    attempt_id: int
    is_done: bool
    is_success: bool
    is_started: bool = False            # by this very start, or by an earlier delivery of it


class Workflows(Protocol):
    """The workflows of the installation (of a local run: those of its project)."""

    def start(
        self, workflow: str, session_time: datetime, *, project: int | str | None, params: Mapping[str, Any],
        retry_attempt_name: str | None, once: str,
    ) -> OtherAttempt:
        """Starts the latest revision's workflow, or finds the attempt that has that name already; for a session that
        is there, and without a name, its last one. project: id or name, None for the task's own. once: the same for
        every repeat of the same start, and of no other.

        Raises NotFoundError if there is no such project or workflow, LimitError when too many attempts are open."""

    def last_attempt(self, session_id: int) -> OtherAttempt: ...

    def attempt(self, attempt_id: int) -> OtherAttempt: ...


class NoWorkflows:
    """What an operator finds where user code runs (F-8)."""

    def start(
        self, workflow: str, session_time: datetime, *, project: int | str | None, params: Mapping[str, Any],
        retry_attempt_name: str | None, once: str,
    ) -> OtherAttempt:
        raise TaskError("an operator that runs user code cannot start workflows; use a require> task beside it")

    def last_attempt(self, session_id: int) -> OtherAttempt:
        raise TaskError("an operator that runs user code cannot look at sessions")

    def attempt(self, attempt_id: int) -> OtherAttempt:
        raise TaskError("an operator that runs user code cannot look at attempts")


class SharedParams(Protocol):
    """Parameters that all workflows of the installation share (O-81); each is gone 90 days after it was last set."""

    def get(self, keys: Iterable[str]) -> Mapping[str, str]:
        """The values of those that there are."""

    def set(self, values: Mapping[str, str]) -> None:
        """All of them or none; at most 100. A repeat is harmless. Raises InvalidError for what is too large."""


class NoParams:
    """What an operator finds where user code runs (F-8)."""

    def get(self, keys: Iterable[str]) -> Mapping[str, str]:
        raise TaskError("an operator that runs user code cannot get shared parameters; use a param_get> task before it")

    def set(self, values: Mapping[str, str]) -> None:
        raise TaskError("an operator that runs user code cannot set shared parameters; use a param_set> task beside it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended: its exit code, or the reason why it has none."""

    code: int
    reason: str | None = None


class Commands(Protocol):
    """Runs one command in the project's working directory; its output goes to the task's log, line by line."""

    def __call__(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], inherit_env: bool = True,
        preload: Path | None = None,
    ) -> Outcome:
        """preload: a Python program that is the same each time, and needs the standard library alone; argv is then an
        interpreter, its options, a copy of the program, arguments. Whoever runs commands may load it once and fork a
        process for each call; for the program that is no difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """One run of one task. Nothing in it can be changed."""

    project_id: int
    project_name: str
    workflow_name: str
    revision: str
    session_id: int
    session_uuid: str
    session_time: datetime              # aware
    attempt_id: int
    retry_attempt_name: str | None
    timezone: str
    task_id: int
    task_name: str                      # full name
    run: int                            # 1, 2, ...: polls, retries and repeats of lost runs count on
    config: Mapping[str, Any]           # everything the task sees, evaluated: parameters, built-in variables, own keys
    local: Mapping[str, Any]            # its own keys only, evaluated
    state: Mapping[str, Any]            # what Again carried last time; `retry_count` of `_retry` is in it, too
    task_limit: int                     # most tasks an attempt may have
    files: ProjectFiles
    log: Callable[[str], None]          # one or more lines for the task's log
    echo: Callable[[str], None]         # a line the user asked to see: log, and standard output of a local run
    secrets: Secrets                    # by the names that the operator knows; the task's `_secrets` may rename them
    env_secrets: Secrets                # by their own names, for `_env` (O-50)
    properties: Mapping[str, str]       # of the configuration: config.http.max_timeout, config.mail.host, ...
    template: Templates
    notify: Notifier
    commands: Commands
    now: Callable[[], datetime]
    workflows: Workflows = field(default_factory=NoWorkflows)
    params: SharedParams = field(default_factory=NoParams)

    @property
    def once(self) -> str:
        """The same in all runs of this task, whatever waited or died in between; another in each of its retries, and in
        every other task anywhere. 32 digits 0-9a-f: a token, or part of a name, for what must not be started twice."""
        import hashlib  # for those few that ask

        known = f"{self.session_uuid} {self.attempt_id} {self.task_id} {self.state.get('retry_count', 0)}"
        return hashlib.sha256(known.encode()).hexdigest()[:32]

    @property
    def run_id(self) -> str:
        """This run's, no other's: also a run that takes the place of a lost one has another."""
        return f"{self.attempt_id}-{self.task_id}-{self.run}"


class Operator(Protocol):
    """Derive from it, and define `run`."""

    retries: ClassVar[bool] = False         # whether `_retry` of a task counts (O-27)
    runs_code: ClassVar[bool] = False       # whether it runs where user code does, not in the control plane
    # and perhaps, each False without:
    #   is_small      takes a moment, touches nothing outside, may be run twice; then it costs no call of its own
    #   cleans_up     a kill calls `cleanup` (K-6); not where user code runs

    def run(self, request: TaskRequest) -> TaskResult: ...

    def cleanup(self, request: TaskRequest) -> None:
        """The task was canceled after it had run at least once: stop what it started. `request.state` is what it asked
        for last. What is raised is told by the log."""
        return
