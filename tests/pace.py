"""Limits of seconds are ratios to what this core does at the moment (design.md section 6)."""

from __future__ import annotations

import time
from functools import cache
from typing import Final

YARDSTICK_S: Final = 0.08           # on the core that seconds are meant for


@cache
def pace() -> float:
    """How much slower this core is, busy neighbours included; at least 1."""
    def yardstick() -> float:
        start = time.thread_time()
        known = {}
        for number in range(300_000):
            name = f"k{number}"
            known[name] = (number, name)
        return time.thread_time() - start
    return max(1.0, min(yardstick() for _ in range(3)) / YARDSTICK_S)
