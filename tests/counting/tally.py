"""What requests cost, by DynamoDB's rules (A-32, A-34, A-43), and their sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from skydag.local.item_size import item_size

Key = tuple[str, str]
INDEX_KEYS = ("due_shard", "due_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One request that was really sent."""

    operation: str                  # as DynamoDB names it: PutItem, Query ...
    keys: tuple[Key, ...]           # the items written, or found
    write_units: float = 0
    read_units: float = 0
    index_writes: int = 0           # units written to the index `due`
    transactions: int = 0
    lost: int = 0                   # conditions that failed
    bytes: int = 0                  # of the items written (before or after, the larger) or found


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    requests: int
    write_units: float
    read_units: float
    index_writes: int
    transactions: int
    lost: int
    bytes_written: int
    bytes_read: int


class Tally:
    """Uses in the order of the requests."""

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self.payload_bytes = 0          # of the jobs handed over

    def add(self, use: Use) -> None:
        self.uses.append(use)

    def total(self, counts: Callable[[Use], bool] = lambda use: True, *, since: int = 0) -> Total:
        """The sum of those uses that count, from number `since` (a former len(uses)) on."""
        return total(use for use in self.uses[since:] if counts(use))


def total(uses: Iterable[Use]) -> Total:
    counted = list(uses)
    return Total(
        requests=len(counted), write_units=sum(use.write_units for use in counted),
        read_units=sum(use.read_units for use in counted), index_writes=sum(use.index_writes for use in counted),
        transactions=sum(use.transactions for use in counted), lost=sum(use.lost for use in counted),
        bytes_written=sum(use.bytes for use in counted if use.write_units),
        bytes_read=sum(use.bytes for use in counted if not use.write_units))


Image = Mapping[str, Any] | None


def write_units(before: Image, after: Image) -> int:
    """1 per started KB of the larger of the item before and after, at least 1."""
    return max(math.ceil(write_bytes(before, after) / 1024), 1)


def write_bytes(before: Image, after: Image) -> int:
    return max(_size(before), _size(after))


def index_units(before: Image, after: Image) -> int:
    """What the sparse, keys-only index costs: 1 to add or remove an entry, 2 to move one (A-43)."""
    old, new = _entry(before), _entry(after)
    return 0 if old == new else (old is not None) + (new is not None)


def read_units(bytes_read: int, *, strong: bool) -> float:
    """1 per started 4 KB, at least 1; half of that when eventually consistent."""
    return max(math.ceil(bytes_read / 4096), 1) * (1 if strong else 0.5)


def _size(item: Image) -> int:
    return 0 if item is None else item_size(item)


def _entry(item: Image) -> tuple[Any, ...] | None:
    if item is None or any(name not in item for name in INDEX_KEYS):
        return None
    return tuple(item[name] for name in INDEX_KEYS)
