"""Tasks in flight are limited per installation and kind (G-7): a run is sent only once it has a seat.

What finds no seat stays started in its group, and a row says that something of this group waits. The row is written
first, then the seats are looked at once more; whoever frees a seat looks at the rows afterwards: one of the two sees
the other. Who is next, app/turns.py says. Without a limit nothing of this is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from skydag.app.dice import Dice
from skydag.ports import Chance, Clock
from skydag.store.flights import FlightStore, Seat, Waiting


class Flights:
    """limits: kind -> most runs in flight; 0, or no entry, is no limit."""

    def __init__(self, store: FlightStore, limits: Mapping[str, int], *, chance: Chance, now: Clock) -> None:
        self.store, self._limits, self._chance, self.now = store, limits, chance, now

    def limit(self, kind: str) -> int:
        return self._limits.get(kind, 0)

    def dice(self) -> Dice:
        """So that two who look for the next at the same time seldom find the same."""
        return Dice(self._chance.token())

    def take(self, kind: str, attempt_id: int, runs: Mapping[str, int]) -> dict[str, str]:
        """Seats for these runs (path -> run number), as many as are free: path -> seat. One that has a seat already, as
        whoever took it may have died, keeps it."""
        taken = self.store.taken(kind)
        has = {(seat.attempt_id, seat.path, seat.run): seat.name for seat in taken.values()}
        seats = {path: has[attempt_id, path, run] for path, run in runs.items() if (attempt_id, path, run) in has}
        free = self.dice().shuffled(number for number in range(self.limit(kind)) if number not in taken)
        for path, run in runs.items():
            while free and path not in seats:
                seat = Seat(kind=kind, number=free.pop(), attempt_id=attempt_id, path=path, run=run, since=self.now())
                if self.store.take(seat):
                    seats[path] = seat.name
        return seats

    def wait(self, kind: str, attempt_id: int, path: str) -> None:
        """Something of the group at this path waits for a seat."""
        self.store.wait(Waiting(kind=kind, attempt_id=attempt_id, path=path, token=self._chance.token(), at=self.now()))
