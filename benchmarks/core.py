"""What the pure core costs: a transition of a group, compiling."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from typing import Final

from benchmarks.measure import Row, best
from skydag.engine import pages
from skydag.engine.group import End, Group, Report
from skydag.engine.settle import settle
from skydag.language.compile import compile_file
from skydag.language.include import load
from skydag.language.places import task_places

NOW: Final = datetime(2025, 1, 1, tzinfo=UTC)


def echoes(count: int) -> bytes:
    return "".join(f"+t{n}: {{echo>: hello {n}}}\n" for n in range(count)).encode()


def transition_s(count: int) -> float:
    """CPU of the core for one finished child of a sequence of `count`."""
    text = echoes(count)
    workflow = compile_file("w.dig", lambda path: text)
    page = pages.build(workflow.tasks)[0]
    group = settle(page, Group(attempt_id=1, path="", generation=0, page="0", base=2, inherit="i:{}", created_at=NOW,
                               updated_at=NOW), [], NOW).group

    def through() -> None:
        now = group
        for ordinal in range(count):
            now = settle(page, now, [Report(generation=0, ordinal=ordinal, end=End.SUCCESS)], NOW).group
        assert now.is_done
    return best(through, 3, clock=time.process_time) / count


@cache
def compile_s(count: int) -> float:
    text = echoes(count)
    return best(lambda: compile_file("w.dig", lambda path: text), 5)


def places_s(count: int) -> float:
    """What it takes beyond that to know where each task stands."""
    text = echoes(count)
    tasks, document = compile_file("w.dig", lambda path: text).tasks, load("w.dig", lambda path: text)
    return best(lambda: task_places(document, tasks), 5)


ROWS: Final = (
    Row(name="the core, one transition in a sequence of 1,000", unit="us", limit=100,
        measure=lambda: transition_s(1_000) * 1e6),
    Row(name="the core, one transition in a sequence of 10,000", unit="us", limit=100,
        measure=lambda: transition_s(10_000) * 1e6),
    Row(name="compiling 1,000 tasks", unit="ms", limit=200, measure=lambda: compile_s(1_000) * 1e3),
    Row(name="compiling 10,000 tasks", unit="x compiling 1,000", limit=12, digits=1,
        measure=lambda: compile_s(10_000) / compile_s(1_000)),
    Row(name="the places of 10,000 tasks", unit="x compiling them", limit=0.25, digits=2,
        measure=lambda: places_s(10_000) / compile_s(10_000)),
)
