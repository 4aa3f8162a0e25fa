"""Which tasks the thread that advances runs itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from skydag.local.small import SmallJobs


def jobs(ran: list[str], *, is_stopping: Callable[[], bool] = bool) -> SmallJobs:
    def run(job: Mapping[str, Any], is_over: Callable[[], bool]) -> None:
        ran.append(job["name"])

    return SmallJobs(lambda config: "echo>" in config, run, is_stopping)


def job(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "config": {"echo>": "x"}, "inherit": 'i:{"x":1}', "export": {}, "stores": [], **more}


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
    {"export": {"_type": "sh"}}, {"export": {"sh>": "x"}}, {"stores": [{"p": {"sh>": "x"}}]},
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
