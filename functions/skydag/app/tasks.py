"""The rows of an attempt as people and REST see them (E-82, R-22): groups, their pages, and the leaves that have items.

Nothing is stored as a row: a task that nobody touched is known from its page and its group's sets. Old tries of groups
and of generating leaves are rows, too (E-53).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from skydag.app.flow import Flow
from skydag.engine import bits, paths
from skydag.engine.group import Group, number_of
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Child, Page
from skydag.model.ids import AttemptId, task_id
from skydag.model.params import Params, merge
from skydag.model.records import dataclass, field, replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.store import definitions, task_items
from skydag.store.definitions import Definitions
from skydag.store.tasks import TaskStore


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    id: int
    full_name: str
    parent_id: int | None
    config: Params                      # local, with _export put back
    upstreams: tuple[int, ...]
    state: State
    cancel_requested: bool
    export_params: Params
    store_params: Params
    state_params: Params
    updated_at: datetime
    retry_at: datetime | None
    started_at: datetime | None
    error: Params = field(default_factory=dict)
    is_group: bool = False
    number: int = 0
    path: str = ""
    output: str = ""
    has_stored: bool = False            # a leaf that left stores, or resets
    has_generated: bool = False         # a leaf whose last run generated tasks


class Rows:
    def __init__(self, tasks: TaskStore, definitions: Definitions) -> None:
        self._tasks, self._definitions, self._flow = tasks, definitions, Flow(tasks)

    def __call__(self, attempt: Attempt) -> list[TaskRow]:
        """All rows, by rising id."""
        return sorted(_Walk(attempt, self._tasks, self._definitions, self._flow).rows(), key=lambda row: row.id)


class _Walk:
    def __init__(self, attempt: Attempt, tasks: TaskStore, definitions: Definitions, flow: Flow) -> None:
        self.attempt, self.tasks, self.definitions, self.flow = attempt, tasks, definitions, flow
        self.groups: dict[str, Group] = {}
        self.past: dict[str, list[Group]] = {}
        self.leaves: dict[str, Leaf] = {}
        self.read: set[str] = set()

    def rows(self) -> Iterator[TaskRow]:
        self._read("")
        root = self.groups[""]
        page = self.definitions.page(self.attempt, root.page)
        top = Child(name=page.full_name, full_name=page.full_name, is_group=True, offset=0, config=page.config,
                    export=page.export)
        yield self._group_row(top, "", 1, None, (), root)
        yield from self._tries("", self._id(1))

    def _read(self, path: str) -> None:
        partition = paths.partition(path)
        if partition in self.read:
            return
        self.read.add(partition)
        for item in self.tasks.partition(self.attempt.id, path):
            record = self.tasks.parse(item)
            if isinstance(record, Group):
                self.groups[record.path] = record
            elif isinstance(record, Leaf):
                self.leaves[record.path] = record
            elif "was" in item:
                was = task_items.group_from(json.loads(item["was"]))
                self.past.setdefault(was.path, []).append(was)

    def _tries(self, path: str, parent_id: int) -> Iterator[TaskRow]:
        """The children of every try of the group at this path, oldest try first."""
        current = self.groups.get(path)
        if current is None:
            return
        for group in [*(g for g in self.past.get(path, ()) if g.generation != current.generation), current]:
            page = self.definitions.page(self.attempt, group.page)
            yield from self._children(page, group, parent_id)

    def _children(self, page: Page, group: Group, parent_id: int) -> Iterator[TaskRow]:
        ordinals = [*range(page.count), *(page.count + slot for slot in sorted(group.slots) if group.slots[slot])]
        numbers = {ordinal: number_of(page, group, ordinal) for ordinal in ordinals}
        for ordinal in ordinals:
            child = page.child(ordinal)
            path = paths.child(group.path, group.generation, ordinal, is_chunk=child.is_chunk)
            if child.is_chunk:
                self._read(path)
                chunk = self.groups.get(path)
                inner_ref = _page_ref(group, child)
                inner = self.definitions.page(self.attempt, inner_ref)
                yield from self._children(inner, chunk or _unborn(group, path, numbers[ordinal], inner_ref), parent_id)
                continue
            upstreams = tuple(self._id(numbers[u]) for u in bits.each(page.upstreams(ordinal)))
            yield from self._child(page, group, ordinal, path, numbers[ordinal], parent_id, upstreams)

    def _child(self, page: Page, group: Group, ordinal: int, path: str, number: int, parent_id: int,
               upstreams: tuple[int, ...]) -> Iterator[TaskRow]:
        child = page.child(ordinal)
        export = self.flow.export(page, group, ordinal, child)
        child = replace(child, export=export)
        if not child.is_group:
            yield self._leaf_row(child, group, ordinal, path, number, parent_id, upstreams)
            yield from self._tries(path, self._id(number))
            return
        own = self.groups.get(path)
        row = self._group_row(child, path, number, parent_id, upstreams, own)
        if own is None:
            row = replace(row, updated_at=group.updated_at, cancel_requested=group.is_cancel_requested)
            yield row
            inner_ref = _page_ref(group, child)
            inner = self.definitions.page(self.attempt, inner_ref)
            yield from self._children(inner, _unborn(group, path, number + 1, inner_ref), row.id)
            return
        yield row
        yield from self._tries(path, row.id)

    def _group_row(self, child: Child, path: str, number: int, parent_id: int | None, upstreams: tuple[int, ...],
                   group: Group | None) -> TaskRow:
        return TaskRow(
            id=self._id(number), full_name=child.full_name, parent_id=parent_id, config=_with_export(child),
            upstreams=upstreams, state=group.state if group else State.BLOCKED, is_group=True,
            cancel_requested=bool(group and group.is_cancel_requested), export_params=child.export, store_params={},
            state_params={"retry_count": group.retry_count} if group and group.retry_count else {},
            updated_at=group.updated_at if group else self.attempt.created_at,
            retry_at=group.retry_at if group else None, started_at=None, number=number, path=path)

    def _leaf_row(self, child: Child, group: Group, ordinal: int, path: str, number: int, parent_id: int,
                  upstreams: tuple[int, ...]) -> TaskRow:
        leaf = self.leaves.get(path)
        if leaf is not None and leaf.definition:
            child = replace(child, config=leaf.definition["config"], export=leaf.definition["export"])
        row = TaskRow(
            id=self._id(number), full_name=child.full_name, parent_id=parent_id, config=_with_export(child),
            upstreams=upstreams, state=_untouched(group, ordinal), cancel_requested=group.is_cancel_requested,
            export_params=child.export, store_params={}, state_params={}, updated_at=group.updated_at, retry_at=None,
            started_at=None, number=number, path=path)
        if leaf is None:
            return row
        own = self.groups.get(path)
        state = leaf.state
        if leaf.generated and state in (State.SUCCESS, State.ERROR):
            state = own.state if own is not None and own.generation == leaf.run else State.PLANNED
        elif own is not None and state is State.READY and own.state is State.GROUP_RETRY_WAITING:
            state = State.READY
        return replace(
            row, state=state, cancel_requested=row.cancel_requested or leaf.is_cancel_requested,
            export_params=merge(child.export, leaf.export), store_params=leaf.store.params if leaf.store else {},
            state_params=leaf.state_params, updated_at=max(leaf.updated_at, own.updated_at if own else leaf.updated_at),
            retry_at=leaf.retry_at, started_at=leaf.started_at, error=leaf.error, output=leaf.output,
            has_stored=leaf.store is not None, has_generated=bool(leaf.generated))

    def _id(self, number: int) -> int:
        return task_id(AttemptId(self.attempt.id), number)


def _untouched(group: Group, ordinal: int) -> State:
    """A leaf without an item: canceled by its group, handed over but not claimed, or never reached."""
    if bits.has(group.canceled, ordinal):
        return State.CANCELED
    return State.READY if bits.has(group.in_progress, ordinal) else State.BLOCKED


def _unborn(parent: Group, path: str, base: int, page: str) -> Group:
    """Stands for a group that was never reached: all its children are blocked."""
    return Group(attempt_id=parent.attempt_id, path=path, generation=0, page=page, base=base, inherit="",
                 state=State.BLOCKED, created_at=parent.created_at, updated_at=parent.updated_at,
                 is_cancel_requested=parent.is_cancel_requested)


def _page_ref(group: Group, child: Child) -> str:
    assert child.page is not None
    return definitions.ref(definitions.source_of(group.page), child.page)


def _with_export(child: Child) -> Mapping[str, Any]:
    return {**child.config, "_export": child.export} if child.export else child.config


def by_name(rows: Sequence[TaskRow]) -> dict[str, TaskRow]:
    """The newest row of each name."""
    return {row.full_name: row for row in rows}
