"""The installation's limits from the configuration of `skydag server` (C-9, C-13; E-120 to E-123)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from skydag.errors import ConfigError, InvalidError
from skydag.model.values import duration

#: Property -> the template's parameter for it.
COUNTS: Final = {"executor.task_max_run": "TaskLimit", "executor.attempt_max_run": "AttemptLimit"}
DURATIONS: Final = {"executor.attempt_ttl": "AttemptTtl", "executor.task_ttl": "TaskTtl"}
OPERATORS: Final = ("config.", "param_server.")
SEPARATOR: Final = ";"


def template_parameters(config: Mapping[str, str]) -> dict[str, str]:
    """What these properties ask of the installation. InvalidError: a value that is none, by its property's name."""
    out: dict[str, str] = {}
    for key, name in COUNTS.items():
        if key in config:
            if not config[key].isdecimal() or int(config[key]) < 1:
                raise InvalidError(f"Property {key} takes a number from 1 on, not '{config[key]}'")
            out[name] = config[key]
    for key, name in DURATIONS.items():
        if key in config:
            try:
                duration(key, config[key])
            except ConfigError as wrong:
                raise InvalidError(f"Property {key}: {wrong}") from wrong
            out[name] = config[key]
    operators = {key: value for key, value in config.items() if key.startswith(OPERATORS)}
    for key, value in operators.items():
        if SEPARATOR in value or "\n" in value:
            raise InvalidError(f"Property {key} must be one line without '{SEPARATOR}' here")
    if operators:
        out["OperatorProperties"] = SEPARATOR.join(f"{key}={value}" for key, value in operators.items())
    return out
