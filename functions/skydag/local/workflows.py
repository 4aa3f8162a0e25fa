"""The workflows of the project that runs, as `require>` finds them in a local run (E-140)."""

from __future__ import annotations

import itertools
from pathlib import Path
from threading import Lock
from typing import Final

from skydag.app.others import missing
from skydag.app.packing import listed
from skydag.app.workspace import reader
from skydag.errors import NotFoundError, WorkflowError
from skydag.language.compile import compile_project
from skydag.language.sla import sla_tasks
from skydag.model.ids import WorkflowId
from skydag.model.project import StoredWorkflow
from skydag.model.session import Attempt
from skydag.model.workflow import Project
from skydag.store.definitions import Definitions

FIRST_ID: Final = 1_000_000         # beyond the ids of workflows that a run was started with


class ProjectWorkflows:
    """app.others.Find over a project folder. What one attempt has seen of the folder stays so for that attempt."""

    def __init__(self, folder: Path, definitions: Definitions) -> None:
        self._folder, self._definitions = folder, definitions
        self._ids = itertools.count(FIRST_ID)
        self._lock = Lock()
        self._compiled: tuple[int, Project] | None = None
        self._known: dict[tuple[int, str], StoredWorkflow] = {}

    def __call__(self, asking: Attempt, project: int | str | None, name: str) -> StoredWorkflow:
        if project not in (None, asking.project_id, asking.project_name):
            raise NotFoundError(f"a local run knows no other project than its own, and so not '{project}'")
        with self._lock:
            if (asking.id, name) not in self._known:
                self._known[asking.id, name] = self._stored(asking, name)
            return self._known[asking.id, name]

    def _stored(self, asking: Attempt, name: str) -> StoredWorkflow:
        project = self._project(asking)
        workflow = project.workflow(name)
        if workflow is None:
            raise missing(asking.project_name, name, [one.name for one in project.workflows])
        number = next(self._ids)
        return StoredWorkflow(
            id=WorkflowId(number), name=name, project_id=asking.project_id, project_name=asking.project_name,
            timezone=workflow.timezone, revision=asking.revision, config=workflow.definition, archive=asking.archive,
            pages=self._definitions.keep(number, workflow.tasks, sla_tasks(workflow.sla)),
            task_count=len(workflow.tasks), schedule=workflow.schedule, sla=workflow.sla)

    def _project(self, asking: Attempt) -> Project:
        if self._compiled is None or self._compiled[0] != asking.id:
            project = compile_project(listed(self._folder), reader(self._folder))
            if project.errors:
                raise WorkflowError("\n".join(map(str, project.errors)))
            self._compiled = asking.id, project
        return self._compiled[1]
