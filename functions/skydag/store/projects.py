"""Projects, their revisions and workflow definitions (rest-api.md sections 5 to 7). Items: registry_keys.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from skydag.model.ids import ProjectId, WorkflowId
from skydag.model.project import Revision, StoredProject, StoredSchedule, StoredWorkflow
from skydag.ports import Table
from skydag.store.values import Blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of a list, and where the next begins: `next_id` is the last id looked at, None at the end of the list."""

    workflows: tuple[StoredWorkflow, ...]
    next_id: int | None


class ProjectStore:
    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    def by_name(self, name: str) -> StoredProject | None:
        """The live project of that name."""
        raise NotImplementedError

    def get(self, project_id: int) -> StoredProject:
        """NotFoundError `Resource does not exist: project id=7`, also for a deleted one."""
        raise NotImplementedError

    def list(self, last_id: int | None = None, count: int = 100, name_pattern: str = "") -> Sequence[StoredProject]:
        """R-27: live projects, ids rising, greater than last_id; name_pattern: part of the name, case-sensitive."""
        raise NotImplementedError

    def revisions(self, project_id: int, name: str | None = None) -> Sequence[Revision]:
        """R-31: newest first, at most 100; with a name: one, or none."""
        raise NotImplementedError

    def revision(self, project_id: int, name: str | None = None) -> Revision:
        """One revision, the latest without a name. NotFoundError `revision name=… in project id=…`."""
        raise NotImplementedError

    def workflows(
        self, project_id: int, revision: str | None = None, name: str | None = None,
    ) -> Sequence[StoredWorkflow]:
        """R-43: the definitions of a revision (latest without its name), ids rising; with a name: one, or none.
        NotFoundError for an unknown project or revision."""
        raise NotImplementedError

    def workflow(self, workflow_id: int) -> StoredWorkflow:
        """R-42: any definition ever stored. NotFoundError `Resource does not exist: workflow id=…`."""
        raise NotImplementedError

    def all_workflows(
        self, last_id: int | None = None, count: int = 100, *, is_descending: bool = False, name_pattern: str = "",
        search_project_name: bool = False,
    ) -> Sequence[StoredWorkflow]:
        """R-41: definitions of the latest revisions of all live projects."""
        raise NotImplementedError
