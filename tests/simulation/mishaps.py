"""What goes wrong in a run: a plan from a seed, each mishap by itself, so that it can be dropped."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.simulation.modes import MODES

# Outside calls:
DIES_BEFORE, DIES_AFTER, THROTTLED, ANSWER_LOST, HELD_UP, ASLEEP = "dies before", "dies after", "throttled", \
    "answer lost", "held up", "asleep"
# Records, calls of `work`, reports, timers:
TWICE, LATE, LOST = "twice", "late", "lost"
KILL: Final = "kill"
LIMITED_FROM: Final = 2_000_000                     # in seeds from here on tasks in flight are limited
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "outside call": (DIES_BEFORE, DIES_AFTER, THROTTLED, ANSWER_LOST, HELD_UP, HELD_UP, ASLEEP),
    "record": (TWICE, LATE),
    **dict.fromkeys(("work", "report", "event", "timer"), (TWICE, LATE, LOST))}


@dataclass(frozen=True, order=True)
class Mishap:
    """The `number`th thing of this kind that happens goes wrong so."""

    what: str
    number: int
    how: str

    def __str__(self) -> str:
        return f"{self.what} {self.number} {self.how}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    seed: int                                       # of the order in which what is pending is taken
    mishaps: tuple[Mishap, ...]
    mode: str                                       # of modes.MODES
    has_script: bool                                # user code runs elsewhere and reports
    chunk: int                                      # parallel groups of more children are cut
    is_killed: bool = False
    has_small: bool = False                         # `do` is small
    is_limited: bool = False                        # an attempt may last an hour, then it is killed (E-123)
    tasks_in_flight: int = 0                        # most at once, and one container; 0: as many as there are
    has_watch: bool = True                          # else the stream alone must do it (F-4): nothing is lost for good


def plan(seed: int, size: int, mode: str | None = None) -> Plan:
    """size: rows of the run, which is what the number of calls goes by. mode: default in turn."""
    chance = random.Random(f"plan {seed}")
    ranges = {"outside call": 14 * size + 10, "record": 3 * size + 2, "work": size + 1, "report": size, "event": 3,
              "timer": 6}
    mishaps = {(what, chance.randint(1, most)): how
               for _ in range(chance.choice((0, 3, 6, 10, 16)))
               for what, most in [_chosen(chance, ranges)] for how in [chance.choice(KINDS[what])]}
    is_killed = chance.random() < 0.2
    if is_killed:
        mishaps["step", chance.randint(1, 4 * size + 4)] = KILL
    return Plan(seed=seed, mishaps=tuple(sorted(Mishap(what, number, how) for (what, number), how in mishaps.items())),
                mode=mode or tuple(MODES)[seed % len(MODES)], has_small=seed % 5 < 3, has_script=chance.random() < 0.4,
                chunk=chance.choice((2, 3, 250)),
                is_killed=is_killed, is_limited=chance.random() < 0.05,
                tasks_in_flight=seed % 3 + 1 if seed >= LIMITED_FROM else 0,
                has_watch=LOST in mishaps.values() or chance.random() < 0.3)


def _chosen(chance: random.Random, ranges: Mapping[str, int]) -> tuple[str, int]:
    what = "outside call" if chance.random() < 0.7 else chance.choice(tuple(ranges))
    return what, ranges[what]
