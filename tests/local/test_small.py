"""Which tasks the thread that advances runs itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from skydag.app.job import Job
from skydag.local.small import SmallJobs
from skydag.model.params import Store
from skydag.model.records import replace
from skydag.testing.bench import ATTEMPT


def jobs(ran: list[str], *, is_stopping: Callable[[], bool] = bool) -> SmallJobs:
    def run(job: Job, is_over: Callable[[], bool]) -> None:
        ran.append(job.name)

    return SmallJobs(lambda config: "echo>" in config, run, is_stopping)


def job(name: str = "a", **more: Any) -> Job:
    return replace(Job(
        attempt=ATTEMPT, path="", ordinal=0, page="0", is_parent_wide=False, number=2, run=1, name=name,
        config={"echo>": "x"}, export={}, inherit='i:{"x":1}'), **more)


def test_small_tasks_run_in_order_and_others_are_left_to_threads() -> None:
    ran: list[str] = []
    small = jobs(ran)
    taken = [small.take(job("a")), small.take(job("b", config={"sh>": "x"})), small.take(job("c"))]
    assert taken == [True, False, True]
    assert small.is_waiting
    assert small.stretch()
    assert ran == ["a", "c"]
    assert not small.stretch()


@pytest.mark.parametrize("inherited", [
    {"export": {"_type": "sh"}}, {"export": {"sh>": "x"}}, {"stores": [Store(params={"sh>": "x"})]},
    {"inherit": 'i:{"sh>":"x"}'}, {"inherit": 'i:{"_type":"sh"}'}, {"inherit": "o:data/elsewhere"},
])
def test_d57_a_task_that_may_inherit_another_operator_is_left_to_threads(inherited: dict[str, Any]) -> None:
    assert not jobs([]).take(job(**inherited))


def test_a_run_that_is_stopped_begins_no_further_task() -> None:
    ran: list[str] = []
    small = jobs(ran, is_stopping=lambda: bool(ran))
    for name in "abc":
        small.take(job(name))
    small.stretch()
    assert ran == ["a"]
