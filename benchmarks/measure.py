"""What the rows are made of: a figure with its goal, and the time or the memory of a process."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

SOURCES: Final = [str(Path(__file__).parents[1] / root) for root in ("functions", "operators")]
TRIES: Final = 7


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. unit: of the figure and of the limit; limit: the most that is good, None: a figure that
    is good to know; measure: takes some seconds; digdag: its figure on a like machine, and what for."""

    name: str
    unit: str
    measure: Callable[[], float]
    limit: float | None = None
    digits: int = 0
    digdag: str = ""

    @property
    def goal(self) -> str:
        return "" if self.limit is None else f"<= {self.limit:g} {self.unit}"

    def line(self, figure: float) -> str:
        """As it stands in docs/performance.md; a figure beyond the limit has an exclamation mark."""
        mark = " !" if self.limit is not None and figure > self.limit else ""
        return table_line(self.name, self.goal, f"{figure:.{self.digits}f} {self.unit}{mark}", self.digdag)


def table_line(name: str, goal: str, figure: str, digdag: str) -> str:
    return f"| {name:64} | {goal:24} | {figure:23} | {digdag:14} |"


def best(call: Callable[[], object], tries: int = TRIES, *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of some tries: what the machine can do while nobody else wants it. clock:
    `time.process_time` for this process's own alone."""
    times = []
    for _ in range(tries):
        start = clock()
        call()
        times.append(clock() - start)
    return min(times)


@cache
def folder() -> Path:
    """A folder that is gone when the benchmark ends."""
    made = tempfile.mkdtemp(prefix="skydag-bench-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


@cache
def environment() -> dict[str, str]:
    """Of the processes that are measured. As in an installed package, modules are compiled once, for all of them."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SKYDAG_"))}
    return {**kept, "PYTHONPATH": os.pathsep.join(SOURCES), "PYTHONPYCACHEPREFIX": str(folder() / "compiled")}


def python(*argv: str, cwd: Path | None = None) -> str:
    """Runs this interpreter to its end; what it printed."""
    done = subprocess.run([sys.executable, *argv], cwd=cwd, capture_output=True, text=True, env=environment(),
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{argv} in {cwd} ended with {done.returncode}: {done.stderr[-2_000:]}")
    return done.stdout


@cache
def bare_s() -> float:
    """What the interpreter takes to start and end."""
    return best(lambda: python("-c", "pass"), 2 * TRIES)


WATCHED: Final = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def memory_mb(*argv: str, cwd: Path) -> float:
    """The most that a run of this interpreter holds. A small process asks, since a child begins with its parent's."""
    size = int(python("-c", WATCHED, sys.executable, *argv, cwd=cwd))
    return size / (1 << 20 if sys.platform == "darwin" else 1 << 10)
