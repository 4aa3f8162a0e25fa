"""One run of one operator: what `_retry` makes of its failure, and what is said of it (O-27 .. O-36)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.app.test_language_at_work import Run, run
from tests.app.test_script import NOW, job

from skydag.app.execute import Surroundings
from skydag.app.execute import run as execute
from skydag.app.workspace import Folder
from skydag.engine.retry import RetryPolicy, leaf_policy, retry_wait
from skydag.errors import ConfigError, TaskError
from skydag.model.outcome import AGAIN, FAILED, OK, Ended
from skydag.spi import Again, TaskRequest, TaskResult
from skydag.testing.bench import ATTEMPT

__all__ = ["run"]           # a fixture


class Does:
    """Does what the test says, and knows what it was called with."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = False

    def __init__(self, act: Callable[[TaskRequest], TaskResult]) -> None:
        self._act = act
        self.calls: list[TaskRequest] = []

    def run(self, request: TaskRequest) -> TaskResult:
        self.calls.append(request)
        return self._act(request)

    def cleanup(self, request: TaskRequest) -> None:
        pass


class HonoursNone(Does):
    retries = False


def raises(error: Exception, kind: type[Does] = Does) -> Does:
    def act(request: TaskRequest) -> TaskResult:
        raise error
    return kind(act)


def ended(operator: Does, log: list[str], state: Mapping[str, Any] | None = None, **config: Any) -> Ended:
    def nothing(*_: Any, **__: Any) -> Any:
        raise AssertionError("not asked for")

    task = {**job("does", "x", **config), "state": state or {}}
    return execute(task, ATTEMPT, operator, Surroundings(
        files=Folder(Path()), log=log.append, echo=log.append, secrets=nothing, properties={}, template=nothing,
        notify=nothing, commands=nothing, now=lambda: NOW))


@pytest.mark.parametrize(("value", "policy"), [
    (None, None), (2, RetryPolicy(limit=2)), (" 2 ", RetryPolicy(limit=2)), ({"limit": "3"}, RetryPolicy(limit=3)),
    ({"limit": 3, "interval": 10, "max_interval": 60, "interval_type": "Exponential"},
     RetryPolicy(limit=3, interval_s=10, max_interval_s=60, is_exponential=True)),
])
def test_o28_the_forms_of_retry(value: Any, policy: RetryPolicy | None) -> None:
    assert leaf_policy(value) == policy


@pytest.mark.parametrize(("value", "words"), [
    ([1], r"Invalid _retry format:\[1\]"), ("often", "Invalid _retry format:often"),
    (True, "Invalid _retry format:true"),
    ({"limit": 1, "interval_type": "linear"}, "Invalid retry_interval_type: linear"), ({"interval": 1}, "'limit'"),
])
def test_o28_another_form_fails_the_task_and_is_not_retried(value: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        leaf_policy(value)
    operator = Does(lambda request: TaskResult())
    assert ended(operator, [], _retry=value).kind == FAILED
    assert operator.calls == []


def test_o29_the_wait_is_the_interval_or_doubles_up_to_its_most() -> None:
    constant = RetryPolicy(limit=9, interval_s=10, max_interval_s=5)
    doubling = RetryPolicy(limit=9, interval_s=10, max_interval_s=60, is_exponential=True)
    assert [retry_wait(constant, n) for n in range(3)] == [timedelta(seconds=10)] * 3
    assert [retry_wait(doubling, n).total_seconds() for n in range(5)] == [10, 20, 40, 60, 60]


@pytest.mark.parametrize(("count", "kind"), [(0, AGAIN), (1, AGAIN), (2, FAILED)])
def test_o29_it_is_retried_while_the_count_in_its_state_is_below_the_limit(count: int, kind: str) -> None:
    found = ended(raises(TaskError("no")), [], {"retry_count": count}, _retry={"limit": 2, "interval": 7})
    assert (found.kind, found.after_s) == (kind, 7 if kind == AGAIN else found.after_s)


def test_o30_a_retry_gets_all_of_the_state_but_the_command_that_ran() -> None:
    before = {"retry_count": 1, "job": "j-1", "commandStatus": {"task_arn": "a"}}
    assert ended(raises(TaskError("no")), [], before, _retry=5).state == {"retry_count": 2, "job": "j-1"}


@pytest.mark.parametrize("error", [ConfigError("wrong"), TaskError("failed"), ZeroDivisionError("by 0")])
def test_o31_every_failure_is_retried_a_config_error_too(error: Exception) -> None:
    assert ended(raises(error), [], _retry=1).kind == AGAIN


def test_o22_a_poll_is_no_failure_and_counts_no_retry() -> None:
    log: list[str] = []
    found = ended(raises(Again(5, {"step": 1})), log, {"retry_count": 1}, _retry=1)
    assert (found.kind, found.after_s, found.state, log) == (AGAIN, 5, {"step": 1}, [])


def test_o27_an_operator_that_honours_no_retry_fails_at_once() -> None:
    assert ended(raises(TaskError("no"), HonoursNone), [], _retry=3).kind == FAILED


def test_o32_an_exported_retry_reaches_every_leaf_below(run: Run) -> None:
    text = "_export: {_retry: 2}\n+g:\n  +a: {call>: nowhere.dig}\n"
    row = next(row for row in run(text).rows if row.full_name == "+w+g+a")
    assert (row.state, row.state_params.get("retry_count")) == ("error", 2)


@pytest.mark.parametrize(("error", "line", "message"), [
    (ConfigError("x is wrong"), "Configuration error at task +w+a: x is wrong", "x is wrong (config)"),         # O-33
    (TaskError("no luck"), "Task +w+a failed.\nno luck", "no luck"),                                            # O-34
    (ZeroDivisionError("by 0"), "Task failed with unexpected error: by 0 (zero division)\n",                    # O-35
     "by 0 (zero division)"),
    (KeyError(), "Task failed with unexpected error: KeyError (key)\n", "KeyError (key)"),
])
def test_o33_o34_o35_o36_what_the_log_and_the_error_object_say(error: Exception, line: str, message: str) -> None:
    """O-37: by these, and by the exit code, a test sees a failure."""
    log: list[str] = []
    found = ended(raises(error), log)
    assert found.kind == FAILED
    assert found.error is not None
    assert found.error["message"] == message
    assert log[0].startswith(line)
    assert ("Traceback" in log[0]) == isinstance(error, ZeroDivisionError | KeyError)


def test_o10_an_expression_that_fails_is_a_config_error_in_the_engines_words(run: Run) -> None:
    assert run("+a: {echo>: '${nope.x}'}\n").error("+w+a").endswith(" (config)")


def test_o5_a_plugin_block_fails_nothing_and_takes_no_operators_place(run: Run) -> None:
    text = "_export: {plugin: {repositories: ['https://x.invalid'], dependencies: ['a:b:1']}}\n+a: {echo>: fine}\n"
    assert run(text).printed == ["fine"]


def test_o12_a_key_that_nobody_reads_fails_nothing(run: Run) -> None:
    """It is told before, by `check` and `push` (unknown-option)."""
    assert run("+a: {echo>: fine, colour: red}\n").printed == ["fine"]


def test_o19_o20_stores_are_merged_deeply_after_resets_and_a_failed_run_leaves_nothing() -> None:
    """How they flow on is engine/flow.py's; here: what a run yields, and that a failure yields nothing."""
    good = Does(lambda request: TaskResult(store={"a": 1}, reset=("a.b",), export={"e": 1}, subtasks={"+x": {}}))
    found = ended(good, [])
    assert found.kind == OK
    assert found.store is not None
    assert (found.store.resets, found.store.params, found.export, found.subtasks) == (
        ("a.b",), {"a": 1}, {"e": 1}, {"+x": {}})
    bad = ended(raises(TaskError("no")), [])
    assert (bad.store, bad.export, bad.subtasks) == (None, {}, {})
