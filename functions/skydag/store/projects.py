"""Projects, their revisions and workflow definitions (rest-api.md sections 5 to 7). Items: registry_keys.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from skydag.errors import ConflictError, LimitError, NotFoundError
from skydag.model.ids import ProjectId, padded
from skydag.model.project import Revision, StoredProject, StoredWorkflow
from skydag.model.records import dataclass, replace
from skydag.ports import Absent, All, Delete, Is, Item, Lost, Missing, Put, Table
from skydag.store import counters, pages
from skydag.store import registry_keys as keys
from skydag.store.project_items import (
    key,
    project_item,
    project_of,
    revision_item,
    revision_of,
    workflow_item,
    workflow_of,
    workflows_row_sk,
)
from skydag.store.stale import Stale
from skydag.store.values import Blobs

REVISIONS_SHOWN_MAX = 100
WRITES_MAX = 100                # of one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a new revision builds upon; it loses if that is no longer so when it is stored."""

    project_id: ProjectId
    number: int                         # of the new revision
    project: StoredProject | None       # None: the first revision of a new project
    workflows_row: str = ""             # where the revision before stands in the list of workflows


class ProjectStore:
    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    # --- reading

    def by_name(self, name: str) -> StoredProject | None:
        """The live project of that name."""
        held = self._table.get(*keys.project_name(name))
        item = None if held is None else self._table.get(*keys.project(held["project_id"]))
        return None if item is None or "deleted_at" in item else project_of(item)

    def get(self, project_id: int) -> StoredProject:
        """NotFoundError `Resource does not exist: project id=7`, also for a deleted one."""
        item = self._table.get(*keys.project(project_id))
        if item is None:
            raise NotFoundError(f"Resource does not exist: project id={project_id}")
        if "deleted_at" in item:
            raise NotFoundError(f"Project id={project_id} is already deleted at {item['deleted_at']}")
        return project_of(item)

    def list(self, last_id: int | None = None, count: int = 100, name_pattern: str = "") -> Sequence[StoredProject]:
        """R-27: live projects, ids rising, greater than last_id; name_pattern: part of the name, case-sensitive."""
        rows = pages.rows(self._table, keys.PROJECTS, after=None if last_id is None else padded(last_id))
        wanted = [int(row["sk"]) for row in islice((r for r in rows if name_pattern in r["name"]), max(0, count))]
        items = pages.in_order(self._table, [keys.project(number) for number in wanted])
        return tuple(project_of(item) for item in items if "deleted_at" not in item)

    def revisions(self, project_id: int, name: str | None = None) -> Sequence[Revision]:
        """R-31: newest first, at most 100; with a name: one, or none. NotFoundError for an unknown project."""
        self.get(project_id)
        if name is not None:
            item = self._revision_item(project_id, name)
            return () if item is None else (revision_of(item, self._blobs),)
        pk, _ = keys.revision(project_id, 0)
        rows = pages.rows(self._table, pk, begins=keys.REVISION, descending=True)
        return tuple(revision_of(item, self._blobs) for item in islice(rows, REVISIONS_SHOWN_MAX))

    def revision(self, project_id: int, name: str | None = None) -> Revision:
        """One revision, the latest without a name. NotFoundError `revision name=… in project id=…`."""
        name = self.get(project_id).revision if name is None else name
        item = self._revision_item(project_id, name)
        if item is None:
            raise NotFoundError(f"Resource does not exist: revision name={name} in project id={project_id}")
        return revision_of(item, self._blobs)

    def content_hash(self, project_id: int, revision: str) -> str | None:
        """The hash of what a revision's archive holds; None if there is no such revision."""
        item = self._revision_item(project_id, revision)
        return None if item is None else item["content_hash"]

    def workflows(
        self, project_id: int, revision: str | None = None, name: str | None = None,
    ) -> Sequence[StoredWorkflow]:
        """R-43: the definitions of a revision (latest without its name), ids rising; with a name: one, or none.
        NotFoundError for an unknown project or revision."""
        if revision is not None:
            self.get(project_id)
        held = self.revision(project_id, revision).workflows
        return self._definitions([number for one, number in held if name is None or one == name])

    def workflow(self, workflow_id: int) -> StoredWorkflow:
        """R-42: any definition ever stored. NotFoundError `Resource does not exist: workflow id=…`."""
        item = self._table.get(*keys.workflow(workflow_id))
        if item is None or not self._is_visible(item):
            raise NotFoundError(f"Resource does not exist: workflow id={workflow_id}")
        return workflow_of(item, self._blobs)

    def all_workflows(
        self, last_id: int | None = None, count: int = 100, *, is_descending: bool = False, name_pattern: str = "",
        search_project_name: bool = False,
    ) -> Sequence[StoredWorkflow]:
        """R-41: definitions of the latest revisions of all live projects."""
        wanted = (
            number
            for row in self._workflow_rows(last_id, is_descending)
            for name, number in self._names(row, is_descending)
            if last_id is None or (number < last_id if is_descending else number > last_id)
            if name_pattern in name or (search_project_name and name_pattern in row["project_name"])
        )
        return self._definitions(list(islice(wanted, max(0, count))))

    # --- a new revision

    def base(self, project_name: str) -> Base:
        """What the next revision of that project builds upon; takes an id if the project is new."""
        held = self._table.get(*keys.project_name(project_name))
        item = None if held is None else self._table.get(*keys.project(held["project_id"]))
        if item is None or "deleted_at" in item:
            return Base(project_id=ProjectId(counters.take(self._table, "project")), number=1, project=None)
        return Base(project_id=ProjectId(item["id"]), number=item["number"] + 1, project=project_of(item),
                    workflows_row=item["workflows"])

    def take_workflow_ids(self, count: int) -> int:
        """The first of `count` ids for definitions, in one run."""
        return counters.take(self._table, "workflow", count)

    def put_revision(
        self, base: Base, project_name: str, revision: Revision, workflows: Sequence[StoredWorkflow], *,
        content_hash: str, schedules: Sequence[tuple[str, int]] = (), writes: Sequence[Put] = (),
    ) -> StoredProject:
        """Store a revision, its definitions and what changes of its schedules (`writes`, from ScheduleStore.change).

        The definitions go first, one by one: nobody sees them until the one transaction that follows puts the revision
        into its project. So a crash leaves nothing but definitions without a revision, and ids with gaps.
        schedules: (workflow name, schedule id) of every scheduled workflow.
        Raises ConflictError `Resource already exists: revision=…` (R-39), Stale if the base has changed meanwhile,
        LimitError if more schedules change than a transaction holds.
        """
        for workflow in workflows:
            self._table.put(workflow_item(workflow, self._blobs))
        project = _project(base, project_name, revision)
        actions = self._actions(base, project, revision, content_hash, tuple(schedules)) + tuple(writes)
        if len(actions) > WRITES_MAX:
            raise LimitError(f"{len(writes)} schedules get other times or settings with this push; the most is "
                             f"{WRITES_MAX - len(actions) + len(writes)}: change them in several pushes")
        try:
            self._table.transact(actions, token=pages.token("revision", base.project_id, base.number, actions))
        except Lost as lost:
            if lost.reasons[0][0]:
                raise ConflictError(_exists(revision.name, base.project_id)) from None
            raise Stale("another push of this project was first") from None
        return project

    def _actions(
        self, base: Base, project: StoredProject, revision: Revision, content_hash: str,
        schedules: tuple[tuple[str, int], ...],
    ) -> tuple[Put | Delete, ...]:
        row = workflows_row_sk(revision)
        name_item = key(keys.revision_name(project.id, revision.name)) | {"number": revision.number}
        item = project_item(project, number=revision.number, workflows=row)
        is_as_read = Absent() if base.project is None else All((Is("number", base.number - 1), Missing("deleted_at")))
        actions: tuple[Put | Delete, ...] = (
            Put(item=name_item, condition=Absent()),
            Put(item=item, condition=is_as_read),
            Put(item=revision_item(revision, schedules, content_hash, self._blobs), condition=Absent()),
        )
        if base.project is None:
            actions += (
                Put(item=key(keys.project_name(project.name)) | {"project_id": project.id}, condition=Absent()),
                Put(item=key(keys.projects_row(project.id)) | {"name": project.name}),
            )
        if base.workflows_row:
            actions += (Delete(pk=keys.WORKFLOWS, sk=base.workflows_row),)
        if row:
            actions += (Put(item={"pk": keys.WORKFLOWS, "sk": row, "project_id": project.id,
                                  "project_name": project.name, "number": revision.number}),)
        return actions

    # --- inside

    def _revision_item(self, project_id: int, name: str) -> Item | None:
        held = self._table.get(*keys.revision_name(project_id, name))
        return None if held is None else self._table.get(*keys.revision(project_id, held["number"]))

    def _definitions(self, ids: Sequence[int]) -> tuple[StoredWorkflow, ...]:
        items = pages.in_order(self._table, [keys.workflow(number) for number in ids])
        return tuple(workflow_of(item, self._blobs) for item in items)

    def _is_visible(self, definition: Item) -> bool:
        """Whether its revision names it: a push that failed leaves definitions that never were."""
        item = self._revision_item(definition["project_id"], definition["revision"])
        if item is None:
            return False
        return any(number == definition["id"] for _, number in revision_of(item, self._blobs).workflows)

    def _workflow_rows(self, last_id: int | None, is_descending: bool) -> Iterator[Item]:
        """Rows of the list of workflows that may hold ids beyond last_id; a row's sk is its revision's first id."""
        if is_descending:
            yield from pages.rows(self._table, keys.WORKFLOWS, descending=True,
                                  before=None if last_id is None else padded(last_id))
            return
        after = None
        if last_id is not None:
            holding = self._table.query(keys.WORKFLOWS, before=padded(last_id + 1), descending=True, limit=1).items
            yield from holding
            after = padded(last_id)
        yield from pages.rows(self._table, keys.WORKFLOWS, after=after)

    def _names(self, row: Item, is_descending: bool) -> Sequence[tuple[str, int]]:
        item = self._table.get(*keys.revision(row["project_id"], row["number"]))
        held = () if item is None else revision_of(item, self._blobs).workflows
        return tuple(reversed(held)) if is_descending else held


def _project(base: Base, name: str, revision: Revision) -> StoredProject:
    if base.project is None:
        return StoredProject(
            id=base.project_id, name=name, revision=revision.name, created_at=revision.created_at,
            updated_at=revision.created_at, archive_type=revision.archive_type, archive_md5=revision.archive_md5)
    return replace(base.project, revision=revision.name, updated_at=revision.created_at,
                   archive_type=revision.archive_type, archive_md5=revision.archive_md5)


def _exists(revision: str, project_id: int) -> str:
    return f"Resource already exists: revision={revision} in project id={project_id}"


def exists(revision: str, project_id: int) -> ConflictError:
    """R-39, for a push that sees it before it does any work."""
    return ConflictError(_exists(revision, project_id))


