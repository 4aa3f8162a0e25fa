"""A table whose n-th call fails, before it took effect or after: what a crash, or a lost answer, looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from skydag.errors import UnavailableError
from skydag.ports import Condition, Delete, Item, Page, Put, Table, Update

T = TypeVar("T")


class Crash(UnavailableError):
    """The process died, or the service did not answer."""


@dataclass
class FaultyTable:
    """Passes every call on; call number `fails_at` (from 1) raises Crash, after it took effect if `after`."""

    table: Table
    fails_at: int = 0
    after: bool = False
    calls: int = 0

    def _do(self, call: Callable[[], T]) -> T:
        self.calls += 1
        is_bad = self.calls == self.fails_at
        if is_bad and not self.after:
            raise Crash("before it took effect")
        result = call()
        if is_bad:
            raise Crash("after it took effect")
        return result

    def get(self, pk: str, sk: str, *, strong: bool = True) -> Item | None:
        return self._do(lambda: self.table.get(pk, sk, strong=strong))

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        return self._do(lambda: self.table.get_many(keys))

    def put(self, item: Item, condition: Condition | None = None) -> None:
        self._do(lambda: self.table.put(item, condition))

    def update(self, update: Update) -> Item:
        return self._do(lambda: self.table.update(update))

    def delete(self, pk: str, sk: str, condition: Condition | None = None) -> None:
        self._do(lambda: self.table.delete(pk, sk, condition))

    def query(
        self, pk: str, *, begins: str = "", after: str | None = None, before: str | None = None,
        descending: bool = False, limit: int | None = None,
    ) -> Page:
        return self._do(lambda: self.table.query(
            pk, begins=begins, after=after, before=before, descending=descending, limit=limit))

    def transact(self, writes: Sequence[Put | Update | Delete], *, token: str) -> None:
        self._do(lambda: self.table.transact(writes, token=token))

    def due(self, shard: int, until: str, *, limit: int = 100) -> Sequence[tuple[str, str]]:
        return self._do(lambda: self.table.due(shard, until, limit=limit))


def every_crash(
    setting: Callable[[Table], T], act: Callable[[T], object], table: Callable[[], Table],
) -> list[tuple[str, Table, T]]:
    """Runs `act` on a fresh table once a call and way to fail, then again until it no longer crashes.

    (which call failed and how, the table at the end, what `setting` made of it), one an experiment."""
    ends: list[tuple[str, Table, T]] = []
    for after in (False, True):
        number = 1
        while True:
            inner = table()
            faulty = FaultyTable(inner)
            made = setting(faulty)
            faulty.calls, faulty.fails_at, faulty.after = 0, number, after
            try:
                act(made)
            except Crash:
                act(made)
                ends.append((f"call {number} {'after' if after else 'before'}", inner, made))
            if faulty.calls < number:
                break
            if not ends or not ends[-1][0].startswith(f"call {number} "):
                ends.append((f"call {number} survived", inner, made))
            number += 1
    return ends


def without(items: Sequence[Mapping[str, Any]], *kinds: str) -> list[Mapping[str, Any]]:
    """Items whose partition key starts with none of these words."""
    return [item for item in items if not item["pk"].startswith(kinds)]
