"""Wake-ups of schedules, held in memory."""

from __future__ import annotations

from datetime import datetime
from threading import Lock


class LocalWakes:
    """ports.Wakes. Nothing fires by itself: ask `due` with the present time."""

    def __init__(self) -> None:
        self._armed: dict[int, datetime] = {}
        self._lock = Lock()

    def arm(self, schedule_id: int, at: datetime | None) -> None:
        with self._lock:
            if at is None:
                self._armed.pop(schedule_id, None)
            else:
                self._armed[schedule_id] = at

    def due(self, now: datetime) -> list[int]:
        """The schedules whose time has come (at <= now), earliest first. They are given out once."""
        with self._lock:
            ready = sorted((at, schedule_id) for schedule_id, at in self._armed.items() if at <= now)
            for _, schedule_id in ready:
                del self._armed[schedule_id]
        return [schedule_id for _, schedule_id in ready]

    def next_at(self) -> datetime | None:
        """When the next schedule wakes; None when none is armed."""
        with self._lock:
            return min(self._armed.values(), default=None)
