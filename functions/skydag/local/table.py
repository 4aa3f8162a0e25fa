"""The table in memory: `skydag run` lives on it, and so do the tests (style.md E-10).

It keeps what DynamoDB keeps: conditions by type, sort order by UTF-8 bytes (which is the order of code points), pages
of 1 MB, the sparse index `due`, tokens of transactions, and a feed of changes in the order in which they happened.
A stored item is never changed in place: a write replaces it, so the feed may hand out the stored ones.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Any

from skydag.errors import IllegalStepError
from skydag.local.conditions import checked, holds, same, updated
from skydag.local.item_size import PAGE_BYTES_MAX, item_size
from skydag.model.records import dataclass, field
from skydag.ports import Condition, Delete, Item, Lost, Page, Put, Update

TOKENS_KEPT = 10_000
WRITES_MAX = 100
TEXT_MAX = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Change:
    """One effective change, as the stream shows it (A-50). The images are the table's own: read, never change them."""

    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    sequence: int                       # 1, 2, ... in the order of the writes


@dataclass(slots=True)
class _Partition:
    items: dict[str, Item] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)          # the sort keys, rising


class MemoryTable:
    """ports.Table over dicts. `on_change` is called under the table's lock, once a change: take note, act later."""

    def __init__(self, on_change: Callable[[Change], None] | None = None) -> None:
        self._on_change = on_change
        self._lock = RLock()
        self._partitions: dict[str, _Partition] = {}
        self._due: dict[str, list[tuple[str, str, str]]] = {}   # shard -> (due_at, pk, sk), rising
        self._tokens: dict[str, tuple[Put | Update | Delete, ...]] = {}
        self._sequence = 0

    def get(self, pk: str, sk: str, *, strong: bool = True) -> Item | None:
        with self._lock:
            found = self._found(pk, sk)
            return None if found is None else dict(found)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        with self._lock:
            return {(pk, sk): dict(item) for pk, sk in keys if (item := self._found(pk, sk)) is not None}

    def put(self, item: Item, condition: Condition | None = None) -> None:
        new = checked(item)
        with self._lock:
            old = self._found(new["pk"], new["sk"])
            if condition is not None and not holds(condition, old):
                if old is not None and same(old, new):
                    return                                  # our own write, whose answer was lost
                raise Lost(None if old is None else dict(old))
            self._replace(old, new)

    def update(self, update: Update) -> Item:
        with self._lock:
            old = self._found(update.pk, update.sk)
            if not holds(update.condition, old):
                raise Lost(None if old is None else dict(old))
            new = updated(old, update)
            self._replace(old, new)
            return dict(new)

    def delete(self, pk: str, sk: str, condition: Condition | None = None) -> None:
        with self._lock:
            old = self._found(pk, sk)
            if not holds(condition, old):
                raise Lost(None if old is None else dict(old))
            self._replace(old, None)

    def query(
        self, pk: str, *, begins: str = "", after: str | None = None, before: str | None = None,
        descending: bool = False, limit: int | None = None,
    ) -> Page:
        with self._lock:
            partition = self._partitions.get(pk)
            if partition is None:
                return Page(items=(), has_more=False)
            order = partition.order
            low, high = bisect_left(order, begins), bisect_right(order, begins + TEXT_MAX) if begins else len(order)
            if after is not None:
                low = max(low, bisect_right(order, after))
            if before is not None:
                high = min(high, bisect_left(order, before))
            wanted = max(high - low, 0)
            few = wanted if limit is None else min(limit, wanted)
            keys = order[high - few:high][::-1] if descending else order[low:low + few]
            items = _one_page([partition.items[sk] for sk in keys])
            return Page(items=tuple(dict(item) for item in items), has_more=len(items) < wanted)

    def transact(self, writes: Sequence[Put | Update | Delete], *, token: str) -> None:
        keys = [_key(write) for write in writes]
        if not 0 < len(writes) <= WRITES_MAX or len(set(keys)) < len(keys):
            raise IllegalStepError(f"a transaction has 1 to {WRITES_MAX} writes, no two on one item: {keys[:3]}")
        with self._lock:
            if token in self._tokens:
                if self._tokens[token] != tuple(writes):
                    raise IllegalStepError(f"token {token} was used for another transaction")
                return
            found = [self._found(*key) for key in keys]
            failed = [not holds(write.condition, old) for write, old in zip(writes, found, strict=True)]
            if any(failed):
                reasons = [(bad, dict(old) if bad and old is not None else None)
                           for bad, old in zip(failed, found, strict=True)]
                raise Lost(reasons[failed.index(True)][1], reasons)
            after = [_after(write, old) for write, old in zip(writes, found, strict=True)]
            for old, new in zip(found, after, strict=True):
                self._replace(old, new)
            self._tokens[token] = tuple(writes)
            if len(self._tokens) > TOKENS_KEPT:
                del self._tokens[next(iter(self._tokens))]

    def due(self, shard: int, until: str, *, limit: int = 100) -> Sequence[tuple[str, str]]:
        with self._lock:
            rows = self._due.get(f"due#{shard}", [])
            end = bisect_right(rows, (until, TEXT_MAX, ""))
            return [(pk, sk) for _, pk, sk in rows[:min(end, limit)]]

    def items(self) -> list[Item]:
        """Everything in it, by partition and sort key: for state files, and for tests that compare whole ends."""
        with self._lock:
            return [dict(self._partitions[pk].items[sk]) for pk in sorted(self._partitions)
                    for sk in self._partitions[pk].order]

    def _found(self, pk: str, sk: str) -> Item | None:
        partition = self._partitions.get(pk)
        return None if partition is None else partition.items.get(sk)

    def _replace(self, old: Item | None, new: Item | None) -> None:
        if (old is None) is (new is None) and old == new and same(old, new):
            return                                          # no record for a write that changes nothing
        image = new if new is not None else old
        assert image is not None
        pk, sk = image["pk"], image["sk"]
        partition = self._partitions.get(pk)
        if partition is None:
            partition = self._partitions[pk] = _Partition()
        if new is None:
            del partition.items[sk]
            del partition.order[bisect_left(partition.order, sk)]
        else:
            if old is None:
                insort(partition.order, sk)
            partition.items[sk] = new
        if (old is not None and "due_at" in old) or (new is not None and "due_at" in new):
            self._index(old, new)
        self._sequence += 1
        if self._on_change is not None:
            self._on_change(Change(old, new, self._sequence))

    def _index(self, old: Item | None, new: Item | None) -> None:
        before, after = _due_row(old), _due_row(new)
        if before == after:
            return
        if before is not None:
            rows = self._due[before[0]]
            del rows[bisect_left(rows, before[1])]
        if after is not None:
            insort(self._due.setdefault(after[0], []), after[1])


def _due_row(item: Item | None) -> tuple[str, tuple[str, str, str]] | None:
    if item is None or "due_at" not in item or "due_shard" not in item:
        return None
    return item["due_shard"], (item["due_at"], item["pk"], item["sk"])


def _key(write: Put | Update | Delete) -> tuple[str, str]:
    return (write.item["pk"], write.item["sk"]) if isinstance(write, Put) else (write.pk, write.sk)


def _after(write: Put | Update | Delete, old: Item | None) -> Item | None:
    match write:
        case Put():
            return checked(write.item)
        case Update():
            return updated(old, write)
        case Delete():
            return None


def _one_page(items: list[Item]) -> list[Item]:
    """As many of the items as one answer of DynamoDB holds: 1 MB, the item that crosses it left out (A-45)."""
    size = 0
    for number, item in enumerate(items):
        size += item_size(item)
        if size > PAGE_BYTES_MAX and number:
            return items[:number]
    return items
