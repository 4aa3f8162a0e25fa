"""Python's cyclic garbage collector, out of the way.

Reading a large file makes half a million objects, none of which is garbage yet. The collector looks through all of
them again and again, which takes longer than the reading.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Also a decorator. Of several threads the one that turned the collector off turns it on again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
