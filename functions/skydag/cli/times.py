"""Times as people type them (C-40)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from skydag.errors import InvalidError

_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?")
_OFFSET = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} [+-]\d{4}")


def with_offset(text: str, option: str) -> datetime:
    """`yyyy-MM-dd HH:mm:ss Z` with its offset, or Unix seconds."""
    if re.fullmatch(r"\d+", text):
        return datetime.fromtimestamp(int(text), UTC)
    try:
        if _OFFSET.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        pass
    raise InvalidError(f"Option {option} takes a time like '2025-01-31 00:00:00 +0900' or Unix seconds, not '{text}'")


def local(text: str) -> str | None:
    """`yyyy-MM-dd` or `yyyy-MM-dd HH:mm:ss` as ISO local time, for the workflow's zone; None for anything else."""
    if not _LOCAL.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return None


def instant(time: datetime) -> str:
    """2025-06-10T13:00:05Z"""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
