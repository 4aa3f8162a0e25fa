"""The last resort, each minute: whatever was lost is found (design.md section 4).

Groups whose coarse mark has passed are looked at: their children that should be running and aren't, ended and weren't
counted, wait and weren't woken. Events come first; this finds what no event told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from skydag.app.advance import Advance, Work
from skydag.app.log import logger
from skydag.app.record import Record
from skydag.app.time_limits import TimeLimits
from skydag.engine import bits, paths
from skydag.engine.group import Group
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Page
from skydag.model.records import replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.store.task_items import DUE_SHARDS, NOTHING, due_text

LOG = logger(__name__)
TooLong = dict[int, list[int]]          # attempt id -> numbers of tasks
NEXT_LOOK: Final = timedelta(minutes=1)


class Watch:
    def __init__(self, advance: Advance, record: Record, limits: TimeLimits) -> None:
        self._advance, self._record, self._limits = advance, record, limits

    def __call__(self, now: datetime) -> int:
        """How many groups were looked at. One that cannot be looked at never holds up another (G-10)."""
        count, too_long = 0, TooLong()
        for shard in range(DUE_SHARDS):
            for attempt_id, path in self._advance.tasks.due_groups(shard, due_text(now)):
                count += 1
                try:
                    self.group(attempt_id, path, now, too_long)
                except Exception:
                    LOG.exception("a group cannot be looked at",
                                  extra={"action": "watch_failed", "attempt_id": attempt_id, "path": path})
        for attempt_id, numbers in too_long.items():
            self._limits.end_tasks(attempt_id, numbers, now)
        self._limits.end_attempts(now)
        self._advance.turns.watch()
        return count

    def group(self, attempt_id: int, path: str, now: datetime, too_long: TooLong) -> None:
        """A group with its chunks, which have no marks of their own."""
        for chunk in self.look(attempt_id, path, now, too_long):
            self.group(attempt_id, chunk, now, too_long)

    def look(self, attempt_id: int, path: str, now: datetime, too_long: TooLong) -> list[str]:
        """Recomputes one group from its children; the paths of the chunks among those in progress. too_long: where
        tasks are noted that last longer than they may; nothing else is done about them."""
        attempt = self._advance.attempt(attempt_id)
        group = self._advance.tasks.group(attempt_id, path)
        if group is None:
            return []
        if self._is_left_behind(attempt_id, group):
            self._advance.groups.forget(group, now)
            return []
        if not path and self._is_kill_unfinished(group):
            self._advance.groups.cancel(attempt_id, "", now)
        page = self._advance.definitions.page(attempt, group.page)
        at = {ordinal: paths.child(group.path, group.generation, ordinal, is_chunk=page.child(ordinal).is_chunk)
              for ordinal in bits.each(group.in_progress)}
        leaves = self._advance.tasks.leaves(attempt_id, (at[c] for c in at if not page.child(c).is_group))
        late = self._too_long(attempt_id, page, group, leaves, now)
        if late:
            too_long.setdefault(attempt_id, []).extend(leaf.number for leaf in late)
        work: Work = {path: []}
        if not group.is_cancel_requested:               # else the group's settling cancels them unborn
            self._advance.jobs.send(attempt, page, group, [
                c for c, child in at.items() if child not in leaves and not page.child(c).is_group])
        for ordinal, child in at.items():
            if leaves.get(child) in late:
                continue
            asked = self._group(attempt, page, group, ordinal, child, now) if page.child(ordinal).is_group else \
                self._leaf(attempt, leaves.get(child), now)
            for above, told in asked.items():
                work.setdefault(above, []).extend(told)
        self._advance.advance(attempt, work, now)
        if not path and attempt.sla_at is not None:
            self._advance.sla_passed(attempt, now)
        self._move_mark(attempt_id, path, now)
        return [child for child in at.values() if paths.is_chunk(child)]

    def _too_long(self, attempt_id: int, page: Page, group: Group, leaves: Mapping[str, Leaf],
                  now: datetime) -> list[Leaf]:
        """Of the children in progress, and of a leaf that generated this group."""
        if group.is_cancel_requested:
            return []
        late = [leaf for leaf in leaves.values() if self._limits.is_too_long(leaf, leaf.state, now)]
        if page.is_leaf and group.state is State.GROUP_RETRY_WAITING:
            own = self._advance.tasks.leaf(attempt_id, group.path)
            if own is not None and self._limits.is_too_long(own, group.state, now):
                late.append(own)
        return late

    def _is_kill_unfinished(self, root: Group) -> bool:
        """Whoever killed the attempt died between its flag and the root's."""
        if root.is_done or root.is_cancel_requested:
            return False
        return self._advance.attempts.get(root.attempt_id).is_cancel_requested

    def _is_left_behind(self, attempt_id: int, group: Group) -> bool:
        """Its parent has counted its end by another way: a leaf that ran again generated nothing, or was killed."""
        if not group.path or group.is_done:
            return False
        above = self._advance.tasks.group(attempt_id, paths.parent(group.path))
        return above is not None and not (
            above.generation == paths.generation(group.path) and bits.has(above.in_progress, paths.ordinal(group.path)))

    def _group(self, attempt: Attempt, page: Page, group: Group, ordinal: int, path: str, now: datetime) -> Work:
        there = self._advance.tasks.group(attempt.id, path)
        if there is None:
            return self._advance.start_again(attempt, page, group, ordinal, now)
        if there.is_done:
            return {path: []}
        self._mark(there, now)
        return {}

    def _leaf(self, attempt: Attempt, leaf: Leaf | None, now: datetime) -> Work:
        if leaf is None:                                # it was sent again, with all that nobody claimed
            return {}
        if leaf.state is State.RUNNING:
            return self._running(attempt, leaf, now)
        if leaf.state in (State.RETRY_WAITING, State.READY) and leaf.retry_at is not None and leaf.retry_at > now:
            return {}
        if leaf.generated and (there := self._advance.tasks.group(attempt.id, leaf.path)) is not None:
            self._mark(there, now)
        return self._advance.leaf_changed(attempt, leaf, now)

    def _running(self, attempt: Attempt, leaf: Leaf, now: datetime) -> Work:
        if leaf.deadline is not None and leaf.deadline < now:
            LOG.warning("a worker is lost",
                        extra={"action": "worker_lost", "attempt_id": attempt.id, "path": leaf.path})
            self._record.lost(attempt.id, leaf.path, leaf.run, leaf.token, "the worker vanished without a report", now,
                              is_crash=True)
        return {}

    def _mark(self, group: Group, now: datetime) -> None:
        """A group still there when its parent is looked at gets a mark of its own, and is looked at next time; one that
        moves meanwhile gets it later. Chunks are looked at together with their parent."""
        if group.due_at is None and not group.is_done and not paths.is_chunk(group.path):
            self._advance.groups.write(group, replace(group, due_at=now + NEXT_LOOK), now, NOTHING)

    def _move_mark(self, attempt_id: int, path: str, now: datetime) -> None:
        """The next look; a race lost here is a mark moved by somebody else."""
        group = self._advance.tasks.group(attempt_id, path)
        if group is not None and not group.is_done and group.due_at is not None and group.due_at <= now:
            self._advance.groups.touch(group, now, NOTHING)
