"""What random seeds found (tests/simulation/seeds.py), each as a scenario of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.scripted import Script, begin, drain, status
from tests.simulation.world import Fault, World

from skydag.errors import TaskError, UnavailableError
from skydag.spi import TaskRequest, TaskResult

BOTH = pytest.mark.parametrize("is_direct", [True, False], ids=["direct", "stream-only"])


class _Unanswered(Fault):
    """The first write of what a task generated takes effect, but its answer is lost."""

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        result = call(*args, **more)
        if name == "table.put" and "~g" in args[0]["sk"] and not self.log:
            self.log.append(name)
            raise UnavailableError("no answer")
        return result


def test_trouble_of_the_table_is_not_the_generating_tasks_failure_E_130(tmp_path: Path) -> None:
    class Surviving(World):
        def _invoke(self, call: Callable[[], Any]) -> bool:
            try:
                return super()._invoke(call)
            except UnavailableError:
                return False

    script = Script({"+w+a": [TaskResult(subtasks={"+b": {"do>": 1}})]})
    world = Surviving(tmp_path, fault=_Unanswered(), replay=script)
    attempt_id = begin(world, "+a: {do>: 1}\n", tmp_path)
    world.settle(hours=1)
    assert status(world, attempt_id) == "success"
    assert script.ran == ["+w+a", "+w+a", "+w+a^sub+b"]


@BOTH
def test_an_earlier_trys_error_counts_although_the_group_succeeded_in_the_end_E_61(
    is_direct: bool, tmp_path: Path,
) -> None:
    """All descendants' errors are merged in tree order, those of old tries too: the last one's message wins."""
    seen: list[Any] = []

    def look(request: TaskRequest) -> TaskResult:
        seen.append(request.config["error"]["message"])
        return TaskResult()

    world = World(tmp_path, is_direct=is_direct, replay=Script({
        "+w+a": [TaskError("first")], "+w+g+b": [TaskError("second"), TaskResult()], "+w^error": [look]}))
    attempt_id = begin(world, "_parallel: true\n+a: {do>: 1}\n+g: {_retry: 1, +b: {do>: 1}}\n_error: {do>: 1}\n",
                       tmp_path)
    drain(world)
    assert status(world, attempt_id) == "error"
    assert seen == ["second"]
