"""Counting by hand, shelf by shelf, a second each: `py>: tasks.slow.count`."""

from __future__ import annotations

import time

import digdag


def count(shelf: str) -> None:
    time.sleep(1)
    print(f"shelf {shelf} counted")
    digdag.env.store(shelves=int(shelf) + 1)
