"""Table changes -> groups to settle. A batch is grouped by attempt and group: one write each (design.md section 4).

A record is acknowledged after all its effects, never before (rule 4). One attempt that cannot be processed never holds
up another (G-10): its records fail by themselves, and after SET_ASIDE_AFTER failures they are reported as done, a
dead-letter record is kept, and whoever subscribed to alerts is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from skydag.app.advance import Advance, Work
from skydag.app.flow import LOOK
from skydag.app.hands import Hands
from skydag.app.log import logger
from skydag.app.notice import set_aside
from skydag.engine.group import Group
from skydag.engine.leaf import Leaf
from skydag.model.records import dataclass
from skydag.model.task import State
from skydag.ports import Alerts
from skydag.store import task_items
from skydag.store.aside import Aside

LOG = logger(__name__)
SET_ASIDE_AFTER: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One change that wants action: the new image, and what names the record in the stream."""

    id: str
    image: Mapping[str, Any]


class Stream:
    """hands: of one delivery, and what runs the tasks that they then hold; None: every task goes to `work`."""

    def __init__(self, advance: Advance, aside: Aside, alerts: Alerts, hands: Callable[[], Hands | None],
                 go_on: Callable[[Hands], None]) -> None:
        self._advance, self._aside, self._alerts, self._hands, self._go_on = advance, aside, alerts, hands, go_on

    def __call__(self, records: Sequence[Record], now: datetime) -> list[str]:
        """Ids of the records to be delivered again."""
        by_attempt: dict[int, list[Record]] = {}
        for record in records:
            if task_items.is_task(record.image) and record.image.get("act") in (task_items.ACT, task_items.SAFETY):
                by_attempt.setdefault(task_items.attempt_of(record.image["pk"]), []).append(record)
        failed: list[str] = []
        for attempt_id, part in by_attempt.items():
            try:
                self._attempt(attempt_id, part, now)
            except Exception:
                LOG.exception("an attempt cannot be advanced",
                              extra={"action": "advance_failed", "attempt_id": attempt_id})
                if not self._is_set_aside(attempt_id, part, now):
                    failed.extend(record.id for record in part)
        return failed

    def _attempt(self, attempt_id: int, records: Sequence[Record], now: datetime) -> None:
        attempt = self._advance.attempt(attempt_id)
        work: Work = {}
        for record in records:
            parsed = self._advance.tasks.parse(record.image)
            if isinstance(parsed, Leaf):
                if parsed.state is State.CANCELED:
                    self._advance.jobs.clean_up(attempt, parsed)
                for path, told in self._advance.leaf_changed(attempt, parsed, now).items():
                    work.setdefault(path, []).extend(told)
            elif isinstance(parsed, Group):
                work.setdefault(parsed.path, []).append(LOOK)
        hands = self._hands()
        try:
            self._advance.advance(attempt, work, now, hands=hands)
            if hands is not None and hands.job is not None:
                self._go_on(hands)
        except Exception:
            if hands is not None:
                self._advance.groups.died(hands.token)
            raise

    def _is_set_aside(self, attempt_id: int, records: Sequence[Record], now: datetime) -> bool:
        """After so many failures in a row of deliveries, and once people are told: until somebody heals it
        (app/heal.py). False: these records are to come again."""
        count = self._aside.failures(attempt_id, min(record.id for record in records))
        if count < SET_ASIDE_AFTER:
            return False
        LOG.error("an attempt is set aside: skydag heal %s", attempt_id,
                  extra={"action": "set_aside", "attempt_id": attempt_id, "failures": count})
        try:
            self._alerts.publish(set_aside(attempt_id, now), stable_id=f"{attempt_id}-set-aside-{records[0].id}")
        except Exception:
            LOG.exception("nobody could be told", extra={"action": "alert_failed", "attempt_id": attempt_id})
            return False
        return True
