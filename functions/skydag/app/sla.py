"""An attempt's SLA (spec/schedules.md): a timer, and ^sla tasks beside whatever runs once it has passed."""

from __future__ import annotations

from datetime import datetime

from skydag.app.groups import TRIES, Groups
from skydag.engine.settle import Numbers, sla_size, with_sla
from skydag.model.session import Attempt
from skydag.ports import Timers
from skydag.store.attempts import AttemptStore
from skydag.store.definitions import Definitions
from skydag.store.task_items import NOTHING


class Sla:
    def __init__(self, *, groups: Groups, definitions: Definitions, attempts: AttemptStore, timers: Timers) -> None:
        self._groups, self._definitions, self._attempts, self._timers = groups, definitions, attempts, timers

    def set_timer(self, attempt: Attempt, now: datetime) -> None:
        if attempt.sla_at is not None:
            self._timers.set(attempt.sla_at, {"kind": "sla", "attempt_id": attempt.id}, now=now)

    def is_added(self, attempt: Attempt, now: datetime) -> bool:
        """Adds the ^sla tasks to a root that is not done, once (S-94, S-96). True: they are there, the root is to be
        settled."""
        if attempt.sla_at is None:
            return False
        if attempt.sla_at > now:
            self.set_timer(attempt, now)
            return False
        for _ in range(TRIES):
            root = self._groups.get(attempt.id, "")
            if root.is_done or root.is_cancel_requested:
                return False
            page = self._definitions.page(attempt, root.page)
            if any(slot >= 2 for slot in root.slots):
                break
            first = self._attempts.take_task_numbers(attempt.id, sla_size(page), None)
            after = with_sla(page, root, Numbers(first=first))
            if self._groups.write(root, after, now, NOTHING)[1] is None:
                break
        return True
