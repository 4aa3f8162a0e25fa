"""spi.Workflows: what a `require>` task may ask for, its own attempt and the rest of the installation given (E-96)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from skydag.app.start import request_id
from skydag.errors import NotFoundError
from skydag.language.problems import did_you_mean
from skydag.model.project import StoredWorkflow
from skydag.model.session import Attempt
from skydag.spi import OtherAttempt
from skydag.store.projects import ProjectStore
from skydag.store.starts import SessionExists

if TYPE_CHECKING:
    from skydag.app.application import Application

Find = Callable[[Attempt, int | str | None, str], StoredWorkflow]       # raises NotFoundError, with words for the user


class Others:
    """find: (the asking attempt, project or None, workflow) -> the definition to start."""

    def __init__(self, application: Application, asking: Attempt, find: Find) -> None:
        self._application, self._asking, self._find = application, asking, find

    def start(
        self, workflow: str, session_time: datetime, *, project: int | str | None, params: Mapping[str, Any],
        retry_attempt_name: str | None, once: str,
    ) -> OtherAttempt:
        found = self._find(self._asking, project, workflow)
        try:
            attempt = self._application.starter(
                found, session_time, params=params, retry_attempt_name=retry_attempt_name,
                request=request_id("require", self._asking.id, once), now=self._application.now())
        except SessionExists as there:
            return _seen(there.attempt)
        return _seen(attempt, is_started=True)

    def last_attempt(self, session_id: int) -> OtherAttempt:
        return _seen(self._application.attempts.session(session_id).last)

    def attempt(self, attempt_id: int) -> OtherAttempt:
        return _seen(self._application.attempts.get(attempt_id))


def stored(projects: ProjectStore) -> Find:
    """The workflow of a project's latest revision."""

    def find(asking: Attempt, project: int | str | None, workflow: str) -> StoredWorkflow:
        if isinstance(project, str):
            held = projects.by_name(project)
            if held is None:
                raise NotFoundError(f"there is no project '{project}'")
        else:
            held = projects.get(asking.project_id if project is None else project)
        definitions = projects.workflows(held.id, None, workflow)
        if not definitions:
            raise missing(held.name, workflow, [name for name, _ in projects.revision(held.id).workflows])
        return definitions[0]

    return find


def missing(project: str, workflow: str, names: list[str]) -> NotFoundError:
    near = did_you_mean(workflow.removesuffix(".dig"), names)
    if workflow.endswith(".dig") and workflow.removesuffix(".dig") in names:
        near = f"write '{workflow.removesuffix('.dig')}', without .dig"
    return NotFoundError(f"project '{project}' has no workflow '{workflow}'" + (f"; {near}" if near else ""))


def _seen(attempt: Attempt, *, is_started: bool = False) -> OtherAttempt:
    return OtherAttempt(session_id=attempt.session_id, attempt_id=attempt.id, is_done=attempt.is_done,
                        is_success=attempt.is_success, is_started=is_started)
