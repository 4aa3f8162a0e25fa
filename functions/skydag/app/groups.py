"""The groups of attempts as `advance` reads and writes them: one conditional write each; what this process knows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from skydag.engine.group import Group
from skydag.errors import UnavailableError
from skydag.model.records import replace
from skydag.model.session import Attempt
from skydag.store.attempts import AttemptStore
from skydag.store.task_items import ACT, NOTHING
from skydag.store.tasks import TaskStore

TRIES: Final = 20                       # lost races on one item before the record is handed back to the stream
KNOWN_MAX: Final = 2_000
DUE_STEP: Final = timedelta(minutes=10)


class Groups:
    def __init__(self, tasks: TaskStore, attempts: AttemptStore) -> None:
        self._tasks, self._store = tasks, attempts
        self._attempts: dict[int, Attempt] = {}
        self._handed: dict[tuple[int, str, int], int] = {}
        self._dead: set[str] = set()

    def attempt(self, attempt_id: int) -> Attempt:
        """The attempt; what of it never changes may come from this process's memory."""
        known = self._attempts.get(attempt_id)
        if known is None:
            known = self._store.get(attempt_id)
            self.know(known)
        return known

    def know(self, attempt: Attempt) -> None:
        if len(self._attempts) >= KNOWN_MAX:
            self._attempts.clear()
        self._attempts[attempt.id] = attempt

    def get(self, attempt_id: int, path: str) -> Group:
        """UnavailableError where it ought to be and is not: read again, never drop (rule 2)."""
        group = self._tasks.group(attempt_id, path)
        if group is None:
            raise UnavailableError(f"group {path!r} of attempt {attempt_id} cannot be read yet")
        return group

    def write(self, before: Group, after: Group, now: datetime, act: str) -> tuple[Group, Group | None]:
        """The one conditional write: what was written, and None, or the group that was there instead. What this process
        has handed over is no longer unconfirmed (rule 5)."""
        key = (before.attempt_id, before.path, after.generation)
        due_at = None if after.is_done else after.due_at
        if due_at is not None and due_at <= now:
            due_at = due_mark(now)
        handed = self._handed.get(key, 0) if after.generation == before.generation else 0
        written = replace(after, version=before.version + 1, updated_at=now, due_at=due_at,
                          unconfirmed=after.unconfirmed & ~(handed & before.unconfirmed))
        found = self._tasks.replace_group(before, written, act)
        if found is None and handed:
            self._handed.pop(key, None)
        return written, found

    def handed_over(self, group: Group, children: int) -> None:
        """This process has handed these children over; the next write of the group says so, for free."""
        if len(self._handed) >= KNOWN_MAX:
            self._handed.clear()
        key = (group.attempt_id, group.path, group.generation)
        self._handed[key] = self._handed.get(key, 0) | children

    def died(self, token: str) -> None:
        """This invocation has ended: what it kept for itself (engine/owner) nobody runs."""
        if len(self._dead) >= KNOWN_MAX:
            self._dead.clear()
        self._dead.add(token)

    def is_dead(self, token: str) -> bool:
        """False may also mean that this process has not heard of it."""
        return token in self._dead

    def touch(self, group: Group, now: datetime, act: str) -> None:
        """Writes a group as it is, with its due mark moved on; a lost race does not matter."""
        self.write(group, group, now, act)

    def forget(self, group: Group, now: datetime) -> None:
        """A group that nobody waits for any more is not looked at again."""
        self.write(group, replace(group, due_at=None), now, NOTHING)

    def cancel(self, attempt_id: int, path: str, now: datetime) -> None:
        """Flags a group; the stream carries it down, group by group (kill goes top-down, rule 8)."""
        for _ in range(TRIES):
            group = self._tasks.group(attempt_id, path)
            if group is None or group.is_done or group.is_cancel_requested:
                return
            if self.write(group, replace(group, is_cancel_requested=True), now, ACT)[1] is None:
                return
        raise UnavailableError(f"group {path!r} of attempt {attempt_id} does not come to rest")


def due_mark(now: datetime) -> datetime:
    """The coarse due mark: one to two steps away, so that it moves once in ten minutes and not per task."""
    step = int(DUE_STEP.total_seconds())
    seconds = (int(now.timestamp()) // step + 2) * step
    return datetime.fromtimestamp(seconds, tz=now.tzinfo)
