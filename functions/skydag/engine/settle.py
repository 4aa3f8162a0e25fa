"""Decide: (page, group, reports, now) -> group. Pure; the only place where a group's future is settled.

What is to be done follows from the group's state alone (`unfinished business`): children in `unconfirmed` are to be
handed over, a final state is to be told to the parent, a waiting group wants a timer. So whoever finds a report that is
already counted can do again what is missing (design.md section 4, rule 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from skydag.engine import bits
from skydag.engine.group import ERROR_SLOTS, End, Group, Owner, Report
from skydag.engine.pages import SEQUENCE, SLOT_ALERT, SLOT_ERROR, Page
from skydag.engine.paths import GENERATIONS_MAX
from skydag.engine.retry import RetryPolicy, group_policy, retry_time
from skydag.model.params import merge
from skydag.model.records import dataclass, replace
from skydag.model.task import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Numbers taken from the attempt's counter for what `wants` asked. error_refused: the task limit forbids ^error."""

    first: int
    error_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Leaves among a group's children whose results an old attempt has (section 14), as sets."""

    done: int = 0
    stored: int = 0         # part of done: left stores
    begun: int = 0          # generated tasks: started as a leaf that has ended, but its own group goes on


NOTHING_KNOWN: Final = Known()
TAKEN_MAX: Final = 250      # results taken over in one write of a group


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    group: Group
    wants: int = 0          # numbers to take before this group can go on; settle again with them
    limited: int = 0        # how many of them count against the task limit (E-121)
    is_stale: bool = False  # some report was already counted: do again all that is unconfirmed
    taken: int = 0          # children that are done because their results are known
    is_partial: bool = False        # there are more of them: settle again once this is written


def settle(
    page: Page, group: Group, reports: Sequence[Report], now: datetime, numbers: Numbers | None = None,
    known: Known = NOTHING_KNOWN,
) -> Settled:
    """The group after these reports, and what is due at `now`. Reports of other generations change nothing."""
    if group.is_done:
        return Settled(group=group, is_stale=True)
    after, is_stale = _counted(group, reports)
    taken = 0
    if known.done and after.state is State.PLANNED:
        after, taken, is_partial = _taken_over(page, after, known)
        if is_partial:
            return Settled(group=after, is_stale=is_stale, taken=taken, is_partial=True)
    return replace(_settled(page, after, now, numbers, known), is_stale=is_stale, taken=taken)


def _settled(page: Page, after: Group, now: datetime, numbers: Numbers | None, known: Known) -> Settled:
    """What follows once all reports are counted."""
    if after.is_cancel_requested:
        after = _canceled(page, after, known)
    elif after.state is State.GROUP_RETRY_WAITING:
        return _restarted(page, after, now, numbers)
    else:
        after = _started(after, _startable(page, after))
    if not after.in_progress and after.state is State.PLANNED:
        return _ended(page, after, now, numbers)
    return Settled(group=after)


def _counted(group: Group, reports: Sequence[Report]) -> tuple[Group, bool]:
    done = failed = canceled = stored = erred = 0
    is_stale = False
    for report in reports:
        if report.generation != group.generation or not bits.has(group.started, report.ordinal):
            is_stale = True
            continue
        bit = 1 << report.ordinal
        if group.done & bit or done & bit:
            is_stale = True
            continue
        done |= bit
        failed |= bit if report.end is End.FAILED else 0
        canceled |= bit if report.end is End.CANCELED else 0
        stored |= bit if report.has_stores else 0
        erred |= bit if report.has_error and report.end is not End.FAILED else 0
    return replace(group, done=group.done | done, failed=group.failed | failed, canceled=group.canceled | canceled,
                   stored=group.stored | stored, erred=group.erred | erred,
                   unconfirmed=group.unconfirmed & ~done, owner=_still_owned(group, done)), is_stale


def _still_owned(group: Group, done: int) -> Owner | None:
    return None if group.owner is not None and bits.has(done, group.owner.ordinal) else group.owner


def _startable(page: Page, group: Group) -> int:
    """Children not yet started whose upstreams have all succeeded (E-20)."""
    waiting = bits.below(page.count) & ~group.started
    if not waiting:
        return 0
    succeeded = group.succeeded
    if page.order == SEQUENCE:
        first = waiting & -waiting
        return first if succeeded == first - 1 or (first - 1) & ~succeeded == 0 else 0
    out = 0
    for ordinal in bits.each(waiting):
        needs = page.upstreams(ordinal)
        if needs & ~succeeded == 0:
            out |= 1 << ordinal
    return out


def _started(group: Group, children: int) -> Group:
    if not children:
        return group
    return replace(group, started=group.started | children, unconfirmed=group.unconfirmed | children)


def _taken_over(page: Page, group: Group, known: Known) -> tuple[Group, int, bool]:
    """Children with known results are not started: they are done as soon as they could start, and so on, so that each
    sees what stands before it in this definition. Also (the set of) these, and whether there are more. They are done in
    a canceled group, too: there they would be rows that have succeeded (E-113)."""
    taken = 0
    while ready := _startable(page, group) & known.done:
        room = TAKEN_MAX - taken.bit_count()
        if room <= 0:
            return group, taken, True
        if ready.bit_count() > room:
            ready = bits.of(islice(bits.each(ready), room))
        taken |= ready
        group = replace(group, started=group.started | ready, done=group.done | ready,
                        stored=group.stored | (ready & known.stored))
    return group, taken, False


def _canceled(page: Page, group: Group, known: Known) -> Group:
    """A flagged group starts nothing: leaves that would start are canceled (T2), groups are born canceled (E-73)."""
    if group.state is State.GROUP_RETRY_WAITING:                            # K-4; only ^sla tasks may still run
        return replace(group, state=State.PLANNED if group.in_progress else State.CANCELED, retry_at=None)
    while ready := _startable(page, group):
        leaves = bits.of(c for c in bits.each(ready & ~known.begun) if not page.child(c).is_group)
        group = _started(replace(group, started=group.started | leaves, done=group.done | leaves,
                                 canceled=group.canceled | leaves), ready & ~leaves)
        if not leaves:
            break
    return group


def _restarted(page: Page, group: Group, now: datetime, numbers: Numbers | None) -> Settled:
    """A group whose wait is over begins its next generation (T12, T5); a leaf's own group waits for its leaf."""
    if page.is_leaf or group.in_progress or (group.retry_at is not None and group.retry_at > now):
        return Settled(group=group)             # in progress: ^sla tasks, which no try repeats
    if numbers is None:             # also where none are wanted: the try that is over is kept before the next begins
        return Settled(group=group, wants=page.size)
    sla = {slot: 0 for slot in group.slots if slot not in ERROR_SLOTS}      # 0: they ran in an earlier try (S-94)
    ran = bits.of(page.count + slot for slot in sla)
    fresh = replace(group, generation=group.generation + 1, state=State.PLANNED, retry_at=None, started=ran,
                    unconfirmed=0, done=ran, failed=group.failed & ran, canceled=0, stored=0, erred=0, slots=sla,
                    delayed=None, owner=None, carry=group.generation + 1, base=numbers.first if numbers else group.base)
    return Settled(group=_started(fresh, _startable(page, fresh)))


def _ended(page: Page, group: Group, now: datetime, numbers: Numbers | None) -> Settled:
    """No child can make progress: the end, a retry, or the error tasks (T13 to T18, in this order)."""
    if group.is_cancel_requested:
        return Settled(group=replace(group, state=State.CANCELED))
    if group.delayed is not None:
        return Settled(group=replace(group, state=group.delayed))
    if not group.failed:
        return Settled(group=replace(group, state=State.SUCCESS))
    if policy := _retry_left(page, group):
        return Settled(group=replace(
            group, state=State.GROUP_RETRY_WAITING, retry_count=group.retry_count + 1,
            retry_at=retry_time(policy, group.retry_count, now)))
    wanted = [slot for slot in ERROR_SLOTS if slot in page.slots]
    if not wanted:
        return Settled(group=replace(group, state=State.GROUP_ERROR))
    if numbers is None:
        sizes = [page.slots[slot].size for slot in wanted]
        limited = page.slots[SLOT_ERROR].size if SLOT_ERROR in page.slots else 0
        return Settled(group=group, wants=sum(sizes), limited=limited)
    return _with_error_tasks(page, group, wanted, numbers)


def _with_error_tasks(page: Page, group: Group, wanted: Sequence[int], numbers: Numbers) -> Settled:
    slots, first, ordinals = dict(group.slots), numbers.first, 0
    for slot in (SLOT_ALERT, SLOT_ERROR):           # E-64: the alert is added first
        if slot in wanted and not (slot == SLOT_ERROR and numbers.error_refused):
            slots[slot] = first
            first += page.slots[slot].size
            ordinals |= 1 << (page.count + slot)
    if not ordinals:
        return Settled(group=replace(group, state=State.GROUP_ERROR))
    return Settled(group=_started(replace(group, slots=slots, delayed=State.GROUP_ERROR), ordinals))


def _retry_left(page: Page, group: Group) -> RetryPolicy | None:
    """E-50, E-51: the group's policy while retries are left. A leaf's `_retry` is read raw from its local config."""
    if page.is_chunk:
        return None
    policy = group_policy(page.config if page.is_leaf else merge(page.export, page.config))
    has_more = policy is not None and policy.limit > group.retry_count and group.generation < GENERATIONS_MAX
    return policy if has_more else None


def with_sla(page: Page, group: Group, numbers: Numbers) -> Group:
    """The root's group once the SLA has passed: ^sla tasks beside whatever runs (S-94). None for a kill (K-16)."""
    slots, first, ordinals = dict(group.slots), numbers.first, 0
    for slot, child in sorted(page.slots.items()):
        if slot in ERROR_SLOTS or slot in slots:
            continue
        slots[slot] = first
        first += child.size
        ordinals |= 1 << (page.count + slot)
    return _started(replace(group, slots=slots), ordinals)


def sla_size(page: Page) -> int:
    return sum(child.size for slot, child in page.slots.items() if slot not in ERROR_SLOTS)
