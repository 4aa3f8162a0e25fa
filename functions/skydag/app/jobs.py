"""Leaves become jobs, and go to workers. A repeat is harmless: the claim is the fence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from skydag.app.flow import Flow
from skydag.app.groups import Groups
from skydag.app.job import Job
from skydag.engine import bits, paths
from skydag.engine.group import Group, number_of
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.model.session import Attempt
from skydag.ports import Dispatch
from skydag.store.definitions import Definitions
from skydag.store.tasks import TaskStore

SLICE: Final = 250                      # jobs handed over between two looks at what is left


class Jobs:
    def __init__(self, *, groups: Groups, tasks: TaskStore, definitions: Definitions, flow: Flow, dispatch: Dispatch,
                 is_direct: bool) -> None:
        self._groups, self._tasks, self._definitions, self._flow = groups, tasks, definitions, flow
        self._dispatch, self._is_direct = dispatch, is_direct

    def send(self, attempt: Attempt, page: Page, group: Group, leaves: Sequence[int]) -> None:
        """The first run of these children."""
        for start in range(0, len(leaves), SLICE):
            part = leaves[start:start + SLICE]
            self._dispatch.work([self._job(attempt, page, group, ordinal, None).to_json() for ordinal in part])

    def send_again(self, attempt: Attempt, path: str, leaf: Leaf | None) -> None:
        """A leaf that nobody claimed (leaf is None), or the next run of one that asks for it."""
        group = self._groups.get(attempt.id, paths.parent(path))
        ordinal = paths.ordinal(path)
        if paths.generation(path) == group.generation and bits.has(group.in_progress, ordinal):
            page = self._definitions.page(attempt, group.page)
            self._dispatch.work([self._job(attempt, page, group, ordinal, leaf).to_json()])

    def _job(self, attempt: Attempt, page: Page, group: Group, ordinal: int, leaf: Leaf | None) -> Job:
        child = page.child(ordinal)
        is_direct = self._is_direct and not page.is_wide
        return Job(
            attempt=attempt, path=paths.child(group.path, group.generation, ordinal), ordinal=ordinal, page=group.page,
            is_parent_wide=page.is_wide or page.is_chunk, number=number_of(page, group, ordinal),
            run=leaf.run + 1 if leaf else 1, name=child.full_name, config=child.config,
            export=self._flow.export(page, group, ordinal, child),
            inherit=self._tasks.inherit_pointer(attempt.id, group.inherit),
            stores=self._flow.before(page, group, ordinal),
            state=leaf.state_params if leaf else {}, lost=leaf.lost if leaf else 0, carry=leaf.carry if leaf else 0,
            started_at=leaf.started_at if leaf else None,
            group=group if is_direct else None)
