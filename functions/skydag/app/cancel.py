"""A kill goes down, one level at a time: an upsert over started children, whether or not they have items (rule 8)."""

from __future__ import annotations

from datetime import datetime

from skydag.app.flow import Upward
from skydag.app.groups import TRIES, Groups
from skydag.app.handover import HandOver
from skydag.engine import bits, paths
from skydag.engine.group import Group, number_of
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.errors import UnavailableError
from skydag.model.records import replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Dispatch
from skydag.store.task_items import ACT, NOTHING
from skydag.store.tasks import TaskStore


class Cancel:
    def __init__(self, *, groups: Groups, tasks: TaskStore, hand_over: HandOver, dispatch: Dispatch) -> None:
        self._groups, self._tasks, self._hand_over, self._dispatch = groups, tasks, hand_over, dispatch

    def __call__(self, attempt: Attempt, page: Page, group: Group, now: datetime) -> Upward:
        """Passes a flagged group's flag on to its children in progress; a repeat finds them flagged."""
        upward: Upward = []
        leaves: dict[str, int] = {}
        for ordinal in bits.each(group.in_progress):
            child = page.child(ordinal)
            path = paths.child(group.path, group.generation, ordinal, is_chunk=child.is_chunk)
            if not child.is_group:
                leaves[path] = ordinal
            elif self._tasks.group(attempt.id, path) is None:
                upward += self._hand_over.open(attempt, page, group, ordinal, now, is_cancel_requested=True)
            else:
                self._groups.cancel(attempt.id, path, now)
        there = self._tasks.leaves(attempt.id, leaves)
        for path, ordinal in leaves.items():
            upward += self._leaf(attempt, path, there.get(path), number_of(page, group, ordinal), now)
        return upward

    def _leaf(self, attempt: Attempt, path: str, leaf: Leaf | None, number: int, now: datetime) -> Upward:
        for _ in range(TRIES):
            if leaf is None:
                unborn = Leaf(attempt_id=attempt.id, path=path, number=number, run=0, token="", state=State.CANCELED,
                              started_at=None, updated_at=now)
                found = self._tasks.cancel_unborn(unborn)
            elif leaf.state is State.RUNNING:
                found = self._running(leaf, now)
            elif leaf.state in (State.RETRY_WAITING, State.READY):
                found = self._tasks.change(
                    leaf, replace(leaf, state=State.CANCELED, retry_at=None, updated_at=now), ACT)
            elif leaf.generated:
                if self._tasks.group(attempt.id, path) is None:
                    return self._hand_over.open_generated(attempt, leaf, now, is_cancel_requested=True)
                self._groups.cancel(attempt.id, path, now)
                return []
            else:
                return []                               # it has ended, and its own record tells
            if found is None:
                return []
            leaf = found
        raise UnavailableError(f"task {path!r} of attempt {attempt.id} does not come to rest")

    def _running(self, leaf: Leaf, now: datetime) -> Leaf | None:
        """None when it is flagged; else the leaf that it has become."""
        found = None if leaf.is_cancel_requested else self._tasks.change(
            leaf, replace(leaf, is_cancel_requested=True, updated_at=now), NOTHING)
        if found is None and leaf.container:
            self._dispatch.stop_container(leaf.container, "killed")
        return found
