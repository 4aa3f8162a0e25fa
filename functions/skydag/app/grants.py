"""The secrets of a task that was handed over (F-7, F-8).

User code's role may read no secret. So `work`, which evaluates the task, writes into the run's claim which secrets the
task names; the worker that needs them asks `finish`, with the run's token; and `finish` answers with these and no
others, as long as the run lasts. Values travel in that answer alone: in no item, no event, no object.

    question    {"secrets": [keys], "attempt_id", "path", "run", "token"}
    answer      {"values": {key: value or null}}, or {"refused": why}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from skydag.app.log import logger
from skydag.app.secret_names import renamed
from skydag.errors import ConfigError, TaskError
from skydag.model import secrets
from skydag.model.task import State
from skydag.ports import SecretStore
from skydag.store.attempts import AttemptStore
from skydag.store.tasks import TaskStore

LOG = logger(__name__)
SECRETS_MAX: Final = 100            # one task may name


def granted(config: Mapping[str, Any], local: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that a task names, in its command and in its own keys, as written and as `_secrets` renames them."""
    names = dict.fromkeys([*secrets.named(config.get("_command")), *secrets.named(local)])
    as_renamed = renamed(lambda key: key, config.get("_secrets"), lambda message: None)
    names |= dict.fromkeys([as_renamed(name) or name for name in names])
    if len(names) > SECRETS_MAX:
        raise ConfigError(f"a task may name {SECRETS_MAX} secrets, not {len(names)}")
    return tuple(names)


def answer(question: Mapping[str, Any], tasks: TaskStore, attempts: AttemptStore, store: SecretStore) -> dict[str, Any]:
    """What `finish` says to a worker. Raises UnavailableError."""
    attempt_id, path = int(question["attempt_id"]), question["path"]
    leaf = tasks.leaf(attempt_id, path)
    is_claimed = leaf is not None and (leaf.run, leaf.token, leaf.state) == (
        question["run"], question["token"], State.RUNNING)
    if leaf is None or not is_claimed or not set(question["secrets"]) <= set(leaf.secrets):
        LOG.warning("secrets are refused", extra={"action": "secrets_refused", "attempt_id": attempt_id, "path": path})
        return {"refused": "the run is over" if not is_claimed else "the task names other secrets"}
    project = attempts.get(attempt_id).project_id
    return {"values": {key: store.get(project, key) if secrets.is_key(key) else None for key in question["secrets"]}}


class Granted:
    """spi.Secrets in a worker: all that the task names are asked for together, once one is needed."""

    def __init__(self, job: Mapping[str, Any], ask: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self._job, self._ask = job, ask
        self._values: Mapping[str, str | None] | None = None

    def __call__(self, key: str) -> str | None:
        names = self._job.get("secrets", ())
        if key not in names:
            raise ConfigError(f"the secret '{key}' cannot be had here: user code gets the secrets that its task names, "
                              f"such as `_env: {{TOKEN: ${{secret:{key}}}}}`")
        if self._values is None:
            job = self._job
            said = self._ask({"secrets": list(names), "attempt_id": int(job["attempt"]["id"]), "path": job["path"],
                              "run": job["run"], "token": job["token"]})
            if "values" not in said:
                raise TaskError(f"the task's secrets were refused: {said.get('refused')}")
            self._values = said["values"]
        return self._values[key]
