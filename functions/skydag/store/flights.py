"""Seats and who waits for one, where tasks in flight are limited: an item a seat that is taken, none for a free one.

    seats#<kind>              <number>          h: attempt and path, run, at      the run that has this seat
    waiting#<kind>            <attempt id>      tok, at                           this attempt has tasks that wait
    waiting#<kind>#<id>       g<path>           tok, at                           so has this group of it

Seats are numbers below the limit, so no more than that many runs can have one (G-7). Kinds: WORK, runs of tasks in
functions; CONTAINER, runs in containers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from skydag.model.ids import padded
from skydag.model.records import dataclass, replace
from skydag.ports import Absent, All, Condition, Is, Item, Lost, Table
from skydag.store import pages
from skydag.store.times import to_text, to_time

WORK, CONTAINER = "work", "container"
KINDS: Final = (WORK, CONTAINER)
GROUPS_AT_ONCE: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One seat, and the run that has it."""

    kind: str
    number: int
    attempt_id: int
    path: str
    run: int
    since: datetime
    until: datetime | None = None       # kept for more than that run, by an invocation that ends before

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number}"

    def is_of(self, other: Seat) -> bool:
        """The same run has it, whoever says so."""
        return (self.attempt_id, self.path, self.run) == (other.attempt_id, other.path, other.run)


def named(name: str, attempt_id: int, path: str, run: int, since: datetime) -> Seat:
    """The seat that a leaf or a job names."""
    kind, _, number = name.partition("-")
    return Seat(kind=kind, number=int(number), attempt_id=attempt_id, path=path, run=run, since=since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Somebody found no seat. `token` is another one each time, so that a row is only removed as it was read."""

    kind: str
    attempt_id: int
    path: str | None                    # of the group; None: the row of its attempt
    token: str
    at: datetime


class FlightStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    # --- seats -------------------------------------------------------------------------------------------------------

    def taken(self, kind: str) -> dict[int, Seat]:
        """By number."""
        return {int(item["sk"]): _seat(kind, item) for item in pages.rows(self._table, _seats(kind), page=1000)}

    def take(self, seat: Seat) -> bool:
        """Whether it was free."""
        return self._put(seat, Absent())

    def pass_on(self, before: Seat, after: Seat) -> bool:
        """From one run to the next, or the same with another time. False: it is not the first one's any more."""
        return self._put(after, has_it(before))

    def give_back(self, seat: Seat) -> bool:
        try:
            self._table.delete(_seats(seat.kind), _number(seat), has_it(seat))
        except Lost:
            return False
        return True

    def _put(self, seat: Seat, condition: Condition) -> bool:
        item: Item = {"pk": _seats(seat.kind), "sk": _number(seat), "h": _holder(seat), "run": seat.run,
                      "at": to_text(seat.since)}
        if seat.until is not None:
            item["until"] = to_text(seat.until)
        try:
            self._table.put(item, condition)
        except Lost:
            return False
        return True

    # --- who waits ---------------------------------------------------------------------------------------------------

    def wait(self, row: Waiting) -> None:
        """The group first, then its attempt: whoever sees the attempt sees the group."""
        assert row.path is not None
        for one in (row, replace(row, path=None)):
            pk, sk = _row(one)
            self._table.put({"pk": pk, "sk": sk, "tok": row.token, "at": to_text(row.at)})

    def waiting(self, kind: str) -> Sequence[Waiting]:
        """Attempts of which something waits, oldest first."""
        return [Waiting(kind=kind, attempt_id=int(item["sk"]), path=None, token=item["tok"], at=to_time(item["at"]))
                for item in pages.rows(self._table, _waiting(kind), page=1000)]

    def groups(self, attempt: Waiting) -> Sequence[Waiting]:
        """Groups of that attempt of which something waits: the first few."""
        found = self._table.query(_waiting(attempt.kind, attempt.attempt_id), limit=GROUPS_AT_ONCE)
        return [replace(attempt, path=item["sk"][1:], token=item["tok"], at=to_time(item["at"]))
                for item in found.items]

    def forget(self, row: Waiting) -> None:
        """Nothing of it waits; unless somebody has put it again since it was read."""
        is_as_read = Is("tok", row.token)
        try:
            self._table.delete(*_row(row), is_as_read)
        except Lost:
            return


def has_it(seat: Seat) -> Condition:
    return All((Is("h", _holder(seat)), Is("run", seat.run)))


def _seats(kind: str) -> str:
    return f"seats#{kind}"


def _number(seat: Seat) -> str:
    return f"{seat.number:06d}"


def _holder(seat: Seat) -> str:
    return f"{padded(seat.attempt_id)}/{seat.path}"


def _seat(kind: str, item: Item) -> Seat:
    attempt_id, _, path = item["h"].partition("/")
    return Seat(kind=kind, number=int(item["sk"]), attempt_id=int(attempt_id), path=path, run=int(item["run"]),
                since=to_time(item["at"]), until=to_time(item["until"]) if "until" in item else None)


def _waiting(kind: str, attempt_id: int | None = None) -> str:
    return f"waiting#{kind}" if attempt_id is None else f"waiting#{kind}#{padded(attempt_id)}"


def _row(row: Waiting) -> tuple[str, str]:
    if row.path is None:
        return _waiting(row.kind), padded(row.attempt_id)
    return _waiting(row.kind, row.attempt_id), f"g{row.path}"
