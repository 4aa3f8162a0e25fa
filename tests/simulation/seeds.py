"""Many seeds: of each a workflow and a plan of mishaps, a run, and what must hold afterwards.

`python -m tests.simulation.seeds` runs them; a failing one is shortened (shrink.py) and says how to repeat it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.simulation.generate import workload
from tests.simulation.mishaps import plan
from tests.simulation.modes import MODES
from tests.simulation.reference import Reference
from tests.simulation.shrink import Failure, shortened, wrong
from tests.simulation.trial import Case

PROCESSES: Final = 2
ROWS_MAX: Final = 120               # of a run, retries included: beyond it the seed is left to a smaller one


def case(seed: int, mode: str | None = None) -> Case | None:
    """mode: default in turn. None for a workflow that becomes too large."""
    work = workload(seed)
    rows = len(Reference(work).rows)
    return Case(work=work, plan=plan(seed, rows, mode)) if rows <= ROWS_MAX else None


def check(seed: int, mode: str | None = None) -> Failure | None:
    """None when all promises held."""
    made = case(seed, mode)
    why = None if made is None else wrong(made)
    return None if made is None or why is None else shortened(seed, made, why)


def broken(seed: int, mode: str | None = None) -> str | None:
    """What is wrong with a seed, not shortened."""
    made = case(seed, mode)
    return None if made is None else wrong(made)


def run(seeds: Iterable[int], mode: str | None = None) -> tuple[int, list[Failure]]:
    """How many ran, and those that failed."""
    count, failures = 0, []
    for seed in seeds:
        count += 1
        if failure := check(seed, mode):
            failures.append(failure)
    return count, failures


def run_in_parallel(first: int, count: int, mode: str | None = None) -> tuple[int, list[Failure]]:
    """The seeds first ... first+count-1 on two processes."""
    parts = [range(first + part, first + count, PROCESSES) for part in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        done = [future.result() for future in [pool.submit(run, part, mode) for part in parts]]
    return sum(n for n, _ in done), [failure for _, failures in done for failure in failures]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--mode", choices=tuple(MODES), help="default: in turn")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    count, failures = run_in_parallel(options.first, options.seeds, options.mode)
    for failure in failures[:10]:
        print(failure, end="\n\n")
    print(f"{count} seeds in {time.monotonic() - begun:.0f} s, {len(failures)} failed",
          *(f"{failure.seed}" for failure in failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
