"""Run one operator for one task and say how it ended. The same on a laptop, in `work`, in `script` and in a container.

`job` is what `work` made of a claimed task once its expressions were evaluated; JSON:

    operator, config, local, state      the operator's name; what the task sees, evaluated; its own keys; Again's state
    task_id, task_name, path, run, token, task_limit
    attempt                             store/attempts.to_json, where it has left the process that knows the attempt
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from skydag.app.mask import Mask
from skydag.app.operators import BUILT_IN
from skydag.app.results import check_json, checked
from skydag.app.secret_names import renamed
from skydag.engine.retry import RetryPolicy, leaf_policy, retry_wait
from skydag.errors import ConfigError, TaskError, UnavailableError, WorkflowError
from skydag.model.outcome import AGAIN, OK, Ended, failed
from skydag.model.params import Store
from skydag.model.records import dataclass, field
from skydag.model.session import Attempt
from skydag.spi import (
    Again,
    Commands,
    NoParams,
    Notifier,
    NoWorkflows,
    Operator,
    ProjectFiles,
    Secrets,
    SharedParams,
    TaskRequest,
    TaskResult,
    Workflows,
)

ERROR_CHARS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a request carries besides the task itself."""

    files: ProjectFiles
    log: Callable[[str], None]
    echo: Callable[[str], None]
    secrets: Secrets                                        # by their own names
    properties: Mapping[str, str]
    template: Callable[[str, Mapping[str, Any]], str]       # a text, and what its expressions see
    notify: Notifier
    commands: Commands
    now: Callable[[], datetime]
    workflows: Workflows = field(default_factory=NoWorkflows)
    note: Callable[[str], None] | None = None               # the operator's own words; None: `log` takes them
    mask: Mask = field(default_factory=Mask)        # the log's: it learns the secrets that are told
    params: SharedParams = field(default_factory=NoParams)


def execute(job: Mapping[str, Any], attempt: Attempt, operator: Operator,
            surroundings: Surroundings) -> dict[str, Any]:
    """The report for `finish`: {"attempt_id", "path", "run", "token", "ended"}."""
    ended = run(job, attempt, operator, surroundings)
    return {"attempt_id": attempt.id, "path": job["path"], "run": job["run"], "token": job["token"],
            "ended": ended.to_json()}


def run(job: Mapping[str, Any], attempt: Attempt, operator: Operator, surroundings: Surroundings) -> Ended:
    """How it ended, the task's own `_retry` applied (E-57). Raises UnavailableError where a service of ours failed."""
    policy: RetryPolicy | None = None
    try:
        if operator.retries:
            policy = leaf_policy(job["config"].get("_retry"))
        result = _run(job, attempt, operator, surroundings)
    except Again as again:
        return Ended(kind=AGAIN, after_s=max(0.0, again.after_s), state=again.state)
    except UnavailableError:                # a notification refused, a secret not read: the run is lost, and repeated
        raise
    except Exception as error:
        return _failed(job, error, policy, surroundings)
    return _succeeded(result)


def clean_up(job: Mapping[str, Any], attempt: Attempt, operator: Operator, surroundings: Surroundings) -> None:
    """The attempt was killed. Nobody waits for this, so what goes wrong is told by the log."""
    try:
        operator.cleanup(request(job, attempt, surroundings))
    except Exception as error:
        surroundings.log(f"Cleaning up after task {job['task_name']} failed: {str(error) or type(error).__name__}")


def _run(job: Mapping[str, Any], attempt: Attempt, operator: Operator, surroundings: Surroundings) -> TaskResult:
    """What is not ours is looked at before it goes on its way."""
    if job.get("operator") in BUILT_IN:
        return operator.run(request(job, attempt, surroundings))
    try:
        return checked(operator.run(request(job, attempt, surroundings)))
    except Again as again:
        check_json(state=again.state)
        raise


def _succeeded(result: TaskResult) -> Ended:
    store = Store(resets=tuple(result.reset), params=dict(result.store)) if result.store or result.reset else None
    return Ended(kind=OK, subtasks=dict(result.subtasks), export=dict(result.export), store=store)


def _failed(job: Mapping[str, Any], error: Exception, policy: RetryPolicy | None, surroundings: Surroundings) -> Ended:
    name, count = job["task_name"], job["state"].get("retry_count", 0)
    is_retried = policy is not None and policy.limit > count
    log = surroundings.note or surroundings.log if is_retried else surroundings.log     # nothing else will say why
    if isinstance(error, ConfigError | WorkflowError):
        message, trace = config_message(error), None
        log(f"Configuration error at task {name}: {error}")
    elif isinstance(error, TaskError):
        message, trace = str(error), error.stacktrace
        log(f"Task {name} failed.\n{message}" + (f"\n{trace}" if trace else ""))
    else:
        message = f"{str(error) or type(error).__name__} ({_words(type(error).__name__)})"
        import traceback  # loaded with the first bug

        trace = "".join(traceback.format_exception(error))
        log(f"Task failed with unexpected error: {message}\n{trace}")
    if policy is not None and is_retried:
        state = {k: v for k, v in job["state"].items() if k != "commandStatus"} | {"retry_count": count + 1}
        return Ended(kind=AGAIN, after_s=retry_wait(policy, count).total_seconds(), state=state)
    mask = surroundings.mask
    return failed(mask(message)[:ERROR_CHARS_MAX], mask(trace)[-ERROR_CHARS_MAX:] if trace else None)


def config_message(error: Exception) -> str:
    """O-36: a config error says so at its end."""
    return f"{error} (config)"


def _words(name: str) -> str:
    """ZeroDivisionError -> zero division (O-36)."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", re.sub(r"(Exception|Error)$", "", name))
    return " ".join(words).lower() or name.lower()


def request(job: Mapping[str, Any], attempt: Attempt, surroundings: Surroundings) -> TaskRequest:
    config = job["config"]

    def told(key: str) -> str | None:
        value = surroundings.secrets(key)
        if value is not None:
            surroundings.mask.learn(value)
        return value

    return TaskRequest(
        project_id=attempt.project_id, project_name=attempt.project_name, workflow_name=attempt.workflow_name,
        revision=attempt.revision, session_id=attempt.session_id, session_uuid=attempt.session_uuid,
        session_time=attempt.session_time, attempt_id=attempt.id, retry_attempt_name=attempt.retry_attempt_name,
        timezone=attempt.timezone, task_id=job["task_id"], task_name=job["task_name"], run=job["run"],
        config=config, local=job["local"], state=job["state"], task_limit=job["task_limit"],
        files=surroundings.files, log=surroundings.note or surroundings.log, echo=surroundings.echo,
        secrets=renamed(told, config.get("_secrets"), surroundings.note or surroundings.log),
        env_secrets=told, properties=surroundings.properties,
        template=lambda text: surroundings.template(text, config),
        notify=surroundings.notify, commands=surroundings.commands, now=surroundings.now,
        workflows=surroundings.workflows, params=surroundings.params)
