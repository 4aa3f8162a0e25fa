"""What a group's state alone asks for: its end is told, a wait wants a timer, a leaf wants to run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from skydag.app.flow import Flow, Told, Upward
from skydag.app.jobs import Jobs
from skydag.engine import paths
from skydag.engine.group import End, Group
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.model.params import fused, merge
from skydag.model.records import replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Timers
from skydag.store.attempts import AttemptStore
from skydag.store.task_items import NOTHING
from skydag.store.tasks import TaskStore


class Endings:
    def __init__(self, *, tasks: TaskStore, attempts: AttemptStore, flow: Flow, jobs: Jobs, timers: Timers) -> None:
        self._tasks, self._attempts, self._flow, self._jobs, self._timers = tasks, attempts, flow, jobs, timers

    def __call__(self, attempt: Attempt, page: Page, group: Group, now: datetime, *, is_direct: bool) -> Upward:
        """Does it for this written group; what its parent is to be told comes back. A repeat is harmless."""
        if group.is_done:
            return self._tell_end(attempt, page, group, now, is_direct)
        if group.state is State.GROUP_RETRY_WAITING and group.retry_at is not None:
            if group.retry_at > now:
                self.look_later(group, group.retry_at, now)
            elif page.is_leaf:
                self._run_leaf_again(attempt, page, group, now)
        return []

    def look_later(self, group: Group, at: datetime, now: datetime) -> None:
        self._timers.set(at, now=now, message={"kind": "group", "attempt_id": group.attempt_id, "path": group.path})

    def of_leaf(self, leaf: Leaf, end: End) -> Upward:
        """What its group is told of a leaf that has ended."""
        stores, error = self._tasks.carry(leaf.attempt_id, leaf.path, leaf.carry)
        own = [leaf.store] if leaf.store and end is End.SUCCESS else []
        return _told(leaf.path, end, fused([*own, *stores]), merge(leaf.error, error))

    def _tell_end(self, attempt: Attempt, page: Page, group: Group, now: datetime, is_direct: bool) -> Upward:
        if not group.path:
            self._attempts.finish(attempt.id, success=group.state is State.SUCCESS, now=now)
            return []
        if is_direct and group.is_parent_wide:
            return []                                   # marked for the stream
        stores, error = self._flow.left(page, group)
        if page.is_leaf:
            leaf = self._tasks.leaf(attempt.id, group.path)
            if leaf is None or leaf.run != group.generation:
                return []                               # a newer run of the leaf speaks for itself
            if leaf.state is State.SUCCESS and leaf.store is not None:
                stores = fused([leaf.store, *stores])
            error = merge(leaf.error, error)
        end = group.end
        assert end is not None
        return _told(group.path, end, stores, error)

    def _run_leaf_again(self, attempt: Attempt, page: Page, group: Group, now: datetime) -> None:
        """E-51: a leaf whose generated tasks failed is dispatched anew, with one retry less."""
        leaf = self._tasks.leaf(attempt.id, group.path)
        if leaf is None or leaf.run != group.generation:
            return
        if leaf.state is State.SUCCESS and leaf.generated:
            stores, error = self._flow.left(page, group)
            self._tasks.keep_carry(group, stores, error)
            again = replace(leaf, state=State.READY, generated=0, store=None, export={}, updated_at=now,
                            carry=leaf.run + 1, state_params={**leaf.state_params, "retry_count": leaf.retry_count + 1})
            found = self._tasks.change(leaf, again, NOTHING)
            if found is not None and (found.run, found.state) != (again.run, again.state):
                return
            leaf = again
        if leaf.state is State.READY:
            self._jobs.send_again(attempt, leaf.path, leaf, now)


def _told(path: str, end: End, stores: Sequence[Any], error: Mapping[str, Any]) -> Upward:
    """What failed in an earlier try is told although a later one succeeded (E-61)."""
    told = Told(generation=paths.generation(path), ordinal=paths.ordinal(path), end=end, stores=stores, error=error)
    return [(paths.parent(path), told)]
