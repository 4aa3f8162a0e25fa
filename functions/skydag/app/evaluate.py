"""From a leaf's definition to what its operator sees: merge, evaluate, choose (engine.md E-37)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skydag.app.job import Job
from skydag.engine.variables import variables
from skydag.errors import ConfigError
from skydag.language.evaluate import Evaluator
from skydag.model.params import apply_all, merge
from skydag.model.records import dataclass

_NOT_EVALUATED: Final = ("_check", "_error", "_export")
_UNEVALUATED_ALERTS: Final = ("^failure-alert", "^sla^alert")     # K-5: nothing a user wrote may silence them


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    operator: str | None            # None: a leaf without an operator succeeds (O-7)
    config: Mapping[str, Any]       # everything the task sees
    local: Mapping[str, Any]        # its own keys


def evaluate(job: Job, inherited: Mapping[str, Any], evaluator: Evaluator) -> Evaluated:
    """Raises ConfigError when an expression fails."""
    local = {k: v for k, v in job.config.items() if k not in _NOT_EVALUATED}
    if job.name.endswith(_UNEVALUATED_ALERTS):
        config = merge(variables(job.attempt, job.name, {}), local)
    else:
        params = merge(apply_all(inherited, job.stores), job.export)
        params.pop("_check", None)
        params.pop("_error", None)
        params.update(variables(job.attempt, job.name, params))     # plain values, which merge with nothing
        config = _evaluated(job, merge(params, local), params, evaluator)
    own = {k: config[k] for k in local if k in config}
    operator, command = _choice(config)
    if operator is not None:
        config.pop("_command", None)
        config["_type"] = operator
        if command is not _NONE:
            config["_command"] = command
    return Evaluated(operator=operator, config=config, local=own)


def _evaluated(job: Job, config: dict[str, Any], params: Mapping[str, Any], evaluator: Evaluator) -> dict[str, Any]:
    """K-21: in the tasks of an _error block `error` is text as it is, never a template."""
    if "^error" not in job.name or "error" not in config or "error" in job.config:
        return evaluator.evaluate(config, params)
    rest = {k: v for k, v in config.items() if k != "error"}
    out = evaluator.evaluate(rest, params)
    return {k: config["error"] if k == "error" else out[k] for k in config}


_NONE: Final = object()


def _choice(config: Mapping[str, Any]) -> tuple[str | None, Any]:
    """L-141: `_type` wins; else the first key that ends in `>`, whose value is the command (absent when null)."""
    if "_type" in config:
        if config["_type"] is None:
            raise ConfigError("Parameter '_type' is required but null")
        return str(config["_type"]), config.get("_command", _NONE)
    for key, value in config.items():
        if key[-1:] == ">":
            return key[:-1], _NONE if value is None else value
    return None, _NONE


def with_section(config: Mapping[str, Any], operator: str) -> Mapping[str, Any]:
    """L-144: a section named like the operator gives defaults below everything else."""
    section = config.get(operator)
    return merge(section, config) if isinstance(section, Mapping) else config
