"""Meetings of two events that random runs hardly ever see, each as a scenario of its own (design.md section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.modes import EVERY_MODE
from tests.simulation.scripted import Script, begin, drain, later, states, status
from tests.simulation.world import START, Crash, World

from skydag.app.advance import Advance
from skydag.app.stream import SET_ASIDE_AFTER, Record, Stream
from skydag.errors import UnavailableError
from skydag.local.alerts import LocalAlerts
from skydag.local.item_size import ITEM_BYTES_MAX, item_size
from skydag.local.table import MemoryTable
from skydag.spi import Again, TaskRequest, TaskResult
from skydag.store.aside import Aside
from skydag.store.task_items import DUE_SHARDS, due_text


def _items(world: World, attempt_id: int) -> Iterator[dict[str, Any]]:
    return world.application.tasks.partition(attempt_id, "")


def _stream(world: World) -> None:
    """The records that are due, and those that they make."""
    while any(at <= world.now for at, _ in world.records):
        world._step()


# --- direct continuation ---------------------------------------------------------------------------------------------

@EVERY_MODE
@pytest.mark.parametrize("empty", ["+b: {}", "+b: {+c: {}}", "+b:\n  _parallel: true"])
def test_a_group_that_ends_as_it_is_born_lets_the_next_task_run(mode: str, empty: str, tmp_path: Path) -> None:
    """The worker's snapshot of the group is older than the start of the empty group, and must not judge its end."""
    world = World(tmp_path, mode=mode, replay=Script())
    attempt_id = begin(world, f"+a: {{do>: 1}}\n{empty}\n+z: {{do>: 1}}\n", tmp_path)
    drain(world)
    assert status(world, attempt_id) == "success"
    assert world.replay.ran == ["+w+a", "+w+z"]                    # type: ignore[attr-defined]


# --- kill ------------------------------------------------------------------------------------------------------------

def test_a_kill_is_passed_down_although_a_report_came_in_the_same_batch_rule_5(tmp_path: Path) -> None:
    world = World(tmp_path, mode="stream-only", replay=Script(), has_script=False)
    attempt_id = begin(
        world, "+g:\n  _parallel: true\n  +x: {+x1: {do>: 1}, +x2: {do>: 1}}\n  +y: {do>: 1}\n", tmp_path)
    while not world.calls:
        assert world._step()
    x1 = next(call for call in world.calls if call[1]["name"] == "+w+g+x+x1")
    world.calls.remove(x1)
    world._call(*world.calls.popleft())                            # +y is done: a record in the stream
    world.application.kill(attempt_id)                             # +g is flagged: one more
    assert len(world.records) >= 2
    _stream(world)
    world.calls.append(x1)
    drain(world)
    assert states(world, attempt_id)["+w+g+x+x2"] == "blocked"
    assert states(world, attempt_id)["+w+g+x+x1"] == "canceled"
    assert status(world, attempt_id) == "killed"


class _Containers(World):
    """Kills the attempt while a container is being started, or just before."""

    kills_before = False
    kills = True                                                    # while it is being started
    attempt_id: int
    started: list[str]
    stopped: list[str]

    def place(self, operator: Any, config: Any) -> str:
        place = super().place(operator, config)
        if self.kills_before:
            self.application.kill(self.attempt_id)
        return place

    @property
    def _dispatch(self) -> Any:
        inner, world = super()._dispatch, self

        class Dispatch(type(inner)):                               # type: ignore[misc]
            def container(self, job: Any, *, token: str) -> str:
                world.started.append(token)
                if world.kills:
                    world.application.kill(world.attempt_id)
                    return f"container-{token}"
                world.calls.append(("container", dict(job)))
                return f"container-{token}"

            def stop_container(self, container: str, reason: str) -> None:
                world.stopped.append(container)
        return Dispatch()


def _containers(tmp_path: Path, *, kills_before: bool) -> _Containers:
    world = _Containers(tmp_path, replay=Script(runs_code=True))
    world.started, world.stopped, world.kills_before = [], [], kills_before
    world.attempt_id = begin(world, "+a: {do>: 1, docker: {image: x}}\n", tmp_path)
    drain(world)
    return world


def test_o131_nobody_asks_a_container_how_it_gets_on(tmp_path: Path) -> None:
    """Its claim knows which one it is; its worker reports, or ECS tells of its end. So no state, and no poll."""
    world = _Containers(tmp_path, replay=Script(runs_code=True))
    world.started, world.stopped, world.kills = [], [], False
    attempt_id = begin(world, "+a: {do>: 1, docker: {image: x}}\n", tmp_path)
    while not world.started:
        assert world._step()
    leaf = world.application.tasks.leaf(attempt_id, world.calls[-1][1]["path"])
    assert leaf is not None
    assert (leaf.container, dict(leaf.state_params)) == (f"container-{world.started[0]}", {})
    assert world.timers.next_at() is None


def test_a_kill_while_the_container_starts_stops_it_E_71(tmp_path: Path) -> None:
    world = _containers(tmp_path, kills_before=False)
    assert set(world.stopped) == {f"container-{world.started[0]}"}


def test_a_kill_before_the_container_starts_ends_the_task_at_once(tmp_path: Path) -> None:
    world = _containers(tmp_path, kills_before=True)
    assert not world.started
    assert status(world, world.attempt_id) == "killed"


@pytest.mark.parametrize("moment", ["runs", "is handed over"])
def test_a_kill_stops_the_container_of_a_task_and_its_event_ends_the_task_E_71(moment: str, tmp_path: Path) -> None:
    """O-133: whatever operator runs there, not py> alone."""
    world = _Containers(tmp_path, replay=Script(runs_code=True))
    world.started, world.stopped, world.kills = [], [], False
    world.attempt_id = begin(world, "+a: {do>: 1, docker: {image: x}}\n", tmp_path)
    while not (world.started if moment == "runs" else world.calls):
        assert world._step()
    world.application.kill(world.attempt_id)
    job = world.calls.popleft()[1] if moment == "runs" else None
    drain(world)
    assert set(world.stopped) == {f"container-{token}" for token in world.started}
    if job is not None:
        assert status(world, world.attempt_id) == "running"
        world.application.record.lost(
            world.attempt_id, job["path"], job["run"], job["token"], "it was stopped", world.now, is_crash=False)
        drain(world)
    assert status(world, world.attempt_id) == "killed"


@pytest.mark.parametrize("what", ["report", "event"])
def test_a_late_word_of_an_earlier_run_changes_nothing_of_the_present_one_rule_1(what: str, tmp_path: Path) -> None:
    """The run before had asked to be called again; its report comes twice, or its call is said to have failed."""
    script = Script({"+w+a": [Again(1, {"asked": 1}), TaskResult()]}, runs_code=True)
    world = World(tmp_path, replay=script)
    attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
    while not (world.calls and world.calls[0][0] == "finish"):
        assert world._step()
    early = dict(world.calls[0][1])
    drain(world)
    later(world, seconds=2)
    while not (world.calls and world.calls[0][0] == "finish"):
        assert world._step()
    if what == "report":
        world.application.record.report(early, world.now)
    else:
        world.application.record.lost(
            attempt_id, early["path"], early["run"], early["token"], "too late", world.now, is_crash=False)
    leaf = world.application.tasks.leaf(attempt_id, early["path"])
    assert leaf is not None
    assert (leaf.run, str(leaf.state)) == (2, "running")
    drain(world)
    assert status(world, attempt_id) == "success"
    assert script.ran == ["+w+a", "+w+a"]


# --- retries ---------------------------------------------------------------------------------------------------------

def test_a_poll_forgets_no_retry_E_59(tmp_path: Path) -> None:
    polls = Again(after_s=1, state={"job": 7})
    world = World(tmp_path, replay=Script({"+w+a": [ValueError("1"), polls, ValueError("2"), polls]}, retries=True))
    attempt_id = begin(world, "+a: {do>: 1, _retry: 1}\n", tmp_path)
    world.settle(hours=1)
    assert status(world, attempt_id) == "error"
    assert world.replay.ran == ["+w+a"] * 3                        # type: ignore[attr-defined]


@EVERY_MODE
def test_a_second_run_without_tasks_keeps_what_the_first_try_left_E_54(mode: str, tmp_path: Path) -> None:
    """In the order of ids: the leaf's own store, then those of its earlier tries' tasks."""
    seen: list[Any] = []

    def look(request: TaskRequest) -> TaskResult:
        seen.append((request.config.get("v"), request.config.get("only_first")))
        return TaskResult()

    tries = [TaskResult(store={"v": 1}, subtasks={"+s": {"do>": 1}, "+f": {"do>": 1}}), TaskResult(store={"v": 3})]
    world = World(tmp_path, mode=mode, replay=Script({
        "+w+a": tries, "+w+a^sub+s": [TaskResult(store={"v": 2, "only_first": True})],
        "+w+a^sub+f": [ValueError("no")], "+w+z": [look]}))
    attempt_id = begin(world, "+a: {do>: 1, _retry: 1}\n+z: {do>: 1}\n", tmp_path)
    drain(world)
    assert status(world, attempt_id) == "success"
    assert seen == [(2, True)]


def test_a_group_that_its_leaf_left_behind_is_not_looked_at_for_ever(tmp_path: Path) -> None:
    tries = [TaskResult(subtasks={"+f": {"do>": 1}}), TaskResult()]
    world = World(tmp_path, replay=Script({"+w+a": tries, "+w+a^sub+f": [ValueError("no")]}))
    attempt_id = begin(world, "+a: {do>: 1, _retry: 1}\n", tmp_path)
    world.settle(hours=1)
    assert status(world, attempt_id) == "success"
    later(world, days=365)
    assert [due for shard in range(DUE_SHARDS) for due in world.table.due(shard, due_text(world.now))] == []


@EVERY_MODE
def test_a_late_timer_of_an_earlier_wait_does_not_end_the_present_one_rule_3(mode: str, tmp_path: Path) -> None:
    """Of a group, and of a leaf: what they wait for stands in their items."""
    script = Script({"+w+g+f": [ValueError("no")], "+w+l": [Again(1800, {}), Again(1800, {}), TaskResult()]})
    world = World(tmp_path, mode=mode, replay=script)
    rung: list[dict[str, Any]] = []
    due = world.timers.due
    world.timers.due = lambda now: [rung.append(one) or one for one in due(now)]  # type: ignore[method-assign,func-returns-value]
    attempt_id = begin(
        world, "_parallel: true\n+g: {_retry: {limit: 2, interval: 1800}, +f: {do>: 1}}\n+l: {do>: 1}\n", tmp_path)
    for wait in (1, 2):
        drain(world)
        assert (script.ran.count("+w+g+f"), script.ran.count("+w+l")) == (wait, wait)
        later(world, minutes=10)
        for message in list(rung):                                 # they come once more, each in the next wait
            world.application.timer(message)
        drain(world)
        assert (script.ran.count("+w+g+f"), script.ran.count("+w+l")) == (wait, wait)
        later(world, minutes=21)
    assert {message["kind"] for message in rung} == {"group", "leaf"}
    drain(world)
    assert status(world, attempt_id) == "error"
    assert (script.ran.count("+w+g+f"), script.ran.count("+w+l")) == (3, 3)


# --- SLA -------------------------------------------------------------------------------------------------------------

SLA = 'sla: {{duration: "00:00:01", fail: {fail}, +notice: {{do>: 1}}}}\n' \
    '_retry: {{limit: 2, interval: 1800}}\n+a: {{do>: 1}}\n'


@EVERY_MODE
def test_sla_tasks_come_once_whatever_the_root_repeats_S_94(mode: str, tmp_path: Path) -> None:
    world = World(tmp_path, mode=mode, replay=Script({
        "+w+a": [ValueError("1"), ValueError("2"), TaskResult()]}))
    attempt_id = begin(world, SLA.format(fail="false"), tmp_path)
    world.settle()
    names = [row.full_name for row in world.application.task_rows(attempt_id)]
    assert names.count("+w^sla+notice") == names.count("+w^sla^alert") == names.count("+w^sla") == 1
    assert world.replay.ran.count("+w^sla+notice") == 1            # type: ignore[attr-defined]
    assert status(world, attempt_id) == "success"


@EVERY_MODE
def test_an_attempt_that_is_being_killed_gets_no_sla_tasks_K_16(mode: str, tmp_path: Path) -> None:
    def long(request: TaskRequest) -> TaskResult:
        world.application.kill(request.attempt_id)
        later(world, minutes=1)
        world.application.timer({"kind": "sla", "attempt_id": request.attempt_id})
        world.application.watch(world.now)
        assert status(world, request.attempt_id) == "running"
        return TaskResult()

    world = World(tmp_path, mode=mode, replay=Script({"+w+a": [long]}))
    attempt_id = begin(world, SLA.format(fail="true"), tmp_path)
    drain(world)
    assert world.replay.ran == ["+w+a"]                            # type: ignore[attr-defined]
    assert status(world, attempt_id) == "killed"
    assert [name for name in states(world, attempt_id) if "^sla" in name] == []


@EVERY_MODE
def test_the_sla_tasks_of_an_empty_root_stay_listed_when_it_is_tried_again_E_53(mode: str, tmp_path: Path) -> None:
    """Its tries take no numbers, and are kept all the same."""
    world = World(tmp_path, mode=mode, replay=Script())
    world.application.advance.root_born = lambda attempt, now: None      # type: ignore[method-assign]   # he fell asleep
    attempt_id = begin(world, "_retry: {limit: 1, interval: 3}\nsla: {duration: '00:00:10', fail: true}\n", tmp_path)
    world.records.clear()
    later(world, seconds=11)
    world.application.timer({"kind": "sla", "attempt_id": attempt_id})
    world.settle(hours=1)
    assert status(world, attempt_id) == "error"
    assert states(world, attempt_id)["+w^sla^fail"] == "error"


@EVERY_MODE
def test_a_failed_sla_task_fails_every_later_try_of_the_root_E_53(mode: str, tmp_path: Path) -> None:
    """The newest row of its name stays an error child, since no try copies it."""
    world = World(tmp_path, mode=mode, replay=Script({"+w+a": [ValueError("1"), TaskResult()]}))
    attempt_id = begin(world, SLA.format(fail="true"), tmp_path)
    world.settle()
    assert status(world, attempt_id) == "error"
    assert world.replay.ran.count("+w+a") == 3                     # type: ignore[attr-defined]
    assert world.replay.ran.count("+w^sla+notice") == 1            # type: ignore[attr-defined]


# --- the table -------------------------------------------------------------------------------------------------------

@EVERY_MODE
@pytest.mark.parametrize("parallel", ["", "_parallel: true\n"], ids=["sequence", "parallel"])
def test_items_fit_into_400_KB_whatever_siblings_store_F_9(mode: str, parallel: str, tmp_path: Path) -> None:
    tasks = [f"+t{n}" for n in range(20)]
    text = parallel + "".join(f"{task}: {{do>: 1}}\n" for task in tasks)
    big = {f"+w{task}": [TaskResult(store={task: "x" * 60_000})] for task in tasks}
    world = World(tmp_path, mode=mode, replay=Script(big))
    attempt_id = begin(world, text, tmp_path)
    drain(world)
    assert status(world, attempt_id) == "success"
    assert max(item_size(item) for item in _items(world, attempt_id)) < ITEM_BYTES_MAX


@EVERY_MODE
def test_a_hundred_levels_begin_end_and_are_killed_L_47(mode: str, tmp_path: Path) -> None:
    text = "".join("  " * level + f"+g{level}:\n" for level in range(98)) + "  " * 98 + "+x: {do>: 1}\n"
    for kills in (False, True):
        world = World(tmp_path, mode=mode, replay=Script())
        attempt_id = begin(world, text, tmp_path)
        if kills:
            world.application.kill(attempt_id)
        drain(world)
        assert status(world, attempt_id) == ("killed" if kills else "success")
        assert max(len(item["sk"]) for item in _items(world, attempt_id)) <= 1024


def test_tasks_that_generate_themselves_end_with_a_clear_error_E_95(tmp_path: Path) -> None:
    def again(request: TaskRequest) -> TaskResult:
        return TaskResult(subtasks={"do>": 1})

    class Endless(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return [again]

    script = Script()
    script.lines = Endless()
    world = World(tmp_path, replay=script)
    attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
    drain(world)
    assert status(world, attempt_id) == "error"
    rows = world.application.task_rows(attempt_id)
    errors = [row.error["message"] for row in rows if row.error]
    assert errors == ["tasks are nested deeper than 120 levels (config)"]
    assert max(len(item["sk"]) for item in _items(world, attempt_id)) <= 1024


# --- the last resort -------------------------------------------------------------------------------------------------

@EVERY_MODE
def test_who_ends_the_root_for_watch_may_die_before_the_attempt_is_told_G_5(mode: str, tmp_path: Path) -> None:
    world = World(tmp_path, mode=mode, replay=Script())
    attempt_id = begin(world, "_parallel: true\n+a: {do>: 1}\n+b: {do>: 1}\n", tmp_path)
    _stream(world)
    while world.calls:
        world._call(*world.calls.popleft())
    world.records.clear()                                          # both reports are lost
    transact, dies = world.table.transact, [True]

    def once(*args: Any, **more: Any) -> Any:
        if dies:
            dies.clear()
            raise Crash("finish")
        return transact(*args, **more)
    world.table.transact = once                                    # type: ignore[method-assign]
    world.settle()
    assert status(world, attempt_id) == "success"


class _Sick:
    def attempt(self, attempt_id: int) -> Any:
        raise RuntimeError("it cannot be read")


def test_an_attempt_is_set_aside_after_three_deliveries_of_one_record_not_after_three_bad_days_G_10() -> None:
    sick: Advance = _Sick()                                        # type: ignore[assignment]
    told = LocalAlerts()
    stream = Stream(sick, Aside(MemoryTable(lambda change: None)), told, lambda: None, lambda hands: None)

    def delivery(number: int) -> list[str]:
        image = {"pk": "attempt#000000000001", "sk": "t", "act": "a", "k": "g"}
        return stream([Record(id=f"{number:03d}", image=image)], START)

    for number in range(5):
        assert delivery(number) == [f"{number:03d}"]
    for _ in range(SET_ASIDE_AFTER - 2):
        assert delivery(4) == ["004"]
    assert not told.published
    assert delivery(4) == []
    assert [notice["message"] for notice in told.published.values()] == [
        "Attempt 1 cannot be processed and was set aside; once the cause is mended: skydag heal 1"]


def test_an_attempt_is_not_set_aside_before_somebody_is_told_G_10() -> None:
    class Mute(LocalAlerts):
        def publish(self, notice: Mapping[str, Any], *, stable_id: str) -> None:
            raise UnavailableError("SNS does not answer")

    sick: Advance = _Sick()                                        # type: ignore[assignment]
    stream = Stream(sick, Aside(MemoryTable(lambda change: None)), Mute(), lambda: None, lambda hands: None)
    image = {"pk": "attempt#000000000001", "sk": "t", "act": "a", "k": "g"}
    for _ in range(SET_ASIDE_AFTER + 2):
        assert stream([Record(id="1", image=image)], START) == ["1"]


def test_an_error_task_is_listed_with_what_it_saw_not_with_what_it_did_E_61(tmp_path: Path) -> None:
    world = World(tmp_path, replay=Script({
        "+w+g+a": [TaskResult(store={"kept": 1})], "+w+g+f": [ValueError("first")],
        "+w+g^error": [TaskResult(store={"own": 2})]}))
    attempt_id = begin(world, "+g: {_error: {do>: 1}, +a: {do>: 1}, +f: {do>: 1}}\n", tmp_path)
    drain(world)
    row = next(row for row in world.application.task_rows(attempt_id) if row.full_name == "+w+g^error")
    assert row.store_params == {"own": 2}
    assert row.export_params["kept"] == 1
    assert "own" not in row.export_params
