"""Where a task stands in its attempt's tree, as text that sorts in tree order.

The root's path is "". A child's is its parent's path, plus the parent's generation (3 digits, base 36), plus its
ordinal among the parent's children (4 digits, base 36). So all of a group's tries lie behind each other, and a subtree
is one prefix. Ordinals behind the static children are slots: ^error, ^failure-alert, ^sla... (see pages.SLOTS).

A chunk (a hidden group, see pages) has "z" as the first digit of its ordinal and begins a partition of its own.
"""

from __future__ import annotations

from functools import lru_cache

GENERATION_DIGITS = 3
ORDINAL_DIGITS = 4
STEP = GENERATION_DIGITS + ORDINAL_DIGITS
CHUNK_BASE = 35 * 36**3
GENERATIONS_MAX = 36**GENERATION_DIGITS - 1
NESTING_MAX = 120       # 120 x 7 characters and what else a sort key needs stay below DynamoDB's 1,024 bytes

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _base36(number: int, digits: int) -> str:
    out = ""
    for _ in range(digits):
        number, digit = divmod(number, 36)
        out = _DIGITS[digit] + out
    return out


@lru_cache(maxsize=64)
def generation_text(generation: int) -> str:
    return _base36(generation, GENERATION_DIGITS)


def child(parent: str, generation: int, ordinal: int, *, is_chunk: bool = False) -> str:
    number = ordinal + CHUNK_BASE if is_chunk else ordinal
    return parent + generation_text(generation) + _base36(number, ORDINAL_DIGITS)


def parent(path: str) -> str:
    return path[:-STEP]


def generation(path: str) -> int:
    """The parent's generation in which this task lives."""
    return int(path[-STEP:-ORDINAL_DIGITS], 36)


def ordinal(path: str) -> int:
    number = int(path[-ORDINAL_DIGITS:], 36)
    return number - CHUNK_BASE if number >= CHUNK_BASE else number


def is_chunk(path: str) -> bool:
    return bool(path) and path[-ORDINAL_DIGITS] == "z"


def partition(path: str) -> str:
    """The part of the path that names the partition: up to and with the last chunk in it, "" without one."""
    for end in range(len(path), 0, -STEP):
        if path[end - ORDINAL_DIGITS] == "z":
            return path[:end]
    return ""


def depth(path: str) -> int:
    return len(path) // STEP
