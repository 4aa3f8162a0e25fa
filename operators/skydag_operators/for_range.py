"""`for_range>`: the body once for each piece of a range (E-94, O-70, O-71)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from skydag.errors import ConfigError
from skydag.model.values import long, mapping_or_json, optional, required
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _bodies


class ForRange:
    """`+range-from=<a>&to=<b>`, each exporting `range: {from, to, index}`; the last piece ends before `to`."""

    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False
    is_small: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        do = _bodies.body(request.config)
        command = required(request.config, "_command", mapping_or_json)
        start, end = required(command, "from", long), required(command, "to", long)
        step = _step(command, end - start)
        count = max(0, -(-(end - start) // step))
        if count > request.task_limit:
            raise ConfigError(f"Too many for_range subtasks ({count}). Limit: {request.task_limit}")
        pieces = ((start + n * step, min(start + (n + 1) * step, end), n) for n in range(count))
        children = (
            (f"+range-from={a}&to={b}", _bodies.with_variables(do, {"range": {"from": a, "to": b, "index": n}}))
            for a, b, n in pieces
        )
        return TaskResult(subtasks=_bodies.group(request.config, children))

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""


def _step(command: Mapping[str, Any], length: int) -> int:
    """The size of a piece, at least 1: `step`, or what cuts the range into `slices` pieces."""
    step, slices = optional(command, "step", long, None), optional(command, "slices", long, None)
    if step is not None and slices is not None:
        raise ConfigError("Setting both step and slices options to for_range is invalid")
    if step is not None:
        return _positive("step", step)
    if slices is not None:
        return max(1, -(-length // _positive("slices", slices)))
    raise ConfigError("step or slices option is required for for_range")


def _positive(option: str, value: int) -> int:
    if value < 1:
        raise ConfigError(f"{option} option must be same or greater than 1 but got {value}")
    return value
