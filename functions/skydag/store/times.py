"""Times in items: ISO text, UTC, whole seconds, so that they sort as they pass: 2025-01-01T00:00:00Z."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

END: Final = datetime(9999, 1, 1, tzinfo=UTC)       # this schedule never fires again


def to_text(time: datetime) -> str:
    """An aware time; fractions of a second are cut (S-1)."""
    return time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def to_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
