"""The client's own clock: for times relative to now, `--session now`, and the waits between two questions."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)     # noqa: TID251  the client is a door of its own, like bootstrap


def wait(seconds: float) -> None:
    time.sleep(seconds)
