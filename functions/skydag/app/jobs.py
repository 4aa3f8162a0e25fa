"""Leaves become jobs, and go to workers. A repeat is harmless: the claim is the fence.

Where tasks in flight are limited, a leaf is sent only once it has a seat (app/flights.py); the others are left to those
who free seats (app/turns.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from skydag.app.flights import Flights
from skydag.app.flow import Flow
from skydag.app.groups import Groups
from skydag.app.job import Job
from skydag.engine import bits, paths
from skydag.engine.group import Group, number_of
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.model.records import replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Dispatch
from skydag.store.definitions import Definitions
from skydag.store.flights import WORK
from skydag.store.tasks import TaskStore

SLICE: Final = 250                      # jobs handed over between two looks at what is left


class Jobs:
    def __init__(self, *, groups: Groups, tasks: TaskStore, definitions: Definitions, flow: Flow, dispatch: Dispatch,
                 is_direct: bool, flights: Flights, cleans_up: Callable[[Mapping[str, Any]], bool]) -> None:
        self._groups, self._tasks, self._definitions, self._flow = groups, tasks, definitions, flow
        self._dispatch, self._is_direct, self._flights = dispatch, is_direct, flights
        self.cleans_up = cleans_up

    def send(self, attempt: Attempt, page: Page, group: Group, leaves: Sequence[int]) -> None:
        """The first run of these children."""
        for start in range(0, len(leaves), SLICE):
            self._send(attempt, page, group, dict.fromkeys(leaves[start:start + SLICE]))

    def send_again(self, attempt: Attempt, path: str, leaf: Leaf | None, now: datetime) -> None:
        """A leaf that nobody claimed (leaf is None), or the next run of one that asks for it."""
        group = self._groups.get(attempt.id, paths.parent(path))
        ordinal = paths.ordinal(path)
        if paths.generation(path) == group.generation and bits.has(group.in_progress, ordinal):
            page = self._definitions.page(attempt, group.page)
            if leaf is None and group.owner is not None and group.owner.ordinal == ordinal:
                leaf = self._fenced(page, group, now)
                if leaf is None:
                    return
            self._send(attempt, page, group, {ordinal: leaf})

    def clean_up(self, attempt: Attempt, leaf: Leaf) -> None:
        """A task was canceled that had run: its operator is called once more, if it wants that. The stream alone asks
        for it, and a record that comes again calls it again; nothing waits for it."""
        if not leaf.run or not leaf.parent_page:
            return
        page, ordinal = self._definitions.page(attempt, leaf.parent_page), paths.ordinal(leaf.path)
        if not self.cleans_up(page.child(ordinal).config):
            return
        group = self._groups.get(attempt.id, paths.parent(leaf.path))
        if paths.generation(leaf.path) == group.generation:
            job = replace(self.job(attempt, page, group, ordinal, leaf), group=None, is_cleanup=True)
            self._dispatch.work([job])

    def fly(self, attempt: Attempt, page: Page, group: Group, ordinal: int, leaf: Leaf | None, seat: str) -> None:
        """The next run of this leaf, which has that seat."""
        self._dispatch.work([self.job(attempt, page, group, ordinal, leaf, seat)])

    def _send(self, attempt: Attempt, page: Page, group: Group, leaves: Mapping[int, Leaf | None]) -> None:
        if not self._flights.limit(WORK):
            self._dispatch.work([self.job(attempt, page, group, ordinal, leaf)
                                 for ordinal, leaf in leaves.items()])
            return
        left = self._seated(attempt, page, group, leaves)
        if left:
            self._flights.wait(WORK, attempt.id, group.path)
            self._seated(attempt, page, group, left)        # a seat may have become free before anybody could see us

    def _seated(self, attempt: Attempt, page: Page, group: Group,
                leaves: Mapping[int, Leaf | None]) -> dict[int, Leaf | None]:
        """Sends those for whom there is a seat; the others."""
        at = {ordinal: paths.child(group.path, group.generation, ordinal) for ordinal in leaves}
        seats = self._flights.take(WORK, attempt.id, {
            at[ordinal]: leaf.run + 1 if leaf else 1 for ordinal, leaf in leaves.items()})
        jobs = [self.job(attempt, page, group, ordinal, leaf, seats[at[ordinal]])
                for ordinal, leaf in leaves.items() if at[ordinal] in seats]
        if jobs:
            self._dispatch.work(jobs)
        return {ordinal: leaf for ordinal, leaf in leaves.items() if at[ordinal] not in seats}

    def _fenced(self, page: Page, group: Group, now: datetime) -> Leaf | None:
        """The task that a dead owner kept for himself, as it now stands: run 1 is lost, run 2 may go out. None if its
        result is there after all, or a kill: that record speaks for itself (rule 9)."""
        assert group.owner is not None
        ordinal = group.owner.ordinal
        lost = Leaf(attempt_id=group.attempt_id, path=paths.child(group.path, group.generation, ordinal), run=1,
                    number=number_of(page, group, ordinal), token=group.owner.token, state=State.READY,
                    started_at=now, updated_at=now, parent_page=group.page)
        found = self._tasks.fence(lost)
        if found is None:
            return lost
        return found if found.state is State.READY else None

    def job(self, attempt: Attempt, page: Page, group: Group, ordinal: int, leaf: Leaf | None, seat: str = "") -> Job:
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
            started_at=leaf.started_at if leaf else None, seat=seat,
            group=group if is_direct else None)
