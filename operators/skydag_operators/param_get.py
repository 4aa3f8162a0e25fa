"""`param_get>`: reads shared parameters (O-77 .. O-82)."""

from __future__ import annotations

from typing import ClassVar

from skydag.model.values import text
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _params


class ParamGet:
    """`key: name` stores the value of `key` as the parameter `name`: text, empty where there is none."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        names = {key: text(key, value) for key, value in _params.own_keys(request).items()}
        found = request.params.get(list(names))
        return TaskResult(store={name: found.get(key, "") for key, name in names.items()})

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""
