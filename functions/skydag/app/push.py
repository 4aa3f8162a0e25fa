"""A new revision of a project, from its archive (rest-api.md section 6, scheduling.md section 10)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from skydag.app import archive as archives
from skydag.app.names import check_project_name, check_revision_name
from skydag.app.push_schedules import Changes, changes
from skydag.errors import InvalidError, UnavailableError, WorkflowError
from skydag.language.compile import compile_project
from skydag.language.sla import sla_tasks
from skydag.model.ids import WorkflowId
from skydag.model.project import Revision, StoredProject, StoredWorkflow
from skydag.model.records import dataclass
from skydag.model.workflow import Workflow
from skydag.ports import Objects, Wakes
from skydag.store import definitions
from skydag.store.projects import Base, ProjectStore, exists
from skydag.store.schedules import ScheduleStore, wake_at
from skydag.store.stale import Stale

TRIES_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """schedule_from, clear, clear_all: S-62, S-64. user_info: who pushed (R-17)."""

    schedule_from: datetime | None = None
    clear: Collection[str] = ()
    clear_all: bool = False
    user_info: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """The use case with what it needs of the world: Push(...)(project_name, revision, archive, now=now)."""

    projects: ProjectStore
    schedules: ScheduleStore
    objects: Objects                    # the project bucket
    wakes: Wakes

    def __call__(
        self, project_name: str, revision: str, archive: bytes, *, now: datetime,
        schedule_from: datetime | None = None, clear: Collection[str] = (), clear_all: bool = False,
        user_info: Mapping[str, Any] | None = None,
    ) -> StoredProject:
        """Raises InvalidError (names, R-35), ArchiveError, WorkflowError (every problem of the project, a line each),
        ConflictError `Resource already exists: revision=… in project id=…` (R-39). Nothing is registered then."""
        check_project_name(project_name)
        check_revision_name(revision)
        options = Options(schedule_from=schedule_from, clear=clear, clear_all=clear_all, user_info=user_info)
        return self.files(project_name, revision, archive, archives.read(archive), options, now=now)

    def files(
        self, project_name: str, revision: str, archive: bytes, files: archives.ArchiveFiles, options: Options, *,
        now: datetime,
    ) -> StoredProject:
        """As above, with the names checked and the archive read."""
        project = compile_project(files.paths, files.read)
        if project.errors:
            raise WorkflowError("\n".join(str(problem) for problem in project.errors))
        for name in options.clear:
            if project.workflow(name) is None:
                raise InvalidError(f"{name} does not exist")
        kept: list[tuple[WorkflowId, Workflow, str]] | None = None
        for _ in range(TRIES_MAX):
            base = self.projects.base(project_name)
            if base.project is not None and self.projects.content_hash(base.project_id, revision) is not None:
                raise exists(revision, base.project_id)
            if kept is None:
                kept = self._keep_pages(project.workflows)
            record = self._record(base, revision, archive, kept, options, now)
            stored = _stored(project_name, record, kept)
            cleared = _cleared(options, project.workflows)
            due = changes(self.schedules, base, stored, options.schedule_from, cleared, now)
            self.schedules.insert(due.fresh)
            try:
                pushed = self.projects.put_revision(
                    base, project_name, record, stored, content_hash=archives.content_hash(files),
                    schedules=[(schedule.workflow_name, schedule.id) for schedule in due.kept], writes=due.writes)
            except Stale:
                continue                # another push, or a schedule that fired: build upon what is there now
            self.schedules.forget([schedule.id for schedule in due.gone])
            self._arm(due)
            return pushed
        raise UnavailableError(f"project {project_name} is being changed by too many at once; try again")

    def arm(self, project_id: int) -> None:
        """Arm the wakes of a project as its schedules stand: what a push that died may have left undone."""
        for schedule in self.schedules.of_project(project_id):
            self.wakes.arm(schedule.id, wake_at(schedule))

    def _keep_pages(self, workflows: Sequence[Workflow]) -> list[tuple[WorkflowId, Workflow, str]]:
        """Ids, and where the compiled pages lie, in order of name (R-43)."""
        if not workflows:
            return []
        first = self.projects.take_workflow_ids(len(workflows))
        ordered = sorted(workflows, key=lambda workflow: workflow.name)
        return [(WorkflowId(number), one, definitions.keep(self.objects, number, one.tasks, sla_tasks(one.sla)))
                for number, one in enumerate(ordered, first)]

    def _record(
        self, base: Base, name: str, archive: bytes, kept: Sequence[tuple[WorkflowId, Workflow, str]],
        options: Options, now: datetime,
    ) -> Revision:
        """The revision; its archive is in the bucket, under a name that no other archive has."""
        digest = hashlib.md5(archive, usedforsecurity=False)
        key = f"projects/{base.project_id}/{base.number}-{digest.hexdigest()[:12]}.tar.gz"
        self.objects.put(key, archive, content_type="application/gzip")
        return Revision(
            project_id=base.project_id, name=name, number=base.number, created_at=now.replace(microsecond=0),
            archive=key, archive_md5=base64.b64encode(digest.digest()).decode(),
            user_info=dict(options.user_info or {}),
            workflows=tuple((workflow.name, number) for number, workflow, _ in kept))

    def _arm(self, due: Changes) -> None:
        """After the transaction, as often as you like: a wake is a hint to look at the schedule."""
        for schedule in due.kept:
            self.wakes.arm(schedule.id, wake_at(schedule))
        for schedule in due.gone:
            self.wakes.arm(schedule.id, None)


def _cleared(options: Options, workflows: Sequence[Workflow]) -> frozenset[str]:
    return frozenset(workflow.name for workflow in workflows) if options.clear_all else frozenset(options.clear)


def _stored(
    project_name: str, record: Revision, kept: Sequence[tuple[WorkflowId, Workflow, str]],
) -> list[StoredWorkflow]:
    return [
        StoredWorkflow(
            id=number, name=workflow.name, project_id=record.project_id, project_name=project_name,
            revision=record.name, timezone=workflow.timezone, config=workflow.definition, pages=pages,
            task_count=len(workflow.tasks), archive=record.archive, schedule=workflow.schedule, sla=workflow.sla)
        for number, workflow, pages in kept
    ]
