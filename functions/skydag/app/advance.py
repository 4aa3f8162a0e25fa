"""Store first, then act: reports go into groups, and what follows from a group's state is done.

`advance` takes what is known about some groups of one attempt, deepest first, and settles each with one conditional
write, however many children reported. Whoever dies in between loses nothing: the record (or message) that brought him
here comes again, finds its report already counted, and then everything unconfirmed is done again (design.md, rule 5).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from skydag.app.flow import Flow, Told
from skydag.app.job import Job
from skydag.engine import bits, paths
from skydag.engine.group import End, Group, number_of
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.engine.settle import Numbers, Settled, settle, sla_size, with_sla
from skydag.errors import LimitError, UnavailableError
from skydag.model.params import apply_all, fused, merge
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Dispatch, Put, Timers
from skydag.store import definitions
from skydag.store.attempts import AttemptStore
from skydag.store.definitions import Definitions
from skydag.store.task_items import ACT, NOTHING, SAFETY
from skydag.store.tasks import TaskStore

LOG = logging.getLogger(__name__)
TRIES: Final = 20                       # lost races on one group before the record is handed back to the stream
DUE_STEP: Final = timedelta(minutes=10)
HANDED_MAX: Final = 2_000
JUST_NOW: Final = timedelta(seconds=2)  # a hand-over this young may still be under way: look again before repeating it
SLICE: Final = 250                      # jobs handed over between two looks at what is left

Work = dict[str, list[Told]]            # by path of the group; an empty list: look at it
Upward = list[tuple[str, Told]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    task_limit: int = 10_000
    is_direct: bool = True              # direct continuation: the worker goes on himself where children are a sequence


class Advance:
    def __init__(
        self, *, tasks: TaskStore, definitions: Definitions, attempts: AttemptStore, dispatch: Dispatch, timers: Timers,
        settings: Settings,
    ) -> None:
        self.tasks, self.definitions, self.attempts = tasks, definitions, attempts
        self._dispatch, self._timers, self.settings = dispatch, timers, settings
        self.flow = Flow(tasks)
        self._attempts: dict[int, Attempt] = {}
        self._handed: dict[tuple[int, str, int], int] = {}

    def attempt(self, attempt_id: int) -> Attempt:
        """The attempt; what of it never changes may come from this process's memory."""
        known = self._attempts.get(attempt_id)
        if known is None:
            known = self.attempts.get(attempt_id)
            self.know(known)
        return known

    def know(self, attempt: Attempt) -> None:
        if len(self._attempts) >= HANDED_MAX:
            self._attempts.clear()
        self._attempts[attempt.id] = attempt

    # --- the ways in -------------------------------------------------------------------------------------------------

    def root_item(self, attempt: Attempt, now: datetime) -> Put:
        """The root's group as it is born, in the transaction that starts the attempt; nothing is started yet (E-10).
        With direct continuation whoever starts the attempt settles it at once, and the stream only looks after him."""
        page = self.definitions.page(attempt, "0")
        params = merge(attempt.params, page.export)
        root = Group(attempt_id=attempt.id, path="", generation=0, page="0", base=2, created_at=now, updated_at=now,
                     inherit=self.tasks.keep_inherit(attempt.id, "", 0, params),
                     due_at=min(self._mark(now), attempt.sla_at or self._mark(now)))
        return self.tasks.new_group(root, SAFETY if self.settings.is_direct else ACT)

    def root_born(self, attempt: Attempt, now: datetime) -> None:
        """What the one who started the attempt does next."""
        self.know(attempt)
        self.set_sla_timer(attempt, now)
        if self.settings.is_direct:
            self.advance(attempt, {"": []}, now)

    def advance(self, attempt: Attempt, work: Work, now: datetime, *, snapshot: Group | None = None,
                is_direct: bool = False) -> None:
        """Settles these groups and all that follows, deepest first. snapshot: a group as the caller knows it, perhaps
        out of date, so that it serves for its first write alone. is_direct: leave the ends of groups below wide parents
        to the stream."""
        todo = dict(work)
        while todo:
            path = max(todo, key=lambda p: (len(p), p))
            told = todo.pop(path)
            known = None
            if snapshot is not None and snapshot.path == path:
                known, snapshot = snapshot, None
            for parent, one in self._settle(attempt, path, told, now, known, is_direct):
                todo.setdefault(parent, []).append(one)

    def leaf_changed(self, attempt: Attempt, leaf: Leaf, now: datetime, *, is_repeat: bool = True) -> Work:
        """What a changed leaf asks for: done here, or (the report to its group) given back. is_repeat: it may have
        been done before."""
        if leaf.end is not None:
            stores, error = self.tasks.carry(attempt.id, leaf.path, leaf.carry)
            own = [leaf.store] if leaf.store and leaf.end is End.SUCCESS else []
            told = self._told(leaf.path, leaf.end, fused([*own, *stores]), merge(leaf.error, error))
            return {paths.parent(leaf.path): [told]}
        if leaf.generated:
            return _merged(self._open_leaf_group(attempt, leaf, now))
        if leaf.state in (State.RETRY_WAITING, State.READY):
            self._wake_later(attempt, leaf, now, is_repeat=is_repeat)
        return {}

    def timer(self, message: Mapping[str, Any], now: datetime) -> None:
        """A hint that something may be due; the item says whether it is (A-116)."""
        attempt = self.attempt(message["attempt_id"])
        if message["kind"] == "sla":
            self.sla_passed(attempt, now)
        elif message["kind"] == "group":
            self.advance(attempt, {message["path"]: []}, now)
        else:
            leaf = self.tasks.leaf(attempt.id, message["path"])
            if leaf is not None and leaf.run == message["run"]:
                self.advance(attempt, self.leaf_changed(attempt, leaf, now), now)

    def sla_passed(self, attempt: Attempt, now: datetime) -> None:
        """Adds the ^sla tasks to a root that is not done, once (S-94, S-96)."""
        if attempt.sla_at is None:
            return
        if attempt.sla_at > now:
            self.set_sla_timer(attempt, now)
            return
        for _ in range(TRIES):
            root = self._group(attempt, "")
            if root.is_done or root.is_cancel_requested:
                return
            page = self.definitions.page(attempt, root.page)
            if any(slot >= 2 for slot in root.slots):
                break
            first = self.attempts.take_task_numbers(attempt.id, sla_size(page), None)
            after = with_sla(page, root, Numbers(first=first))
            if self._write(root, after, now, NOTHING)[1] is None:
                break
        self.advance(attempt, {"": []}, now)

    def set_sla_timer(self, attempt: Attempt, now: datetime) -> None:
        if attempt.sla_at is not None:
            self._timers.set(attempt.sla_at, {"kind": "sla", "attempt_id": attempt.id}, now=now)

    def cancel(self, attempt: Attempt, path: str, now: datetime) -> None:
        """Flags a group; the stream carries it down, group by group (kill goes top-down, rule 8)."""
        for _ in range(TRIES):
            group = self.tasks.group(attempt.id, path)
            if group is None or group.is_done or group.is_cancel_requested:
                return
            if self._write(group, replace(group, is_cancel_requested=True), now, ACT)[1] is None:
                return
        raise UnavailableError(f"group {path!r} of attempt {attempt.id} does not come to rest")

    def dispatch_again(self, attempt: Attempt, path: str, leaf: Leaf | None, now: datetime) -> None:
        """Sends a leaf to a worker: one that nobody claimed (leaf is None), or the next run of one that asks for it."""
        group = self._group(attempt, paths.parent(path))
        ordinal = paths.ordinal(path)
        if paths.generation(path) == group.generation and bits.has(group.in_progress, ordinal):
            page = self.definitions.page(attempt, group.page)
            self._dispatch.work([self.job(attempt, page, group, ordinal, leaf).to_json()])

    def touch(self, group: Group, now: datetime, act: str) -> None:
        """Writes a group as it is, with its due mark moved on; a lost race does not matter."""
        self._write(group, group, now, act)

    def forget(self, group: Group, now: datetime) -> None:
        """A group that nobody waits for any more is not looked at again."""
        self._write(group, replace(group, due_at=None), now, NOTHING)

    # --- one group ---------------------------------------------------------------------------------------------------

    def _settle(self, attempt: Attempt, path: str, told: Sequence[Told], now: datetime, known: Group | None,
                is_direct: bool) -> Upward:
        group = known or self._group(attempt, path)
        for _ in range(TRIES):
            page = self.definitions.page(attempt, group.page)
            fresh = [t for t in told if t.generation == group.generation and not bits.has(group.done, t.ordinal)]
            if not group.is_done:
                self.flow.keep(page, group, fresh)
            settled = self._decided(attempt, page, group, told, now)
            after = settled.group
            if after == group:
                return self._again(attempt, page, group, now, is_direct, carry_on=settled.is_stale or not told)
            act = self._act(after, is_direct)
            written, found = self._write(group, after, now, act)
            if found is None:
                break
            group = found
        else:
            raise UnavailableError(f"group {path!r} of attempt {attempt.id} does not come to rest")
        news = after.unconfirmed if after.generation != group.generation else after.unconfirmed & ~group.unconfirmed
        upward = self._hand_over(attempt, page, written, news, now)
        if settled.is_stale:
            upward += self._hand_over(attempt, page, written, after.unconfirmed & ~news, now, is_repeat=True)
        if after.is_cancel_requested and not after.is_done: # also if the batch that flagged it holds news (rule 5)
            upward += self._pass_cancel_down(attempt, page, written, now)
        return upward + self._consequences(attempt, page, written, now, is_direct)

    @staticmethod
    def _act(group: Group, is_direct: bool) -> str:
        """The stream tells a wide parent of the end; a root's end is looked after, since nobody is above it."""
        if not group.is_done:
            return NOTHING
        return (ACT if is_direct and group.is_parent_wide else NOTHING) if group.path else SAFETY

    def _decided(self, attempt: Attempt, page: Page, group: Group, told: Sequence[Told], now: datetime) -> Settled:
        """settle, with the numbers it wants, and on through a retry that need not wait."""
        reports = [t.report for t in told]
        settled = settle(page, group, reports, now)
        if settled.wants and settled.group.state is State.PLANNED:
            settled = settle(page, group, reports, now, self._numbers(attempt, settled))
        after = settled.group
        is_over = after.retry_at is not None and after.retry_at <= now
        if after.state is not State.GROUP_RETRY_WAITING or not is_over or page.is_leaf:
            return settled
        stores, error = self.flow.left(page, after)
        self.tasks.keep_carry(after, stores, error)
        numbers = Numbers(first=self.attempts.take_task_numbers(attempt.id, page.size, None))
        return replace(settle(page, after, [], now, numbers), is_stale=settled.is_stale)

    def _numbers(self, attempt: Attempt, settled: Settled) -> Numbers:
        """E-121: ^error counts against the limit, the alert does not; beyond it ^error is skipped (E-65, K-20)."""
        if settled.limited:
            try:
                first = self.attempts.take_task_numbers(attempt.id, settled.wants, self.settings.task_limit)
                return Numbers(first=first)
            except LimitError as refused:
                LOG.warning("no ^error: the task limit is reached", extra={"action": "error_skipped",
                            "attempt_id": attempt.id, "reason": str(refused)})
        first = self.attempts.take_task_numbers(attempt.id, settled.wants, None)
        return Numbers(first=first, error_refused=bool(settled.limited))

    def _write(self, before: Group, after: Group, now: datetime, act: str) -> tuple[Group, Group | None]:
        """The one conditional write: what was written, and None, or the group that was there instead. What this process
        has handed over is no longer unconfirmed (rule 5)."""
        key = (before.attempt_id, before.path, after.generation)
        due_at = None if after.is_done else after.due_at
        if due_at is not None and due_at <= now:
            due_at = self._mark(now)
        handed = self._handed.get(key, 0) if after.generation == before.generation else 0
        written = replace(after, version=before.version + 1, updated_at=now, due_at=due_at,
                          unconfirmed=after.unconfirmed & ~(handed & before.unconfirmed))
        found = self.tasks.replace_group(before, written, act)
        if found is None and handed:
            self._handed.pop(key, None)
        return written, found

    def _consequences(self, attempt: Attempt, page: Page, group: Group, now: datetime, is_direct: bool) -> Upward:
        """What a group's state alone asks for: its end is told, a wait wants a timer, a leaf wants to run again."""
        if group.is_done:
            return self._tell_end(attempt, page, group, now, is_direct)
        if group.state is State.GROUP_RETRY_WAITING and group.retry_at is not None:
            if group.retry_at > now:
                self._timers.set(group.retry_at, now=now,
                                 message={"kind": "group", "attempt_id": attempt.id, "path": group.path})
            elif page.is_leaf:
                self._run_leaf_again(attempt, page, group, now)
        return []

    def _tell_end(self, attempt: Attempt, page: Page, group: Group, now: datetime, is_direct: bool) -> Upward:
        if not group.path:
            self.attempts.finish(attempt.id, success=group.state is State.SUCCESS, now=now)
            return []
        if is_direct and group.is_parent_wide:
            return []                                   # marked for the stream
        stores, error = self.flow.left(page, group)
        if page.is_leaf:
            leaf = self.tasks.leaf(attempt.id, group.path)
            if leaf is None or leaf.run != group.generation:
                return []                               # a newer run of the leaf speaks for itself
            if leaf.state is State.SUCCESS and leaf.store is not None:
                stores = fused([leaf.store, *stores])
            error = merge(leaf.error, error)
        end = group.end
        assert end is not None
        return [(paths.parent(group.path), self._told(group.path, end, stores, error if end is End.FAILED else {}))]

    def _told(self, path: str, end: End, stores: Sequence[Any], error: Mapping[str, Any]) -> Told:
        return Told(generation=paths.generation(path), ordinal=paths.ordinal(path), end=end, stores=stores,
                    error=error if end is End.FAILED else {})

    def _again(self, attempt: Attempt, page: Page, group: Group, now: datetime, is_direct: bool, *,
               carry_on: bool) -> Upward:
        """Nothing new here: do again whatever may be missing."""
        if not carry_on:
            return []
        upward = self._hand_over(attempt, page, group, group.unconfirmed & group.in_progress, now, is_repeat=True)
        if group.is_cancel_requested and not group.is_done:
            upward += self._pass_cancel_down(attempt, page, group, now)
        return upward + self._consequences(attempt, page, group, now, is_direct)

    # --- handing over ------------------------------------------------------------------------------------------------

    def _hand_over(self, attempt: Attempt, page: Page, group: Group, children: int, now: datetime, *,
                   is_repeat: bool = False) -> Upward:
        """Starts these children of a written group: leaves go to workers, groups are born. In a repeat those that are
        there already are only looked at."""
        if not children:
            return []
        upward: Upward = []
        leaves: list[int] = []
        for ordinal in bits.each(children):
            if page.child(ordinal).is_group:
                upward += self._open(attempt, page, group, ordinal, now)
            else:
                leaves.append(ordinal)
        if is_repeat and leaves:
            at = {ordinal: paths.child(group.path, group.generation, ordinal) for ordinal in leaves}
            there = self.tasks.leaves(attempt.id, at.values())
            for leaf in there.values():
                upward += _flat(self.leaf_changed(attempt, leaf, now))
            leaves = [ordinal for ordinal in leaves if at[ordinal] not in there]
            if leaves and now - group.updated_at < JUST_NOW:
                self._timers.set(now + JUST_NOW, now=now,
                                 message={"kind": "group", "attempt_id": attempt.id, "path": group.path})
                return upward
        for start in range(0, len(leaves), SLICE):
            part = leaves[start:start + SLICE]
            self._dispatch.work([self.job(attempt, page, group, ordinal, None).to_json() for ordinal in part])
        if len(self._handed) >= HANDED_MAX:
            self._handed.clear()
        key = (attempt.id, group.path, group.generation)
        self._handed[key] = self._handed.get(key, 0) | children
        return upward

    def job(self, attempt: Attempt, page: Page, group: Group, ordinal: int, leaf: Leaf | None) -> Job:
        child = page.child(ordinal)
        is_direct = self.settings.is_direct and not page.is_wide
        return Job(
            attempt=attempt, path=paths.child(group.path, group.generation, ordinal), ordinal=ordinal, page=group.page,
            is_parent_wide=page.is_wide or page.is_chunk, number=number_of(page, group, ordinal),
            run=leaf.run + 1 if leaf else 1, name=child.full_name, config=child.config,
            export=self.flow.export(page, group, ordinal, child),
            inherit=self.tasks.inherit_pointer(attempt.id, group.inherit),
            stores=self.flow.before(page, group, ordinal),
            state=leaf.state_params if leaf else {}, lost=leaf.lost if leaf else 0, carry=leaf.carry if leaf else 0,
            group=group if is_direct else None)

    def _open(self, attempt: Attempt, page: Page, group: Group, ordinal: int, now: datetime, *,
              is_cancel_requested: bool = False) -> Upward:
        """A child group is born, its first children already started in the same write; if it is there, it is looked at
        (rule 7). What it inherits is fixed here."""
        child = page.child(ordinal)
        assert child.page is not None
        path = paths.child(group.path, group.generation, ordinal, is_chunk=child.is_chunk)
        number = number_of(page, group, ordinal)
        if child.is_chunk:
            inherit = group.inherit
        else:
            params = apply_all(self.tasks.inherit(attempt.id, group.inherit), self.flow.before(page, group, ordinal))
            params = merge(params, self.flow.export(page, group, ordinal, child))
            inherit = self.tasks.keep_inherit(attempt.id, path, 0, params)
        new = Group(
            attempt_id=attempt.id, path=path, generation=0, inherit=inherit, created_at=now, updated_at=now,
            page=definitions.ref(definitions.source_of(group.page), child.page),
            due_at=None if child.is_chunk else self._mark(now),
            base=number if child.is_chunk else number + 1, is_parent_wide=page.is_wide,
            is_cancel_requested=group.is_cancel_requested or is_cancel_requested)
        return self._born(attempt, new, now)

    def _born(self, attempt: Attempt, new: Group, now: datetime) -> Upward:
        page = self.definitions.page(attempt, new.page)
        after = settle(page, new, [], now).group
        if after.is_done:
            after = replace(after, due_at=None)
        found = self.tasks.create_group(after, NOTHING)
        if found is not None:
            if new.is_cancel_requested and not found.is_cancel_requested:
                self.cancel(attempt, new.path, now)
            return self._settle(attempt, new.path, [], now, None, False)
        return self._hand_over(attempt, page, after, after.unconfirmed, now) + \
            self._consequences(attempt, page, after, now, False)

    # --- leaves that generated tasks ---------------------------------------------------------------------------------

    def _open_leaf_group(self, attempt: Attempt, leaf: Leaf, now: datetime, *,
                         is_cancel_requested: bool = False) -> Upward:
        """The group of what a leaf's run generated exists through the leaf's result alone (rule 7); here it is born, or
        looked at."""
        there = self.tasks.group(attempt.id, leaf.path)
        if there is not None and there.generation >= leaf.run:
            if is_cancel_requested:
                self.cancel(attempt, leaf.path, now)
            return self._settle(attempt, leaf.path, [], now, there, False) if there.generation == leaf.run else []
        parent = self._group(attempt, paths.parent(leaf.path))
        ordinal = paths.ordinal(leaf.path)
        if parent.generation != paths.generation(leaf.path):
            return []
        page = self.definitions.page(attempt, parent.page)
        params = apply_all(self.tasks.inherit(attempt.id, parent.inherit), self.flow.before(page, parent, ordinal))
        params = merge(merge(params, self.flow.export(page, parent, ordinal, page.child(ordinal))), leaf.export)
        if leaf.store is not None:
            params = leaf.store.apply(params)
        new = Group(
            attempt_id=attempt.id, path=leaf.path, generation=leaf.run, base=leaf.generated_first, created_at=now,
            updated_at=now, carry=leaf.carry,
            page=definitions.ref(definitions.generated_source(leaf.path, leaf.run), 0),
            inherit=self.tasks.keep_inherit(attempt.id, leaf.path, leaf.run, params), due_at=self._mark(now),
            delayed=State.ERROR if leaf.state is State.ERROR else None, is_parent_wide=page.is_wide,
            retry_count=leaf.retry_count, is_cancel_requested=parent.is_cancel_requested or is_cancel_requested)
        if there is None:
            return self._born(attempt, new, now)
        generated = self.definitions.page(attempt, new.page)
        after = settle(generated, replace(new, version=there.version + 1), [], now).group
        if self.tasks.replace_group(there, after, NOTHING) is not None:
            return self._open_leaf_group(attempt, leaf, now)
        return self._hand_over(attempt, generated, after, after.unconfirmed, now) + \
            self._consequences(attempt, generated, after, now, False)

    def _run_leaf_again(self, attempt: Attempt, page: Page, group: Group, now: datetime) -> None:
        """E-51: a leaf whose generated tasks failed is dispatched anew, with one retry less."""
        leaf = self.tasks.leaf(attempt.id, group.path)
        if leaf is None or leaf.run != group.generation:
            return
        if leaf.state is State.SUCCESS and leaf.generated:
            stores, error = self.flow.left(page, group)
            self.tasks.keep_carry(group, stores, error)
            again = replace(leaf, state=State.READY, generated=0, store=None, export={}, updated_at=now,
                            carry=leaf.run + 1, state_params={**leaf.state_params, "retry_count": leaf.retry_count + 1})
            found = self.tasks.change(leaf, again, NOTHING)
            if found is not None and (found.run, found.state) != (again.run, again.state):
                return
            leaf = again
        if leaf.state is State.READY:
            self.dispatch_again(attempt, leaf.path, leaf, now)

    def _wake_later(self, attempt: Attempt, leaf: Leaf, now: datetime, *, is_repeat: bool) -> None:
        if is_repeat:
            current = self.tasks.leaf(attempt.id, leaf.path)
            if current is None or (current.run, current.state) != (leaf.run, leaf.state):
                return
        if leaf.retry_at is not None and leaf.retry_at > now:
            self._timers.set(leaf.retry_at, now=now, message={
                "kind": "leaf", "attempt_id": attempt.id, "path": leaf.path, "run": leaf.run})
        else:
            self.dispatch_again(attempt, leaf.path, leaf, now)

    # --- kill --------------------------------------------------------------------------------------------------------

    def _pass_cancel_down(self, attempt: Attempt, page: Page, group: Group, now: datetime) -> Upward:
        upward: Upward = []
        leaves: dict[str, int] = {}
        for ordinal in bits.each(group.in_progress):
            child = page.child(ordinal)
            path = paths.child(group.path, group.generation, ordinal, is_chunk=child.is_chunk)
            if not child.is_group:
                leaves[path] = ordinal
            elif self.tasks.group(attempt.id, path) is None:
                upward += self._open(attempt, page, group, ordinal, now, is_cancel_requested=True)
            else:
                self.cancel(attempt, path, now)
        there = self.tasks.leaves(attempt.id, leaves)
        for path, ordinal in leaves.items():
            upward += self._cancel_leaf(attempt, path, there.get(path), number_of(page, group, ordinal), now)
        return upward

    def _cancel_leaf(self, attempt: Attempt, path: str, leaf: Leaf | None, number: int, now: datetime) -> Upward:
        for _ in range(TRIES):
            if leaf is None:
                unborn = Leaf(attempt_id=attempt.id, path=path, number=number, run=0, token="", state=State.CANCELED,
                              started_at=None, updated_at=now)
                found = self.tasks.cancel_unborn(unborn)
            elif leaf.state is State.RUNNING:
                found = None if leaf.is_cancel_requested else self.tasks.change(
                    leaf, replace(leaf, is_cancel_requested=True, updated_at=now), NOTHING)
                if found is None and leaf.container:
                    self._dispatch.stop_container(leaf.container, "killed")
            elif leaf.state in (State.RETRY_WAITING, State.READY):
                found = self.tasks.change(leaf, replace(leaf, state=State.CANCELED, retry_at=None, updated_at=now), ACT)
            elif leaf.generated:
                if self.tasks.group(attempt.id, path) is None:
                    return self._open_leaf_group(attempt, leaf, now, is_cancel_requested=True)
                self.cancel(attempt, path, now)
                return []
            else:
                return []                               # it has ended, and its own record tells
            if found is None:
                return []
            leaf = found
        raise UnavailableError(f"task {path!r} of attempt {attempt.id} does not come to rest")

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _group(self, attempt: Attempt, path: str) -> Group:
        group = self.tasks.group(attempt.id, path)
        if group is None:
            raise UnavailableError(f"group {path!r} of attempt {attempt.id} cannot be read yet")
        return group

    @staticmethod
    def _mark(now: datetime) -> datetime:
        """The coarse due mark: one to two steps away, so that it moves once in ten minutes and not per task."""
        step = int(DUE_STEP.total_seconds())
        seconds = (int(now.timestamp()) // step + 2) * step
        return datetime.fromtimestamp(seconds, tz=now.tzinfo)


def _merged(upward: Iterable[tuple[str, Told]]) -> Work:
    work: Work = {}
    for path, one in upward:
        work.setdefault(path, []).append(one)
    return work


def _flat(work: Work) -> Upward:
    return [(path, one) for path, told in work.items() for one in told]
