"""require>: what is started, what is waited for, what is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from skydag.errors import LimitError, NotFoundError
from skydag.spi import OtherAttempt
from skydag.testing import Trial
from skydag_operators.require import Require


class Elsewhere:
    """spi.Workflows: one session; its attempts by name, made by whoever asks first."""

    def __init__(self) -> None:
        self.attempts: dict[str, OtherAttempt] = {}
        self.made_for: dict[str, str] = {}
        self.asked: list[Mapping[str, Any]] = []
        self.refusal: Exception | None = None

    def there_is(self, name: str = "", *, is_done: bool = True, is_success: bool = True) -> None:
        self.attempts[name] = OtherAttempt(session_id=5, attempt_id=20 + len(self.attempts), is_done=is_done,
                                           is_success=is_success)
        self.made_for[name] = "somebody else"

    def ends(self, *, is_success: bool) -> None:
        name, last = list(self.attempts.items())[-1]
        self.attempts[name] = replace(last, is_done=True, is_success=is_success)

    def start(self, workflow: str, session_time: datetime, *, project: int | str | None, params: Mapping[str, Any],
              retry_attempt_name: str | None, once: str) -> OtherAttempt:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append({"workflow": workflow, "time": session_time, "project": project, "params": params,
                           "name": retry_attempt_name})
        name = retry_attempt_name or ""
        if name not in self.attempts:
            self.there_is(name, is_done=False, is_success=False)
            self.made_for[name] = once
        found = self.attempts[name] if name else list(self.attempts.values())[-1]
        return replace(found, is_started=self.made_for[name] == once)

    def last_attempt(self, session_id: int) -> OtherAttempt:
        return list(self.attempts.values())[-1]

    def attempt(self, attempt_id: int) -> OtherAttempt:
        return next(one for one in self.attempts.values() if one.attempt_id == attempt_id)


class Task(Trial):
    """One require> task, run again and again."""

    def __init__(self, **config: Any) -> None:
        self.elsewhere, self.config = Elsewhere(), {"_command": "child", **config}
        super().__init__(Require(), self.config)
        self.workflows = self.elsewhere

    def ended(self, *, is_lost: bool = False) -> str:
        """again, success, or the error."""
        tried = self.run(is_lost=is_lost)
        return tried.error or ("success" if tried.is_success else "again")

    @property
    def pauses(self) -> list[float]:
        return [wait.total_seconds() for wait in self.waits]


@pytest.fixture
def task() -> Task:
    return Task()


def test_o59_o60_it_starts_the_workflow_once_and_polls_ever_more_slowly_until_it_is_done(task: Task) -> None:
    assert {task.ended() for _ in range(7)} == {"again"}
    assert task.pauses == [1, 2, 4, 8, 10, 10, 10]
    assert task.state["require_kicked"] is True
    assert (task.state["target_session_id"], task.state["target_attempt_id"]) == (5, 20)
    assert len(task.elsewhere.asked) == 1, "what is waited for is looked at by its id"
    task.elsewhere.ends(is_success=True)
    assert [task.ended(), task.ended()] == ["again", "success"]
    assert task.pauses[-1] == 1


def test_e96_the_start_carries_params_time_project_and_name_of_the_tasks_own_keys() -> None:
    task = Task(params={"a": [1]}, session_time="2024-12-31T00:00:00+09:00")
    task.own = {"project_name": "other", "retry_attempt_name": "again"}
    task.config |= {"project_id": 99, "retry_attempt_name": "not read: exported"}
    task.ended()
    assert task.elsewhere.asked == [{
        "workflow": "child", "time": datetime(2024, 12, 31, tzinfo=timezone(timedelta(hours=9))), "project": "other",
        "params": {"a": [1]}, "name": "again"}]


def test_e96_without_them_it_is_the_tasks_own_project_and_session_time(task: Task) -> None:
    task.ended()
    assert task.elsewhere.asked == [{"workflow": "child", "time": datetime(2025, 1, 1, tzinfo=UTC), "project": None,
                                     "params": {}, "name": None}]


def test_f3_o25_a_run_that_died_after_its_start_is_recognised_by_the_next(task: Task) -> None:
    task.config["rerun_on"] = "all"
    task.ended(is_lost=True)
    task.elsewhere.ends(is_success=True)
    assert [task.ended() for _ in range(3)] == ["again", "again", "success"]
    assert len(task.elsewhere.attempts) == 1, "started by this task, so rerun_on starts no other"


@pytest.mark.parametrize("ignore", [False, True])
def test_o59_a_failure_fails_the_task_unless_it_is_ignored(task: Task, ignore: bool) -> None:
    task.config["ignore_failure"] = ignore
    task.ended()
    task.elsewhere.ends(is_success=False)
    task.ended()
    if ignore:
        assert task.ended() == "success"
    else:
        assert task.ended() == "Dependent workflow failed. Session id: 5, attempt id: 20"


@pytest.mark.parametrize(("rerun_on", "succeeded", "attempts"), [
    ("none", True, 1), ("none", False, 1), ("failed", True, 1), ("failed", False, 2), ("all", True, 2),
    ("all", False, 2),
])
def test_o63_a_finished_session_is_run_again_as_rerun_on_says(
    task: Task, rerun_on: str, succeeded: bool, attempts: int,
) -> None:
    task.config |= {"rerun_on": rerun_on, "ignore_failure": True}
    task.elsewhere.there_is(is_success=succeeded)
    task.ended()
    if attempts == 2:
        assert task.pauses == [0]
        task.ended()
        task.elsewhere.ends(is_success=True)
        task.ended()
    assert task.ended() == "success"
    assert len(task.elsewhere.attempts) == attempts
    assert ("rerun_on_retry_attempt_name" in task.state) == (attempts == 2)


def test_o59_an_attempt_that_is_running_is_joined(task: Task) -> None:
    task.elsewhere.there_is(is_done=False)
    assert [task.ended(), task.ended()] == ["again", "again"]
    assert "require_kicked" not in task.state
    task.elsewhere.ends(is_success=True)
    assert [task.ended(), task.ended()] == ["again", "success"]


def test_o59_of_a_session_that_was_retried_meanwhile_the_last_attempt_counts(task: Task) -> None:
    task.ended()
    task.elsewhere.ends(is_success=False)
    task.elsewhere.there_is("by hand", is_done=True, is_success=True)
    assert [task.ended(), task.ended()] == ["again", "success"]


def test_o62_a_retry_begins_anew_where_rerun_on_allows_it_and_fails_at_once_where_not(task: Task) -> None:
    for rerun_on, ends in (("none", "failed"), ("failed", "again")):
        task.config["rerun_on"] = rerun_on
        task.elsewhere.attempts.clear()
        task.state = {}
        task.ended()
        task.elsewhere.ends(is_success=False)
        task.ended()
        assert "Dependent workflow failed" in task.ended()
        task.state = task.state | {"retry_count": 1}
        if ends == "failed":
            assert "Dependent workflow failed" in task.ended()
            continue
        task.ended()
        task.ended()
        task.elsewhere.ends(is_success=True)
        assert [task.ended(), task.ended()] == ["again", "success"]
        assert len(task.elsewhere.attempts) == 2


@pytest.mark.parametrize(("config", "message"), [
    ({"project_id": 1, "project_name": "x"}, "Both project_id and project_name can't be set"),
    ({"rerun_on": "always"}, "invalid rerun_on option:always"),
    ({"session_time": "2025-01-01"}, "'session_time' must be a time with its offset"),
    ({"session_time": "yesterday"}, "not 'yesterday'"),
    ({"_command": None}, "Parameter '_command' is required but null"),
    ({"params": "x"}, "params"),
])
def test_o58_wrong_keys_are_named(config: dict[str, Any], message: str) -> None:
    error = Task(**config).ended()
    assert message in error and error.endswith(" (config)")


def test_o61_what_cannot_be_started_fails_the_task_with_its_name(task: Task) -> None:
    task.config["project_name"] = "shop"
    task.elsewhere.refusal = NotFoundError("project 'shop' has no workflow 'child'; did you mean 'chile'?")
    assert task.ended() == (
        "Dependent workflow does not exist. projectName:shop, workflowName:child (project 'shop' has no workflow "
        "'child'; did you mean 'chile'?)")
    task.elsewhere.refusal = LimitError("Too many attempts running. Limit: 100, Current: 100")
    assert task.ended() == "Too many attempts running. Limit: 100, Current: 100"
