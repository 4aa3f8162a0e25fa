"""`for_each>`: the body once for each combination of values (E-93, O-66 .. O-69)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, ClassVar
from urllib.parse import quote

from skydag.model.values import array_or_json, mapping_or_json, required
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _bodies

TAG_UNITS_MAX = 8       # UTF-16 units


class ForEach:
    """`+for-0=<key>=<i>=<value>&1=...`: the cross product of the lists, the first key slowest.

    Any empty list gives no tasks (K-7). More combinations than an attempt may have tasks are a config error.
    """

    retries: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False
    is_small: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        do = _bodies.body(request.config)
        command = required(request.config, "_command", mapping_or_json)
        axes = [(key, required(command, key, array_or_json)) for key in command]
        count = math.prod(len(values) for _, values in axes) if axes else 0
        _bodies.check_limit("for_each", count, request.task_limit)
        combinations = product(*(enumerate(values) for _, values in axes)) if axes else ()
        children = (_child([key for key, _ in axes], chosen, do) for chosen in combinations)
        return TaskResult(subtasks=_bodies.group(request.config, children))

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""


def _child(
    keys: Sequence[str], chosen: Sequence[tuple[int, Any]], do: Mapping[str, Any],
) -> tuple[str, dict[str, Any]]:
    """Name and body for one combination of (index, value). The name, by key number, key, value index and value:
    `+for-0=fruit=1=orange&1=n=0=%7B%22k%22%3A2%7D`."""
    pairs = list(zip(keys, chosen, strict=True))
    name = "&".join(f"{n}={tag(key)}={index}={tag(value)}" for n, (key, (index, value)) in enumerate(pairs))
    return f"+for-{name}", _bodies.with_variables(do, {key: value for key, (_, value) in pairs})


def tag(value: Any) -> str:
    """A text as it is, anything else as JSON; cut to eight UTF-16 units, then encoded as Java encodes a form, but with
    `%20` for a blank and `%2A` for `*`, which no task name may hold (K-8)."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * TAG_UNITS_MAX]
    cut = units.decode("utf-16-le", "surrogatepass").encode("utf-8", "replace")     # half a pair: "?", as in Java
    return quote(cut, safe="").replace("~", "%7E")
