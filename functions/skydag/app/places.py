"""Where tasks of an installation on AWS run, and what the control operators in `work` find there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skydag.app import execute
from skydag.app.others import Others, stored
from skydag.app.task_log import TaskLog
from skydag.app.work import CONTAINER, HERE, SCRIPT
from skydag.app.workspace import Copy
from skydag.errors import IllegalStepError, NotFoundError
from skydag.model.session import Attempt
from skydag.spi import Operator, Outcome

if TYPE_CHECKING:
    from skydag.app.application import Application


class CloudPlaces:
    """User code goes to the function `script`, or with `docker:` to a container (F-8); all else runs in `work`."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def place(self, operator: Operator, config: Mapping[str, Any]) -> str:
        if not operator.runs_code:
            return HERE
        return CONTAINER if isinstance(config.get("docker"), Mapping) else SCRIPT

    def surroundings(self, attempt: Attempt, config: Mapping[str, Any], name: str, number: int,
                     log: TaskLog) -> execute.Surroundings:
        application = self._application

        def archive() -> bytes:
            if attempt.archive is None:
                raise NotFoundError(f"Project archive of revision '{attempt.revision}' does not exist.")
            return application.objects.get(attempt.archive)

        def secret(key: str) -> str | None:
            return application.ports.secrets.get(attempt.project_id, key)

        return execute.Surroundings(
            files=Copy(archive), log=log.write, echo=log.write, secrets=secret, commands=_no_commands,
            properties=application.properties, template=application.evaluator(attempt.timezone).text,
            notify=lambda message: application.notify(attempt, name, message, number), now=application.now,
            workflows=Others(application, attempt, stored(application.projects)), mask=log.mask,
            params=application.shared_params)


def _no_commands(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], inherit_env: bool = True,
                 preload: Path | None = None) -> Outcome:
    raise IllegalStepError("the control plane runs no commands (F-8)")
