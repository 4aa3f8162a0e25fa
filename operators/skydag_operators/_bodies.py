"""What loop>, for_each> and for_range> share: copies of `_do` under names, each with variables of its own (E-90)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from skydag.errors import ConfigError
from skydag.model.values import boolean, integer, mapping, required


def body(config: Mapping[str, Any]) -> dict[str, Any]:
    """`_do`, unevaluated; it is evaluated when its tasks run (O-8)."""
    return required(config, "_do", mapping)


def with_variables(do: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the variables exported over its own `_export` (L-108)."""
    own: dict[str, Any] = {}
    if do.get("_export") is not None:
        if not isinstance(do["_export"], Mapping):
            raise ConfigError("Parameter '_export' must be an object")
        own = dict(do["_export"])
    return {**do, "_export": {**own, **variables}}


def group(config: Mapping[str, Any], children: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The `^sub` group of these (name, body): in order, or beside each other where `_parallel` says so (O-65).

    `_parallel` comes from all that the task sees, so an exported one counts.
    """
    return {**_parallel(config), **dict(children)}


def check_limit(operator: str, count: int, limit: int) -> None:
    """Raises ConfigError when so many tasks are more than an attempt may have (O-21)."""
    if count > limit:
        raise ConfigError(f"Too many {operator} subtasks. Limit: {limit}")


def _parallel(config: Mapping[str, Any]) -> dict[str, Any]:
    if "_parallel" not in config:
        return {}
    value = config["_parallel"]
    if isinstance(value, (bool, str)):
        return {"_parallel": value} if boolean("_parallel", value) else {}
    if isinstance(value, Mapping):
        required(value, "limit", integer)
        return {"_parallel": dict(value)}
    raise ConfigError(f"Invalid _parallel format: {'null' if value is None else value}")
