"""`loop>`: the same body n times (E-92, O-64)."""

from __future__ import annotations

from typing import ClassVar

from skydag.model.values import integer, optional, required
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _bodies


class Loop:
    """`+loop-0` ... `+loop-<n-1>`, each exporting `i`; none for n <= 0.

    A `count` among all that the task sees wins over `_command`, which must be there all the same (K-9).
    """

    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False
    is_small: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        do = _bodies.body(request.config)
        count = optional(request.config, "count", integer, required(request.config, "_command", integer))
        _bodies.check_limit("loop", count, request.task_limit)
        children = ((f"+loop-{i}", _bodies.with_variables(do, {"i": i})) for i in range(count))
        return TaskResult(subtasks=_bodies.group(request.config, children))

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""
