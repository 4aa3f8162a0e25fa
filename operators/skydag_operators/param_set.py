"""`param_set>`: sets shared parameters (O-77 .. O-82)."""

from __future__ import annotations

from typing import ClassVar

from skydag.errors import ConfigError, InvalidError
from skydag.model.values import text
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _params


class ParamSet:
    """Sets every key of the task to its value, kept as text; all of them, or none."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        values = {key: text(key, value) for key, value in _params.own_keys(request).items()}
        try:
            request.params.set(values)
        except InvalidError as too_large:
            raise ConfigError(str(too_large)) from None
        return TaskResult()

    def cleanup(self, request: TaskRequest) -> None:
        """Nothing was started."""
