"""Store first, then act: reports go into groups, and what follows from a group's state is done.

`advance` takes what is known about some groups of one attempt, deepest first, and settles each with one conditional
write, however many children reported. Whoever dies in between loses nothing: the record (or message) that brought him
here comes again, finds its report already counted, and then everything unconfirmed is done again (design.md, rule 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from skydag.app.births import Births
from skydag.app.cancel import Cancel
from skydag.app.endings import Endings
from skydag.app.flights import Flights
from skydag.app.flow import LOOK, Flow, Told, Upward
from skydag.app.groups import TRIES, Groups
from skydag.app.handover import HandOver
from skydag.app.hands import Hands
from skydag.app.jobs import Jobs
from skydag.app.log import logger
from skydag.app.sla import Sla
from skydag.app.take_over import TakeOver
from skydag.app.turns import Turns
from skydag.engine import bits, owner
from skydag.engine.group import Group
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.engine.settle import Numbers, Settled, settle
from skydag.errors import LimitError, UnavailableError
from skydag.model.records import dataclass, replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Dispatch, Put, Timers
from skydag.store.attempts import AttemptStore
from skydag.store.definitions import Definitions
from skydag.store.resumes import Resumes
from skydag.store.task_items import ACT, NOTHING, SAFETY
from skydag.store.tasks import TaskStore

LOG = logger(__name__)

Work = dict[str, list[Told]]            # by path of the group; an empty list: look at it


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    task_limit: int = 10_000
    is_direct: bool = True              # direct continuation: the worker goes on himself where children are a sequence
    is_fused: bool = True               # and runs small tasks himself, one after another, in the same call of `work`
    is_inline: bool = True              # `advance`, too, runs the small task that became ready
    attempt_ttl: timedelta = timedelta(days=7)      # E-123: what lasts longer is killed
    task_ttl: timedelta = timedelta(days=1)
    tasks_in_flight: int = 0            # most at once, 0: no limit (app/flights.py)
    containers_in_flight: int = 0


class Advance:
    def __init__(
        self, *, tasks: TaskStore, definitions: Definitions, attempts: AttemptStore, resumes: Resumes,
        dispatch: Dispatch, timers: Timers, flights: Flights, settings: Settings,
        cleans_up: Callable[[Mapping[str, Any]], bool] = lambda _: False,
    ) -> None:
        """cleans_up: whether the operator that a task's own text names wants to be called when it was canceled."""
        self.tasks, self.definitions, self.attempts, self.settings = tasks, definitions, attempts, settings
        self.resumes = resumes
        self.groups, self.flow = Groups(tasks, attempts), Flow(tasks)
        self.jobs = Jobs(groups=self.groups, tasks=tasks, definitions=definitions, flow=self.flow, dispatch=dispatch,
                         is_direct=settings.is_direct, flights=flights, cleans_up=cleans_up)
        self.turns = Turns(flights=flights, groups=self.groups, tasks=tasks, definitions=definitions, jobs=self.jobs)
        self._births = Births(tasks, definitions, self.flow)
        self._take_over = TakeOver(groups=self.groups, tasks=tasks, definitions=definitions, attempts=attempts,
                                   flow=self.flow, resumes=resumes)
        self._endings = Endings(tasks=tasks, attempts=attempts, flow=self.flow, jobs=self.jobs, timers=timers)
        self._hand_over = HandOver(groups=self.groups, tasks=tasks, definitions=definitions, births=self._births,
                                   take_over=self._take_over, jobs=self.jobs, endings=self._endings, timers=timers,
                                   look=self._look)
        self._cancel = Cancel(groups=self.groups, tasks=tasks, hand_over=self._hand_over, dispatch=dispatch)
        self._sla = Sla(groups=self.groups, definitions=definitions, attempts=attempts, timers=timers)

    def attempt(self, attempt_id: int) -> Attempt:
        """The attempt; what of it never changes may come from this process's memory."""
        return self.groups.attempt(attempt_id)

    # --- the ways in -------------------------------------------------------------------------------------------------

    def root_item(self, attempt: Attempt, now: datetime) -> Put:
        """The root's group as it is born, in the transaction that starts the attempt; nothing is started yet (E-10).
        With direct continuation whoever starts the attempt settles it at once, and the stream only looks after him;
        but what is taken over may be much, and nobody waits for it."""
        return self.tasks.new_group(self._births.root(attempt, now), SAFETY if self._goes_on(attempt) else ACT)

    def root_born(self, attempt: Attempt, now: datetime) -> None:
        """What the one who started the attempt does next."""
        self.groups.know(attempt)
        self._sla.set_timer(attempt, now)
        if self._goes_on(attempt):
            self.advance(attempt, {"": []}, now)

    def _goes_on(self, attempt: Attempt) -> bool:
        return self.settings.is_direct and attempt.resume is None

    def advance(self, attempt: Attempt, work: Work, now: datetime, *, snapshot: Group | None = None,
                is_direct: bool = False, hands: Hands | None = None) -> None:
        """Settles these groups and all that follows, deepest first. snapshot: a group as the caller knows it, perhaps
        out of date, so that it serves for its first write alone. is_direct: leave the ends of groups below wide parents
        to the stream. hands: the caller runs the task that they hold afterwards."""
        todo = dict(work)
        while todo:
            path = max(todo, key=lambda p: (len(p), p))
            told = todo.pop(path)
            known = None
            if snapshot is not None and snapshot.path == path:
                known, snapshot = snapshot, None
            for parent, one in self._settle(attempt, path, told, now, known, is_direct, hands):
                todo.setdefault(parent, []).append(one)

    def leaf_changed(self, attempt: Attempt, leaf: Leaf, now: datetime, *, is_repeat: bool = True,
                     hands: Hands | None = None) -> Work:
        """What a changed leaf asks for: done here, or (the report to its group) given back. is_repeat: it may have
        been done before."""
        return _by_group(self._hand_over.leaf_changed(attempt, leaf, now, is_repeat=is_repeat, hands=hands))

    def start_again(self, attempt: Attempt, page: Page, group: Group, ordinal: int, now: datetime) -> Work:
        """A started child that is not there, whoever was to hand it over."""
        return _by_group(self._hand_over(attempt, page, group, 1 << ordinal, now, is_repeat=True))

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
        if self._sla.is_added(attempt, now):
            self.advance(attempt, {"": []}, now)

    # --- one group ---------------------------------------------------------------------------------------------------

    def _look(self, attempt: Attempt, path: str, now: datetime, known: Group | None) -> Upward:
        return self._settle(attempt, path, [], now, known, False, None)

    def _settle(self, attempt: Attempt, path: str, told: Sequence[Told], now: datetime, known: Group | None,
                is_direct: bool, hands: Hands | None) -> Upward:
        group = known or self.groups.get(attempt.id, path)
        for _ in range(TRIES):
            page = self.definitions.page(attempt, group.page)
            fresh = [t for t in told if t.generation == group.generation and not bits.has(group.done, t.ordinal)]
            if not group.is_done:
                self.flow.keep(page, group, fresh)
            settled = self._decided(attempt, page, group, told, now)
            after = settled.group
            if after == group:
                return self._again(attempt, page, group, now, is_direct, carry_on=settled.is_stale or not told)
            if hands is not None and not settled.is_partial:
                after = hands.keep(page, group, after, there=self._take_over.begun(attempt, page, group))
            written, found = self.groups.write(group, after, now, _act(after, is_direct))
            if found is None and settled.is_partial:
                return [(path, LOOK)]
            if found is None:
                break
            group = found
        else:
            raise UnavailableError(f"group {path!r} of attempt {attempt.id} does not come to rest")
        news = owner.news(group, after)
        upward = self._hand_over(attempt, page, written, news, now, hands=hands)
        if settled.is_stale:
            upward += self._hand_over(attempt, page, written, after.unconfirmed & ~news, now, is_repeat=True)
        if after.is_cancel_requested and not after.is_done: # also if the batch that flagged it holds news (rule 5)
            upward += self._cancel(attempt, page, written, now)
        return upward + self._endings(attempt, page, written, now, is_direct=is_direct)

    def _decided(self, attempt: Attempt, page: Page, group: Group, told: Sequence[Told], now: datetime) -> Settled:
        """settle, with the numbers it wants, and on through a retry that need not wait."""
        reports = [t.report for t in told]
        settled = self._take_over.settle(attempt, page, group, reports, now)
        if settled.wants and settled.group.state is State.PLANNED:
            settled = self._take_over.settle(attempt, page, group, reports, now, self._numbers(attempt, settled))
        after = settled.group
        is_over = after.retry_at is not None and after.retry_at <= now
        if after.state is not State.GROUP_RETRY_WAITING or not is_over or page.is_leaf or after.in_progress:
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

    def _again(self, attempt: Attempt, page: Page, group: Group, now: datetime, is_direct: bool, *,
               carry_on: bool) -> Upward:
        """Nothing new here: do again whatever may be missing."""
        if not carry_on:
            return []
        upward = self._hand_over(attempt, page, group, group.unconfirmed & group.in_progress, now, is_repeat=True)
        if group.is_cancel_requested and not group.is_done:
            upward += self._cancel(attempt, page, group, now)
        return upward + self._endings(attempt, page, group, now, is_direct=is_direct)


def _act(group: Group, is_direct: bool) -> str:
    """The stream tells a wide parent of the end; a root's end is looked after, since nobody is above it."""
    if not group.is_done:
        return NOTHING
    return (ACT if is_direct and group.is_parent_wide else NOTHING) if group.path else SAFETY


def _by_group(upward: Iterable[tuple[str, Told]]) -> Work:
    work: Work = {}
    for path, one in upward:
        work.setdefault(path, []).append(one)
    return work
