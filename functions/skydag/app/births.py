"""Groups as they are born: what they inherit is fixed here, their numbers, their page."""

from __future__ import annotations

from datetime import datetime

from skydag.app.flow import Flow
from skydag.app.groups import due_mark
from skydag.engine import paths
from skydag.engine.group import Group, number_of
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.model.params import apply_all, merge
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.store import definitions
from skydag.store.definitions import Definitions
from skydag.store.tasks import TaskStore


class Births:
    """Nothing here is written but what a group inherits, under a key that a repeat writes again. The root alone is born
    with a mark for `watch`, who gives one to groups that last: the index costs nothing for short ones."""

    def __init__(self, tasks: TaskStore, definitions: Definitions, flow: Flow) -> None:
        self._tasks, self._definitions, self._flow = tasks, definitions, flow

    def root(self, attempt: Attempt, now: datetime) -> Group:
        """Nothing of it is started yet (E-10)."""
        page = self._definitions.page(attempt, "0")
        params = merge(attempt.params, page.export)
        return Group(attempt_id=attempt.id, path="", generation=0, page="0", base=2, created_at=now, updated_at=now,
                     inherit=self._tasks.keep_inherit(attempt.id, "", 0, params),
                     due_at=min(due_mark(now), attempt.sla_at or due_mark(now)))

    def child(self, attempt: Attempt, page: Page, group: Group, ordinal: int, now: datetime, *,
              is_cancel_requested: bool) -> Group:
        """A group among the children of a group."""
        child = page.child(ordinal)
        assert child.page is not None
        path = paths.child(group.path, group.generation, ordinal, is_chunk=child.is_chunk)
        number = number_of(page, group, ordinal)
        if child.is_chunk:
            inherit = group.inherit
        else:
            params = apply_all(self._tasks.inherit(attempt.id, group.inherit), self._flow.before(page, group, ordinal))
            params = merge(params, self._flow.export(page, group, ordinal, child))
            inherit = self._tasks.keep_inherit(attempt.id, path, 0, params)
        return Group(
            attempt_id=attempt.id, path=path, generation=0, inherit=inherit, created_at=now, updated_at=now,
            page=definitions.ref(definitions.source_of(group.page), child.page),
            base=number if child.is_chunk else number + 1, is_parent_wide=page.is_wide,
            is_cancel_requested=group.is_cancel_requested or is_cancel_requested)

    def generated(self, attempt: Attempt, page: Page, parent: Group, leaf: Leaf, now: datetime, *,
                  is_cancel_requested: bool) -> Group:
        """The group of what a leaf's run generated. page, parent: where the leaf stands."""
        ordinal = paths.ordinal(leaf.path)
        params = apply_all(self._tasks.inherit(attempt.id, parent.inherit), self._flow.before(page, parent, ordinal))
        export = leaf.definition["export"] if leaf.definition else \
            self._flow.export(page, parent, ordinal, page.child(ordinal))
        params = merge(params, merge(export, leaf.export))      # with each other first: not associative (L-73)
        if leaf.store is not None:
            params = leaf.store.apply(params)
        return Group(
            attempt_id=attempt.id, path=leaf.path, generation=leaf.run, base=leaf.generated_first, created_at=now,
            updated_at=now, carry=leaf.carry,
            page=definitions.ref(definitions.generated_source(leaf.path, leaf.run), 0),
            inherit=self._tasks.keep_inherit(attempt.id, leaf.path, leaf.run, params),
            delayed=State.ERROR if leaf.state is State.ERROR else None, is_parent_wide=page.is_wide,
            retry_count=leaf.retry_count, is_cancel_requested=parent.is_cancel_requested or is_cancel_requested)
