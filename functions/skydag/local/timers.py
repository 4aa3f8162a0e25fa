"""Timers of a local run: a heap that whoever drives the run looks at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from heapq import heappop, heappush
from threading import Lock
from typing import Any


class LocalTimers:
    """ports.Timers. Nothing fires by itself: ask `due` with the present time."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, dict[str, Any]]] = []
        self._set = 0
        self._lock = Lock()

    def set(self, at: datetime, message: Mapping[str, Any], *, now: datetime) -> None:
        with self._lock:
            self._set += 1                              # of two for the same time, the one set first is first
            heappush(self._heap, (at, self._set, dict(message)))

    def due(self, now: datetime) -> list[dict[str, Any]]:
        """The messages whose time has come (at <= now), earliest first. They are given out once."""
        out = []
        with self._lock:
            while self._heap and self._heap[0][0] <= now:
                out.append(heappop(self._heap)[2])
        return out

    def next_at(self) -> datetime | None:
        """When the next one is due; None when none is set."""
        with self._lock:
            return self._heap[0][0] if self._heap else None
