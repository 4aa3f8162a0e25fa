"""Children of a written group are started: leaves go to workers, groups are born. And what a changed leaf asks for.

A repeat finds what is there, and looks at it instead (rule 7): so whoever finds a report already counted can do again
all that is unconfirmed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from skydag.app.births import Births
from skydag.app.endings import Endings
from skydag.app.flow import LOOK, Upward
from skydag.app.groups import Groups
from skydag.app.hands import Hands
from skydag.app.jobs import Jobs
from skydag.app.take_over import TakeOver
from skydag.engine import bits, paths
from skydag.engine.group import Group
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.engine.settle import Settled
from skydag.model.records import Protocol, replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Timers
from skydag.store.definitions import Definitions
from skydag.store.task_items import ACT, NOTHING
from skydag.store.tasks import TaskStore

JUST_NOW: Final = timedelta(seconds=2)  # a hand-over this young may still be under way: look again before repeating it
OWNER_PATIENCE: Final = timedelta(seconds=30)   # a small task lasts less; an owner silent for longer is taken for dead


class Look(Protocol):
    def __call__(self, attempt: Attempt, path: str, now: datetime, known: Group | None) -> Upward:
        """Settles a group that is there already, and does again what is missing. known: the group as just read."""


class HandOver:
    def __init__(self, *, groups: Groups, tasks: TaskStore, definitions: Definitions, births: Births,
                 take_over: TakeOver, jobs: Jobs, endings: Endings, timers: Timers, look: Look) -> None:
        self._groups, self._tasks, self._definitions = groups, tasks, definitions
        self._births, self._take_over, self._jobs, self._endings = births, take_over, jobs, endings
        self._timers, self._look = timers, look

    def __call__(self, attempt: Attempt, page: Page, group: Group, children: int, now: datetime, *,
                 is_repeat: bool = False, hands: Hands | None = None) -> Upward:
        """Starts these children. In a repeat those that are there already are only looked at. hands: keep the child
        whose owner this invocation is."""
        if not children:
            return []
        upward: Upward = []
        leaves: list[int] = []
        confirmed = children            # but those that have more to tell: whoever tells it may still die
        for ordinal in bits.each(children):
            if page.child(ordinal).is_group:
                told = self.open(attempt, page, group, ordinal, now, hands=hands, is_repeat=is_repeat)
                upward += told
                if told or (hands is not None and hands.job is not None):
                    confirmed &= ~(1 << ordinal)
            elif hands is not None and hands.owns(group, ordinal):
                if not is_repeat:
                    hands.job = self._jobs.job(attempt, page, group, ordinal, None)
                confirmed &= ~(1 << ordinal)
            else:
                leaves.append(ordinal)
        begun = self._take_over.begun(attempt, page, group) & children
        if begun or (is_repeat and leaves):
            at = {ordinal: paths.child(group.path, group.generation, ordinal) for ordinal in leaves
                  if is_repeat or bits.has(begun, ordinal)}
            there = self._tasks.leaves(attempt.id, at.values())
            for leaf in there.values():
                if told := self.leaf_changed(attempt, leaf, now):
                    upward += told
                    confirmed &= ~(1 << paths.ordinal(leaf.path))
            leaves = [ordinal for ordinal in leaves if at.get(ordinal) not in there]
        if is_repeat:
            leaves, owned = self._owned(group, leaves)
            if wait := self._too_early(group, leaves, owned, now):
                self._endings.look_later(group, now + wait, now)
                return upward
            for ordinal in owned:
                self._jobs.send_again(attempt, at[ordinal], None, now)
        self._jobs.send(attempt, page, group, leaves)
        self._groups.handed_over(group, confirmed)
        return upward

    def _owned(self, group: Group, leaves: list[int]) -> tuple[list[int], list[int]]:
        """(tasks that somebody may claim, the one that an invocation kept for itself)."""
        if group.owner is None or group.owner.ordinal not in leaves:
            return leaves, []
        return [ordinal for ordinal in leaves if ordinal != group.owner.ordinal], [group.owner.ordinal]

    def _too_early(self, group: Group, leaves: list[int], owned: list[int], now: datetime) -> timedelta | None:
        """How long to wait before these are handed over again, None: no longer."""
        age = now - group.updated_at
        if leaves and age < JUST_NOW:
            return JUST_NOW
        if owned and group.owner is not None and age < OWNER_PATIENCE and not self._groups.is_dead(group.owner.token):
            return OWNER_PATIENCE
        return None

    def leaf_changed(self, attempt: Attempt, leaf: Leaf, now: datetime, *, is_repeat: bool = True,
                     hands: Hands | None = None) -> Upward:
        """What a changed leaf asks for: done here, or (the report to its group) given back. is_repeat: it may have
        been done before."""
        if leaf.end is not None:
            return self._endings.of_leaf(leaf, leaf.end)
        if leaf.generated:
            return self.open_generated(attempt, leaf, now, hands=hands)
        if leaf.state in (State.RETRY_WAITING, State.READY):
            self._wake_later(attempt, leaf, now, is_repeat=is_repeat)
        return []

    def open(self, attempt: Attempt, page: Page, group: Group, ordinal: int, now: datetime, *,
             is_cancel_requested: bool = False, hands: Hands | None = None, is_repeat: bool = False) -> Upward:
        """A child group is born, its first children already started in the same write; if it is there, it is looked at
        (rule 7). is_repeat: it probably is; a read is cheaper than a write that is refused."""
        if is_repeat:
            path = paths.child(group.path, group.generation, ordinal, is_chunk=page.child(ordinal).is_chunk)
            if (there := self._tasks.group(attempt.id, path)) is not None:
                return self._there(attempt, there, now,
                                   is_cancel_requested=group.is_cancel_requested or is_cancel_requested)
        new = self._births.child(attempt, page, group, ordinal, now, is_cancel_requested=is_cancel_requested)
        if page.child(ordinal).is_chunk and not new.is_cancel_requested:
            return self._chunk_born(attempt, new, now)
        return self._born(attempt, new, now, hands)

    def _chunk_born(self, attempt: Attempt, new: Group, now: datetime) -> Upward:
        """Nothing of it is started yet: the stream settles it. Chunks lie in partitions of their own, so that many are
        handed over at once, where one caller would take seconds for ten thousand tasks."""
        if self._tasks.create_group(new, ACT) is None:
            return []
        return self._look(attempt, new.path, now, None)

    def open_generated(self, attempt: Attempt, leaf: Leaf, now: datetime, *, is_cancel_requested: bool = False,
                       hands: Hands | None = None) -> Upward:
        """The group of what a leaf's run generated exists through the leaf's result alone (rule 7); here it is born, or
        looked at."""
        there = self._tasks.group(attempt.id, leaf.path)
        if there is not None and there.generation >= leaf.run:
            if is_cancel_requested:
                self._groups.cancel(attempt.id, leaf.path, now)
            return self._look(attempt, leaf.path, now, there) if there.generation == leaf.run else []
        parent = self._groups.get(attempt.id, paths.parent(leaf.path))
        if parent.generation != paths.generation(leaf.path):
            return []
        page = self._definitions.page(attempt, parent.page)
        new = self._births.generated(attempt, page, parent, leaf, now, is_cancel_requested=is_cancel_requested)
        if there is None:
            return self._born(attempt, new, now, hands)
        generated = self._definitions.page(attempt, new.page)
        settled = self._take_over.settle(attempt, generated, replace(new, version=there.version + 1), [], now)
        settled = self._kept(attempt, generated, settled, hands)
        if self._tasks.replace_group(there, settled.group, NOTHING) is not None:
            return self.open_generated(attempt, leaf, now)
        return self._go_on(attempt, generated, settled, now, hands)

    def _born(self, attempt: Attempt, new: Group, now: datetime, hands: Hands | None) -> Upward:
        page = self._definitions.page(attempt, new.page)
        settled = self._kept(attempt, page, self._take_over.settle(attempt, page, new, [], now), hands)
        if settled.group.is_done:
            settled = replace(settled, group=replace(settled.group, due_at=None))
        found = self._tasks.create_group(settled.group, NOTHING)
        if found is not None:
            return self._there(attempt, found, now, is_cancel_requested=new.is_cancel_requested)
        return self._go_on(attempt, page, settled, now, hands)

    def _there(self, attempt: Attempt, found: Group, now: datetime, *, is_cancel_requested: bool) -> Upward:
        """It was born before, and may not know of a kill."""
        if is_cancel_requested and not found.is_cancel_requested:
            self._groups.cancel(attempt.id, found.path, now)
        return self._look(attempt, found.path, now, found)

    def _kept(self, attempt: Attempt, page: Page, born: Settled, hands: Hands | None) -> Settled:
        """The group with this invocation as owner of its first task, if it may have it."""
        if hands is None or born.is_partial:
            return born
        there = self._take_over.begun(attempt, page, born.group)
        return replace(born, group=hands.keep(page, None, born.group, there=there))

    def _go_on(self, attempt: Attempt, page: Page, settled: Settled, now: datetime, hands: Hands | None) -> Upward:
        born = settled.group
        if settled.is_partial:
            return [(born.path, LOOK)]
        return self(attempt, page, born, born.unconfirmed, now, hands=hands) + \
            self._endings(attempt, page, born, now, is_direct=False)

    def _wake_later(self, attempt: Attempt, leaf: Leaf, now: datetime, *, is_repeat: bool) -> None:
        if is_repeat:
            current = self._tasks.leaf(attempt.id, leaf.path)
            if current is None or (current.run, current.state) != (leaf.run, leaf.state):
                return
        if leaf.retry_at is not None and leaf.retry_at > now:
            self._timers.set(leaf.retry_at, now=now, message={
                "kind": "leaf", "attempt_id": attempt.id, "path": leaf.path, "run": leaf.run})
        else:
            self._jobs.send_again(attempt, leaf.path, leaf, now)
