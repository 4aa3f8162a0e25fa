"""What random seeds found (tests/simulation/seeds.py), each as a scenario of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.modes import EVERY_MODE
from tests.simulation.scripted import Script, begin, drain, later, states, status
from tests.simulation.world import Fault, World

from skydag.engine import paths
from skydag.engine.leaf import Leaf
from skydag.errors import TaskError, UnavailableError
from skydag.model.task import State
from skydag.spi import Again, TaskRequest, TaskResult


class _Surviving(World):
    def _invoke(self, call: Callable[[], Any]) -> bool:
        try:
            return super()._invoke(call)
        except UnavailableError:
            return False


class _Unanswered(Fault):
    """The first write of what a task generated takes effect, but its answer is lost."""

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        result = call(*args, **more)
        if name == "table.put" and "~g" in args[0]["sk"] and not self.log:
            self.log.append(name)
            raise UnavailableError("no answer")
        return result


def test_trouble_of_the_table_is_not_the_generating_tasks_failure_E_130(tmp_path: Path) -> None:
    script = Script({"+w+a": [TaskResult(subtasks={"+b": {"do>": 1}})]})
    world = _Surviving(tmp_path, fault=_Unanswered(), replay=script)
    attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
    world.settle(hours=1)
    assert status(world, attempt_id) == "success"
    assert script.ran == ["+w+a", "+w+a", "+w+a^sub+b"]


@EVERY_MODE
def test_an_earlier_trys_error_counts_although_the_group_succeeded_in_the_end_E_61(
    mode: str, tmp_path: Path,
) -> None:
    """All descendants' errors are merged in tree order, those of old tries too: the last one's message wins."""
    seen: list[Any] = []

    def look(request: TaskRequest) -> TaskResult:
        seen.append(request.config["error"]["message"])
        return TaskResult()

    world = World(tmp_path, mode=mode, replay=Script({
        "+w+a": [TaskError("first")], "+w+g+b": [TaskError("second"), TaskResult()], "+w^error": [look]}))
    attempt_id = begin(world, "_parallel: true\n+a: {do>: 1}\n+g: {_retry: 1, +b: {do>: 1}}\n_error: {do>: 1}\n",
                       tmp_path)
    drain(world)
    assert status(world, attempt_id) == "error"
    assert seen == ["second"]


class _Meanwhile(Fault):
    """Something else happens before the first put that fits."""

    def __init__(self, fits: Callable[[dict[str, Any]], bool], meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._fits, self._meanwhile = fits, meanwhile

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if name == "table.put" and not self.log and self._fits(args[0]):
            self.log.append(name)
            self._meanwhile()
        return call(*args, **more)


@EVERY_MODE
def test_a_kill_while_a_dead_run_is_being_released_ends_the_task_E_71(mode: str, tmp_path: Path) -> None:
    """Whoever releases the run loses to the flag, and must not leave the task running with nobody to end it."""
    world = World(tmp_path, mode=mode, replay=Script())
    attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
    while not world.calls:
        assert world._step()
    job = world.calls.popleft()[1]
    token = job.pop("call")
    claimed = Leaf(attempt_id=attempt_id, path=job["path"], number=job["number"], run=1, token=token, parent_page="0",
                   state=State.RUNNING, started_at=world.now, updated_at=world.now)
    assert world.application.tasks.claim(claimed) is None

    def kill() -> None:
        world.application.kill(attempt_id)
        while any(at <= world.now for at, _ in world.records):
            world._step()

    world.fault.around = _Meanwhile(                               # type: ignore[method-assign]
        lambda item: item.get("k") == "l" and item["st"] == "d", kill).around
    world.calls.append(("lost", {"job": job, "token": token}))
    drain(world)
    assert status(world, attempt_id) == "killed"


class _Throttled(Fault):
    """The second hand-over is refused, once."""

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if name == "dispatch.work":
            self.log.append(name)
            if len(self.log) == 2:
                raise UnavailableError("too many calls")
        return call(*args, **more)


def test_a_groups_record_that_comes_again_beside_news_hands_over_what_is_missing_rule_5(tmp_path: Path) -> None:
    """+b was handed over and is done, +a was not: the record of the root comes again together with that of +b."""
    script = Script()
    world = _Surviving(tmp_path, mode="stream-only", replay=script, fault=_Throttled())
    attempt_id = begin(world, "_parallel: true\n+a: {do>: 1}\n+g: {+b: {do>: 1}}\n", tmp_path)
    assert world._step()
    while world.calls:
        world._call(*world.calls.popleft())
    assert script.ran == ["+w+g+b"]
    for _ in range(6):                                              # seconds, and not the minutes of `watch`
        later(world, seconds=1)
        drain(world)
    assert status(world, attempt_id) == "success"


@EVERY_MODE
@pytest.mark.parametrize(("line", "is_early", "wanted"), [
    (Again(1800, {}), True, [("SLA violation", 7)]), (ValueError("too bad"), False, [("too bad (value)", None)] * 2),
], ids=["before", "beside"])
def test_what_the_sla_left_before_the_root_failed_is_told_to_its_error_tasks_and_nothing_later_is_E_61(
    line: Exception, is_early: bool, wanted: Any, mode: str, tmp_path: Path,
) -> None:
    """The SLA's tasks are descendants of the root like others; those that come beside ^error come too late."""
    seen: list[Any] = []

    def look(request: TaskRequest) -> TaskResult:
        seen.append((request.config["error"].get("message"), request.config.get("late")))
        if len(seen) == 1 and not is_early:
            raise Again(3600, {"asked": 1})
        return TaskResult()

    world = World(tmp_path, mode=mode, replay=Script({
        "+w+a": [line, TaskResult()], "+w^error": [look], "+w^sla+notice": [TaskResult(store={"late": 7})]}))
    attempt_id = begin(
        world, 'sla: {duration: "00:10:00", fail: true, +notice: {do>: 1}}\n_error: {do>: 1}\n+a: {do>: 1}\n', tmp_path)
    world.settle()
    assert status(world, attempt_id) == "error"
    assert seen == wanted


# --- too rare for random seeds ---------------------------------------------------------------------------------------

def test_a_stale_workers_report_changes_nothing_although_it_read_its_own_claim_rule_1(tmp_path: Path) -> None:
    """It is declared dead, and the next run ends, between its look at the claim and its write."""
    script = Script({"+w+a": [TaskResult(store={"v": 1}), TaskResult(store={"v": 2})]})
    world = World(tmp_path, replay=script)
    attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
    path = paths.child("", 0, 0)

    def next_run() -> None:
        leaf = world.application.tasks.leaf(attempt_id, path)
        assert leaf is not None
        world.application.record.lost(attempt_id, path, 1, leaf.token, "gone", world.now, is_crash=True)
        while world.calls:
            world._call(*world.calls.popleft())

    world.fault.around = _Meanwhile(                               # type: ignore[method-assign]
        lambda item: item.get("k") == "l" and (item["st"], item["run"]) == ("s", 1), next_run).around
    drain(world)
    leaf = world.application.tasks.leaf(attempt_id, path)
    assert leaf is not None
    assert leaf.store is not None
    assert (leaf.run, leaf.store.params) == (2, {"v": 2})


@EVERY_MODE
def test_a_kill_reaches_a_group_that_is_just_being_born_rule_8(mode: str, tmp_path: Path) -> None:
    script = Script()
    world = World(tmp_path, mode=mode, replay=script)

    def kill() -> None:
        world.application.kill(1)
        while any(at <= world.now for at, _ in world.records):
            world._step()

    world.fault.around = _Meanwhile(                               # type: ignore[method-assign]
        lambda item: item.get("k") == "g" and item["sk"] != "t", lambda: _in_another_process(world, kill)).around
    attempt_id = begin(world, "+g: {+a: {do>: 1}}\n", tmp_path)
    drain(world)
    assert status(world, attempt_id) == "killed"
    assert script.ran == []


def _in_another_process(world: World, call: Callable[[], object]) -> None:
    mine, records = world.application, world.records
    world.application, world.records = world._cold_start(), deque()
    call()
    world.application = mine
    world.records.extend(records)


class _Refused(Fault):
    """The first notification is refused."""

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if name == "alerts.publish" and not self.log:
            self.log.append(name)
            raise UnavailableError("too many notifications")
        return call(*args, **more)


def test_an_alert_that_was_refused_is_sent_by_the_next_run_G_9(tmp_path: Path) -> None:
    world = _Surviving(tmp_path, replay=Script({"+w+a": [TaskError("no")]}), fault=_Refused())
    attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
    drain(world)
    assert states(world, attempt_id)["+w^failure-alert"] == "success"
    assert [notice["task_name"] for notice in world.alerts.published.values()] == ["+w^failure-alert"]


@EVERY_MODE
def test_what_a_task_exports_meets_its_own_export_before_what_it_inherits_L_73(mode: str, tmp_path: Path) -> None:
    """{q: 2}, then `_export` [1, 2], then an export {p: 1}: the list gives way to the mapping, and q is still there."""
    seen: list[Any] = []

    def look(request: TaskRequest) -> TaskResult:
        seen.append(request.config["k"])
        return TaskResult()

    world = World(tmp_path, mode=mode, replay=Script({
        "+w+g+a": [TaskResult(export={"k": {"p": 1}}, subtasks={"do>": 1})], "+w+g+a^sub": [look]}))
    begin(world, "_export: {k: {q: 2}}\n+g:\n  +a:\n    _export: {k: [1, 2]}\n    do>: 1\n", tmp_path)
    drain(world)
    assert seen == [{"q": 2, "p": 1}]


class _RefusedOnce(Fault):
    """The first write of this item after it was born is refused."""

    def __init__(self, sk: str) -> None:
        super().__init__()
        self._sk, self._writes = sk, 0

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if name == "table.put" and args[0]["sk"] == self._sk:
            self._writes += 1
            if self._writes == 2:
                self.log.append(name)
                raise UnavailableError("throttled")
        return call(*args, **more)


def test_a_child_whose_end_is_not_told_yet_is_not_confirmed_by_the_next_write_rule_5(tmp_path: Path) -> None:
    """+g ends as it is born; who is to tell its parent fails, but his process lives on and writes the parent for +b."""
    fault = _RefusedOnce("t0000001")                            # +p
    world = _Surviving(tmp_path, fault=fault, replay=Script(runs_code=True), has_script=False)
    attempt_id = begin(world, "+x: {do>: 1}\n+p:\n  _parallel: true\n  +b: {do>: 1}\n  +g: {}\n", tmp_path)
    drain(world)
    assert fault.log
    assert status(world, attempt_id) == "success", "without watch, and without waiting"
