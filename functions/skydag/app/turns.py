"""Whose turn it is: a seat that becomes free goes to the attempt that has the fewest, among those that wait.

So every attempt gets on as fast as any other, whatever their sizes (max-min fair), and nothing is remembered for it:
the seats themselves say who has how many. One write passes a seat from the run that has ended to the next; then that
one is sent. Who dies in between is followed by one who does both again (an event of the dead call), or by `watch`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from skydag.app.dice import Dice
from skydag.app.flights import Flights
from skydag.app.groups import Groups
from skydag.app.jobs import Jobs
from skydag.app.log import logger
from skydag.engine import bits, paths
from skydag.engine.group import Group
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.model.records import dataclass, replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.store.definitions import Definitions
from skydag.store.flights import KINDS, WORK, Seat, Waiting, named
from skydag.store.tasks import TaskStore

LOG = logger(__name__)
UNCLAIMED_MAX: Final = timedelta(minutes=2)     # a run that was sent and that nobody claimed for so long is sent again
INVOCATION_MAX: Final = timedelta(minutes=16)   # longer than any function runs
LOOKS: Final = (3, 22, 75)                      # children looked at together, until one is found; then 75 at a time

Taken = Mapping[int, Seat]


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """A task that waits for a seat."""

    attempt: Attempt
    page: Page
    group: Group
    ordinal: int
    leaf: Leaf | None                           # None: its first run

    def seated(self, kind: str, number: int, flights: Flights) -> Seat:
        path = paths.child(self.group.path, self.group.generation, self.ordinal)
        return Seat(kind=kind, number=number, attempt_id=self.attempt.id, path=path, since=flights.now(),
                    run=self.leaf.run + 1 if self.leaf else 1)


class Turns:
    def __init__(self, *, flights: Flights, groups: Groups, tasks: TaskStore, definitions: Definitions,
                 jobs: Jobs) -> None:
        self._flights, self._store = flights, flights.store
        self._groups, self._tasks, self._definitions, self._jobs = groups, tasks, definitions, jobs

    # --- a run is over -----------------------------------------------------------------------------------------------

    def over(self, leaf: Leaf, *, is_repeat: bool) -> None:
        """The run that had this leaf's seat has ended, whatever became of it. is_repeat: this may have been said
        before, by somebody who died."""
        self.leave(leaf.seat, leaf.attempt_id, leaf.path, leaf.run, is_repeat=is_repeat)

    def unused(self, name: str, run: int, found: Leaf, *, is_repeat: bool) -> None:
        """A seat of a run that does not need it, since its task has become `found`; unless it is the very run that
        has it."""
        if not (found.run == run and found.seat == name and found.state is State.RUNNING):
            self.leave(name, found.attempt_id, found.path, run, is_repeat=is_repeat)

    def leave(self, name: str, attempt_id: int, path: str, run: int, *, is_repeat: bool) -> None:
        """name: a seat of this run, "" for none."""
        if name:
            seat = named(name, attempt_id, path, run, self._flights.now())
            if is_repeat:
                self._again(seat)
            else:
                self._free(seat)

    def _free(self, seat: Seat) -> None:
        if seat.kind == WORK and self._store.waiting(WORK):
            taken = dict(self._store.taken(WORK))
            there = taken.pop(seat.number, None)
            if there is None or not there.is_of(seat):
                return
            if seat.number < self._flights.limit(WORK) and (following := self._next(taken)) is not None:
                after = following.seated(WORK, seat.number, self._flights)
                if self._store.pass_on(there, after):
                    self._send(following, after)
                return                          # else somebody else has passed it on
        if self._store.give_back(seat) and seat.kind == WORK and self._store.waiting(WORK):
            self._fill()                        # it came while the seat was not free yet

    def _again(self, seat: Seat) -> None:
        """As _free, by one who may have done so: whoever got the seat may not have been sent yet."""
        there = self._store.taken(seat.kind).get(seat.number)
        if there is not None and there.is_of(seat):
            self._free(seat)
        elif there is not None:
            self._send_again(there, self._tasks.leaf(there.attempt_id, there.path))
        elif seat.kind == WORK:
            self._fill()

    # --- seats that are free -----------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Free seats go to those who wait."""
        taken = dict(self._store.taken(WORK))
        for number in range(self._flights.limit(WORK)):
            if number in taken:
                continue
            following = self._next(taken)
            if following is None:
                return
            seat = following.seated(WORK, number, self._flights)
            if self._store.take(seat):
                taken[number] = seat
                self._send(following, seat)
            else:
                taken = dict(self._store.taken(WORK))

    def _send(self, following: Next, seat: Seat) -> None:
        self._jobs.fly(following.attempt, following.page, following.group, following.ordinal, following.leaf, seat.name)

    def _send_again(self, seat: Seat, leaf: Leaf | None) -> bool:
        """The run that has this seat, if nobody has claimed it. False: it is not to run."""
        if not _is_unclaimed(seat, leaf):
            return False
        group = self._tasks.group(seat.attempt_id, paths.parent(seat.path))
        ordinal = paths.ordinal(seat.path)
        if group is None or group.generation != paths.generation(seat.path) or not bits.has(group.in_progress, ordinal):
            return False
        attempt = self._groups.attempt(seat.attempt_id)
        self._jobs.fly(attempt, self._definitions.page(attempt, group.page), group, ordinal, leaf, seat.name)
        return True

    # --- who is next -------------------------------------------------------------------------------------------------

    def _next(self, taken: Taken) -> Next | None:
        """taken: the seats of all others."""
        dice, has = self._flights.dice(), Counter(seat.attempt_id for seat in taken.values())
        attempts = dice.shuffled(self._store.waiting(WORK), lambda row: row.attempt_id)
        for row in sorted(attempts, key=lambda row: has[row.attempt_id]):
            groups = dice.shuffled(self._store.groups(row), lambda group: group.path)
            if not groups:
                self._store.forget(row)
            for group in groups:
                try:
                    found = self._next_of(group, taken, dice)
                except Exception:               # one that cannot be looked at never holds up another (G-10)
                    LOG.exception("who waits cannot be looked at", extra={
                        "action": "turn_failed", "attempt_id": row.attempt_id, "path": group.path})
                    continue
                if found is not None:
                    return found
        return None

    def _next_of(self, row: Waiting, taken: Taken, dice: Dice) -> Next | None:
        """One task of this group that waits. None: none does, and the row is gone, unless it was put anew."""
        assert row.path is not None
        group = self._tasks.group(row.attempt_id, row.path)
        if group is not None and not group.is_done and not group.is_cancel_requested:
            attempt = self._groups.attempt(row.attempt_id)
            page = self._definitions.page(attempt, group.page)
            seated = {(seat.path, seat.run) for seat in taken.values() if seat.attempt_id == row.attempt_id}
            for ordinal, path, leaf in self._looked(page, group, {path for path, _ in seated}, dice):
                is_sent = (path, leaf.run + 1 if leaf else 1) in seated
                if not is_sent and _is_due(leaf, row, self._flights):
                    return Next(attempt=attempt, page=page, group=group, ordinal=ordinal, leaf=leaf)
        self._store.forget(row)
        return None

    def _looked(self, page: Page, group: Group, seated: set[str],
                dice: Dice) -> Iterator[tuple[int, str, Leaf | None]]:
        """Its leaves in progress, from a random one on, a few at a time; those that have a seat last."""
        at = [(ordinal, paths.child(group.path, group.generation, ordinal))
              for ordinal in bits.each(group.in_progress)
              if not page.child(ordinal).is_group and (group.owner is None or group.owner.ordinal != ordinal)]
        start = dice.below(len(at)) if at else 0
        at = sorted(at[start:] + at[:start], key=lambda one: one[1] in seated)
        looks = iter(LOOKS)
        while at:
            count = next(looks, LOOKS[-1])
            some, at = at[:count], at[count:]
            leaves = self._tasks.leaves(group.attempt_id, [path for _, path in some])
            yield from ((ordinal, path, leaves.get(path)) for ordinal, path in some)

    # --- the last resort ---------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Each minute: seats of runs that are over, runs that nobody claimed, seats that are free though tasks wait."""
        for kind in KINDS:
            if self._flights.limit(kind):
                for seat in self._store.taken(kind).values():
                    try:
                        self._look(seat)
                    except Exception:
                        LOG.exception("a seat cannot be looked at", extra={
                            "action": "watch_failed", "attempt_id": seat.attempt_id, "path": seat.path})
        if self._flights.limit(WORK) and self._store.waiting(WORK):
            self._fill()

    def _look(self, seat: Seat) -> None:
        now = self._flights.now()
        leaf = self._tasks.leaf(seat.attempt_id, seat.path)
        if seat.until is not None and now < seat.until:
            return
        if _is_unclaimed(seat, leaf):
            if now - seat.since > UNCLAIMED_MAX:
                later = replace(seat, since=now)
                if self._store.pass_on(seat, later) and not self._send_again(later, leaf):
                    self._free(later)
        elif leaf is None or not _has_it(seat, leaf):
            is_new = leaf is not None and leaf.run == seat.run and leaf.state is State.RUNNING and seat.kind != WORK
            if not is_new or now - seat.since > INVOCATION_MAX:     # its worker may just be about to say so
                self._free(seat)


def _is_due(leaf: Leaf | None, row: Waiting, flights: Flights) -> bool:
    """Whether it waits to be sent. Whoever put the row knew the time as well as we do: a poll was due then."""
    if leaf is None or leaf.state is State.READY:
        return True
    now = max(flights.now(), row.at)
    return leaf.state is State.RETRY_WAITING and (leaf.retry_at is None or leaf.retry_at <= now)


def _is_unclaimed(seat: Seat, leaf: Leaf | None) -> bool:
    """Nobody has claimed the run of this seat, and somebody still may."""
    if leaf is None:
        return seat.run == 1
    return leaf.run == seat.run - 1 and leaf.state in (State.READY, State.RETRY_WAITING)


def _has_it(seat: Seat, leaf: Leaf) -> bool:
    return leaf.run == seat.run and leaf.state is State.RUNNING and leaf.seat == seat.name
