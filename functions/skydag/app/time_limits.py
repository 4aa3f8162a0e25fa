"""Limits of time (E-123, S-87): an attempt that lasts too long, or has a task that does, is killed; people are told.

The notice goes out first, with a stable id, then the kill: who dies in between is followed by one who does both again.
A kill that has begun is finished by `watch` (Watch.look).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from skydag.app.advance import Advance
from skydag.app.kill import kill
from skydag.app.log import logger
from skydag.app.notice import notice
from skydag.engine.leaf import Leaf
from skydag.errors import ConflictError
from skydag.model.ids import AttemptId, task_id
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Alerts

LOG = logger(__name__)
AT_ONCE: Final = 100            # attempts in one pass, and tasks named in one message
PAGE: Final = 10


class TimeLimits:
    def __init__(self, advance: Advance, alerts: Alerts, *, attempt_ttl: timedelta, task_ttl: timedelta) -> None:
        self._advance, self._alerts = advance, alerts
        self._attempt_ttl, self._task_ttl = attempt_ttl, task_ttl

    def end_attempts(self, now: datetime) -> int:
        """Ends what was created longer ago than the limit. Ids rise with time, so the first young one ends the look:
        a few reads, however many are open. One that cannot be ended never holds up another (G-10)."""
        ended, last_id = 0, None
        while ended < AT_ONCE:
            found = self._advance.attempts.open_attempts(last_id, PAGE)
            for attempt in found:
                if now - attempt.created_at <= self._attempt_ttl:
                    return ended
                ended += self._tried(attempt, "Workflow execution timeout", "attempt", now)
                last_id = attempt.id
            if len(found) < PAGE:
                break
        return ended

    def is_too_long(self, leaf: Leaf, state: State, now: datetime) -> bool:
        """state: that of the leaf as people see it; one that generated tasks may wait for its group's retry."""
        return (state in (State.RUNNING, State.RETRY_WAITING, State.GROUP_RETRY_WAITING)
                and not leaf.is_cancel_requested and leaf.started_at is not None
                and now - leaf.started_at > self._task_ttl)

    def end_tasks(self, attempt_id: int, numbers: Sequence[int], now: datetime) -> bool:
        """Ends the attempt of these tasks, for their sake. numbers: within the attempt."""
        attempt = self._advance.attempts.get(attempt_id)
        ids = [str(task_id(AttemptId(attempt_id), number)) for number in sorted(numbers)[:AT_ONCE]]
        return self._tried(attempt, f"Task execution timeout: {','.join(ids)}", "task", now)

    def _tried(self, attempt: Attempt, message: str, kind: str, now: datetime) -> bool:
        """Whether it was ended by this call; one that is being killed, or done, is left alone."""
        if attempt.is_cancel_requested or attempt.is_done:
            return False
        try:
            self._alerts.publish(notice(attempt, None, message, now), stable_id=f"{attempt.id}-{kind}-ttl")
            kill(attempt.id, advance=self._advance, now=now)
        except ConflictError:
            return False                                # it has just ended by itself
        except Exception:
            LOG.exception("an attempt that lasts too long cannot be killed",
                          extra={"action": "ttl_failed", "attempt_id": attempt.id})
            return False
        LOG.warning(message, extra={"action": "ttl", "attempt_id": attempt.id})
        return True
