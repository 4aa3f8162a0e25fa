"""python -m benchmarks: start-up, local runs, the pure core, `check`. The counts of what a task costs on the table are
tests: `pytest -s tests/counting/test_counts.py` prints them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import language
from skydag.engine import pages
from skydag.engine.group import End, Group, Report
from skydag.engine.settle import settle
from skydag.language.compile import compile_file
from skydag.language.include import load
from skydag.language.places import task_places

TRIES = 5
NOW = datetime(2025, 1, 1, tzinfo=UTC)


def best(call: Callable[[], object], tries: int = TRIES) -> float:
    """Seconds of the fastest of some tries."""
    times = []
    for _ in range(tries):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def command(*argv: str, folder: Path | None = None) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *argv], cwd=folder, check=True, capture_output=True)


def echoes(count: int, head: str = "") -> str:
    return head + "".join(f"+t{n}: {{echo>: hello {n}}}\n" for n in range(count))


def transition_s(count: int) -> float:
    """CPU of the core for one finished child of a sequence of `count`."""
    text = echoes(count)
    workflow = compile_file("w.dig", lambda path: text.encode())
    page = pages.build(workflow.tasks)[0]
    group = settle(page, Group(attempt_id=1, path="", generation=0, page="0", base=2, inherit="i:{}", created_at=NOW,
                               updated_at=NOW), [], NOW).group

    def through() -> None:
        now = group
        for ordinal in range(count):
            now = settle(page, now, [Report(generation=0, ordinal=ordinal, end=End.SUCCESS)], NOW).group
        assert now.is_done
    return best(through, 3) / count


def compile_s(count: int) -> float:
    text = echoes(count).encode()
    return best(lambda: compile_file("w.dig", lambda path: text))


def places_s(count: int) -> float:
    """What it takes beyond that to know where each task stands."""
    text = echoes(count).encode()
    tasks, document = compile_file("w.dig", lambda path: text).tasks, load("w.dig", lambda path: text)
    return best(lambda: task_places(document, tasks))


def rows(folder: Path) -> Sequence[tuple[str, str, str]]:
    (folder / "one.dig").write_text(echoes(1))
    (folder / "chain.dig").write_text(echoes(100))
    (folder / "wide.dig").write_text(echoes(1000, "_parallel: true\n"))
    bare = best(command("-c", "pass"))
    version = best(command("-m", "skydag", "--version"))
    run = ("-m", "skydag", "run")
    one = best(command(*run, "one", "--no-save", folder=folder))
    chain = best(command(*run, "chain", "--no-save", folder=folder))
    wide = best(command(*run, "wide", folder=folder), 3)
    check, large = compile_s(1000), compile_s(10_000)
    return (
        ("skydag --version", f"{version / bare:.1f} x python -c pass ({version * 1000:.0f} ms)", "<= 3 x"),
        ("a run of one task", f"{one / bare:.1f} x python -c pass ({one * 1000:.0f} ms)", "<= 10 x"),
        ("a chain of 100 echo> beyond start-up", f"{(chain - one) * 1000:.0f} ms", "<= 60 ms"),
        ("1,000 echo> in parallel beyond start-up, states written", f"{wide - one:.2f} s", "<= 0.4 s"),
        ("the core, one transition in a sequence of 1,000", f"{transition_s(1000) * 1e6:.0f} us", "<= 100 us"),
        ("the core, one transition in a sequence of 10,000", f"{transition_s(10_000) * 1e6:.0f} us", "<= 100 us"),
        ("compiling 1,000 tasks", f"{check * 1000:.0f} ms", "<= 200 ms"),
        ("compiling 10,000 tasks", f"{large / check:.1f} x that of 1,000", "about 10 x"),
        ("the places of 10,000 tasks", f"{places_s(10_000) / large:.0%} of compiling them", "<= 25 %"),
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, figure, budget in (*rows(Path(folder)), *language.rows(best)):
            print(f"{name:60} {figure:40} {budget}")


main()
