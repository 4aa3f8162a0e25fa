"""Operators by name: a table for the built-in ones, entry points for names it does not know (design.md section 6)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from skydag.errors import ConfigError
from skydag.spi import Operator

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "skydag.operators"

#: The same as [project.entry-points."skydag.operators"] in pyproject.toml; a test compares. Reading the entry points of
#: an environment takes longer than most tasks.
BUILT_IN: Final = {
    "call": "skydag_operators.call:Call",
    "echo": "skydag_operators.echo:Echo",
    "fail": "skydag_operators.fail:Fail",
    "for_each": "skydag_operators.for_each:ForEach",
    "for_range": "skydag_operators.for_range:ForRange",
    "http": "skydag_operators.http_:Http",
    "http_call": "skydag_operators.http_call:HttpCall",
    "if": "skydag_operators.if_:If",
    "loop": "skydag_operators.loop:Loop",
    "mail": "skydag_operators.mail:MailTo",
    "notify": "skydag_operators.notify:Notify",
    "param_get": "skydag_operators.param_get:ParamGet",
    "param_set": "skydag_operators.param_set:ParamSet",
    "py": "skydag_operators.py:Py",
    "rb": "skydag_operators.rb:Rb",
    "require": "skydag_operators.require:Require",
    "sh": "skydag_operators.sh:Sh",
    "wait": "skydag_operators.wait:Wait",
}

#: Digdag's own operators (O-1) that are not here yet; docs/compatibility.md lists them, a test compares.
NOT_YET: Final = frozenset({
    "bq", "bq_ddl", "bq_extract", "bq_load", "embulk", "emr", "gcs_wait",
    "pg", "redshift", "redshift_load", "redshift_unload", "s3_wait", "td", "td_ddl",
    "td_for_each", "td_load", "td_partial_delete", "td_result_export", "td_run", "td_table_export", "td_wait",
    "td_wait_table",
})

NEEDED: Final = ("run", "retries", "runs_code")         # of a class that was not derived from spi.Operator

_known: dict[str, Operator | None] = {}


def find_operator(name: str) -> Operator | None:
    """An instance of the operator of that name; None if no installed distribution has one. ConfigError: the one that
    there is cannot be used."""
    if name not in _known:
        _known[name] = _load(name)
    return _known[name]


def is_small(operator: Operator) -> bool:
    """Whether it takes a moment and touches nothing outside, so that whoever has it at hand may run it himself, and
    may run it twice (design.md section 4). An operator says so by `is_small = True`."""
    return bool(getattr(operator, "is_small", False)) and not operator.runs_code


def cleans_up(operator: Operator) -> bool:
    """Whether a kill is to call its `cleanup`. An operator says so by `cleans_up = True`; one that runs user code has
    its processes stopped, or run to their end."""
    return bool(getattr(operator, "cleans_up", False)) and not operator.runs_code


def named(config: Mapping[str, Any]) -> str | None:
    """The operator that a task's own text names, before anything is evaluated; None without one, or by `${...}`."""
    if "_type" in config:
        kind = config["_type"]
        return kind if isinstance(kind, str) and "${" not in kind else None
    return next((key[:-1] for key in config if key.endswith(">")), None)


def installed() -> frozenset[str]:
    """The names of all operators there are."""
    from importlib.metadata import entry_points

    return frozenset((*BUILT_IN, *(point.name for point in entry_points(group=GROUP))))


def unknown(name: str) -> str:
    """What to say where there is no such operator (L-143)."""
    hint = f"; Digdag's {name}> is not supported yet" if name in NOT_YET else ""
    return f"Unknown task type: {name}{hint}"


def _load(name: str) -> Operator | None:
    target = BUILT_IN.get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        return cast(Operator, getattr(importlib.import_module(module), attribute)())
    return _of_others(name)


def _of_others(name: str) -> Operator | None:
    from importlib.metadata import entry_points  # takes longer to load than most tasks to run

    points = {_where(point): point for point in entry_points(group=GROUP, name=name)}
    if len(points) > 1:
        raise ConfigError(f"operator {name}> is there twice: {', '.join(sorted(points))}; uninstall one")
    for where, point in points.items():
        try:
            operator = point.load()()
        except Exception as broken:
            reason = str(broken) or type(broken).__name__
            raise ConfigError(f"operator {name}> of {where} cannot be used: {reason}") from broken
        for needed in NEEDED:
            if not hasattr(operator, needed):
                raise ConfigError(f"operator {name}> of {where} cannot be used: it has no '{needed}'; derive its class "
                                  "from skydag.spi.Operator")
        return cast(Operator, operator)
    return None


def _where(point: EntryPoint) -> str:
    brought = point.dist
    return f"{brought.name} {brought.version} ({point.value})" if brought else point.value
