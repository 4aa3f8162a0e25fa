"""A clock that stands still until somebody moves it."""

from __future__ import annotations

from datetime import datetime


class VirtualClock:
    """Time as the pump hands it out. A call gives the present, as ports.Clock asks."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs a time with a zone")
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def move_to(self, time: datetime) -> None:
        """Never backwards."""
        self._now = max(self._now, time)
