"""One call runs small tasks in a row, and whoever dies in between loses none of them (design.md section 4, rule 9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.scripted import Script, begin, drain, states, status
from tests.simulation.world import Crash, Fault, World

from skydag.app.handover import OWNER_PATIENCE
from skydag.app.job import Job
from skydag.errors import TaskError
from skydag.spi import Again, TaskRequest, TaskResult

CHAIN = "+a: {do>: 1}\n+b: {do>: 1}\n+c: {do>: 1}\n"


def _fused(folder: Path, script: Script, **more: Any) -> World:
    return World(folder, replay=script, mode="fused", **more)


def _small(lines: Any = None, **more: Any) -> Script:
    return Script(lines, is_small=True, **more)


class _At(Fault):
    """The first outside call that fits kills its caller."""

    def __init__(self, fits: Callable[[str, Any], bool], *, is_after: bool) -> None:
        super().__init__()
        self._fits, self._is_after = fits, is_after

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if self.log or not self._fits(name, args):
            return call(*args, **more)
        self.log.append(name)
        if self._is_after:
            call(*args, **more)
        raise Crash(name)


def _names_owner(name: str, args: Any) -> bool:
    return name == "table.put" and "ow" in args[0]


def test_small_tasks_of_a_sequence_are_run_by_one_call(tmp_path: Path) -> None:
    world = _fused(tmp_path, _small())
    attempt_id = begin(world, CHAIN + "+g: {+d: {do>: 1}, +e: {do>: 1}}\n+f: {do>: 1}\n", tmp_path)
    kind, job = world.calls.popleft()
    world._call(kind, job)
    assert not world.calls
    drain(world)
    assert status(world, attempt_id) == "success"
    assert world.replay.ran == ["+w+a", "+w+b", "+w+c", "+w+g+d", "+w+g+e", "+w+f"]     # type: ignore[attr-defined]


def test_a_fused_task_costs_two_writes(tmp_path: Path) -> None:
    world = _fused(tmp_path, _small())
    begin(world, CHAIN, tmp_path)
    writes: list[str] = []
    real = world.table.put
    world.table.put = lambda item, condition=None: (writes.append(item["sk"]), real(item, condition))[1]  # type: ignore[method-assign, func-returns-value]
    world._call(*world.calls.popleft())
    assert writes == ["t0000000~l", "t0000000~l", "t", "t0000001~l", "t", "t0000002~l", "t"]


def test_what_is_not_small_goes_to_a_call_of_its_own(tmp_path: Path) -> None:
    world = _fused(tmp_path, _small())
    attempt_id = begin(world, "+a: {do>: 1}\n+b: {notify>: x}\n+c: {do>: 1}\n", tmp_path)
    world._call(*world.calls.popleft())
    assert [job["name"] for _, job in world.calls] == ["+w+b"]
    drain(world)
    assert status(world, attempt_id) == "success"


def test_an_exported_operator_that_is_not_small_is_handed_over_D_57(tmp_path: Path) -> None:
    world = _fused(tmp_path, _small())
    attempt_id = begin(world, '_export: {"notify>": injected}\n+a: {do>: 1}\n+b: {do>: 1}\n', tmp_path)
    drain(world)
    assert status(world, attempt_id) == "success"
    assert [notice["message"] for notice in world.alerts.published.values()] == ["injected", "injected"]


def test_several_tasks_that_become_ready_together_are_not_fused(tmp_path: Path) -> None:
    world = _fused(tmp_path, _small())
    begin(world, "+a: {do>: 1}\n+g: {_parallel: true, +b: {do>: 1}, +c: {do>: 1}}\n", tmp_path)
    world._call(*world.calls.popleft())
    assert [job["name"] for _, job in world.calls] == ["+w+g+b", "+w+g+c"]


def test_a_call_whose_time_is_over_takes_no_further_task_A_10(tmp_path: Path) -> None:
    world = _fused(tmp_path, _small())
    begin(world, CHAIN, tmp_path)
    _, job = world.calls.popleft()
    token = job.pop("call")
    world.application.work(Job.from_json(job), token, lambda: True)
    assert [job["name"] for _, job in world.calls] == ["+w+b"]


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("text", [CHAIN, "+a: {do>: 1}\n+g: {+b: {do>: 1}, +c: {do>: 1}}\n"], ids=["chain", "group"])
def test_a_call_that_dies_with_a_task_in_its_hands_loses_nothing_rule_9(
    text: str, is_after: bool, tmp_path: Path,
) -> None:
    fault = _At(_names_owner, is_after=is_after)
    script = _small()
    world = _fused(tmp_path, script, fault=fault)
    attempt_id = begin(world, text, tmp_path)
    drain(world)                                # Lambda tells `finish` that the call failed: no time passes
    assert fault.log
    assert status(world, attempt_id) == "success"
    assert {name: script.ran.count(name) for name in script.ran} == dict.fromkeys(script.ran, 1)


class _Deadly(Fault):
    """The owner of +b dies, and after it two workers that have claimed +b."""

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        result = call(*args, **more)
        is_claim = name == "table.put" and args[0]["sk"] == "t0000001~l" and args[0]["st"] == "r"
        if (not self.log and _names_owner(name, args)) or (is_claim and len(self.log) < 3):
            self.log.append(name)
            raise Crash(name)
        return result


def test_the_death_of_an_owner_does_not_count_against_the_task_it_kept_E_130(tmp_path: Path) -> None:
    """It may have died before it began; three lost runs of the task itself are what fails it."""
    fault = _Deadly()
    world = _fused(tmp_path, _small(), fault=fault)
    attempt_id = begin(world, CHAIN, tmp_path)
    drain(world)
    assert len(fault.log) == 3
    assert status(world, attempt_id) == "success"


@pytest.mark.parametrize("is_watched", [False, True], ids=["safety net", "watch"])
def test_a_dead_owner_of_whom_nobody_tells_is_found_after_a_while(is_watched: bool, tmp_path: Path) -> None:
    fault = _At(_names_owner, is_after=True)
    world = _fused(tmp_path, _small(), fault=fault)
    attempt_id = begin(world, CHAIN, tmp_path)
    with pytest.raises(Crash):
        _, job = world.calls.popleft()
        token = job.pop("call")
        world.application.work(Job.from_json(job), token)
    world.application = world._cold_start()     # no event tells of the death
    if is_watched:
        world.records.clear()
    world.settle(hours=1)
    assert status(world, attempt_id) == "success"


class _Sleeper(World):
    """The owner falls asleep before it records the result of +b, and the world goes on without it."""

    def sleep(self, *, is_told: bool) -> None:
        _, job = self.calls.popleft()
        token = job.pop("call")
        real, sleeper = self.table.put, self.application

        def put(item: Any, condition: Any = None) -> None:
            if item["sk"] == "t0000001~l":
                self.table.put = real           # type: ignore[method-assign]
                self.application = self._cold_start()
                if is_told:
                    self.calls.append(("lost", {"job": job, "token": token}))
                else:
                    self.now += OWNER_PATIENCE * 2
                self.settle(hours=1)
                self.application = sleeper
            real(item, condition)
        self.table.put = put                    # type: ignore[method-assign]
        sleeper.work(Job.from_json(job), token)


@pytest.mark.parametrize("is_told", [True, False], ids=["told dead", "silent"])
def test_the_late_result_of_an_owner_taken_for_dead_is_refused_rule_9(is_told: bool, tmp_path: Path) -> None:
    def fresh(_: TaskRequest) -> TaskResult:
        return TaskResult(store={"by": script.ran.count("+w+b")})

    script = _small({"+w+b": [fresh]})
    world = _Sleeper(tmp_path, replay=script, mode="fused")
    attempt_id = begin(world, CHAIN, tmp_path)
    world.sleep(is_told=is_told)
    world.settle(hours=1)
    assert status(world, attempt_id) == "success"
    assert script.ran == ["+w+a", "+w+b", "+w+b", "+w+c"]
    row = next(row for row in world.application.task_rows(attempt_id) if row.full_name == "+w+b")
    assert row.store_params == {"by": 2}


def test_a_kill_refuses_the_result_of_a_task_that_is_being_fused_E_71(tmp_path: Path) -> None:
    def killed(request: TaskRequest) -> TaskResult:
        world.application.kill(request.attempt_id)
        return TaskResult()

    world = _fused(tmp_path, _small({"+w+b": [killed]}))
    attempt_id = begin(world, CHAIN, tmp_path)
    drain(world)
    assert status(world, attempt_id) == "killed"
    assert states(world, attempt_id) == {"+w": "canceled", "+w+a": "success", "+w+b": "canceled", "+w+c": "blocked"}


def test_a_fused_task_may_fail_poll_or_generate_like_any_other(tmp_path: Path) -> None:
    script = _small({"+w+b": [Again(after_s=60, state={"job": 1}), TaskResult()],
                     "+w+c": [TaskResult(subtasks={"+x": {"do>": 1}}, store={"s": 1})], "+w+d": [TaskError("no")]})
    world = _fused(tmp_path, script)
    attempt_id = begin(world, CHAIN + "+d: {do>: 1, _error: {do>: 1}}\n", tmp_path)
    drain(world)
    assert states(world, attempt_id)["+w+b"] == "retry_waiting"
    world.now += timedelta(minutes=1)
    drain(world)
    assert status(world, attempt_id) == "error"
    assert script.ran == ["+w+a", "+w+b", "+w+b", "+w+c", "+w+c^sub+x", "+w+d", "+w+d^error"]


@pytest.mark.parametrize("mode", ["fused", "inline"])
def test_advance_runs_the_small_task_that_became_ready_itself(mode: str, tmp_path: Path) -> None:
    script = _small()
    world = World(tmp_path, replay=script, mode=mode)
    attempt_id = begin(world, "+g: {_parallel: true, +a: {do>: 1}, +b: {do>: 1}}\n+c: {do>: 1}\n", tmp_path)
    called: set[str] = set()
    while status(world, attempt_id) != "success":
        called.update(job["name"] for _, job in world.calls)
        assert world._step()
    assert script.ran.count("+w+c") == 1
    assert called == {"+w+g+a", "+w+g+b"}, "+c needs no call of its own"
