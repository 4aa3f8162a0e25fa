"""EventBridge's patterns, as event filters and rules use them (A-23, A-75).

    {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"act": {"S": ["a"]}}}}

Every key must match; of the alternatives in a list one. Numbers of stream records are text, so `numeric` never matches
them, as on AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from skydag.errors import InvalidError


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """True when the event fits. Raises InvalidError for an operator that EventBridge does not know."""
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(matches(part, event) for part in wanted):
                return False
            continue
        present = isinstance(event, Mapping) and key in event
        found = event[key] if present else None
        if isinstance(wanted, Mapping):
            if not matches(wanted, found):
                return False
            continue
        values = found if isinstance(found, list) else [found]
        if not any(_fits(rule, present, value) for rule in wanted for value in values):
            return False
    return True


def _fits(rule: Any, present: bool, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return present and isinstance(rule, bool) == isinstance(value, bool) and bool(rule == value)
    (operator, argument), = rule.items()
    if operator == "exists":
        return present is bool(argument)
    if operator not in _OPERATORS:
        raise InvalidError(f"EventBridge knows no operator '{operator}' (known: exists, {', '.join(_OPERATORS)})")
    return present and _OPERATORS[operator](argument, value)


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, Mapping):
        return not _fits(argument, True, value)
    return value not in (argument if isinstance(argument, list) else [argument])


def _numeric(argument: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARE[argument[i]](value, argument[i + 1]) for i in range(0, len(argument), 2))


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda a, b: bool(a == b), "<": lambda a, b: bool(a < b), "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}
_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "prefix": lambda argument, value: isinstance(value, str) and value.startswith(argument),
    "suffix": lambda argument, value: isinstance(value, str) and value.endswith(argument),
    "equals-ignore-case": lambda argument, value: isinstance(value, str) and value.lower() == str(argument).lower(),
    "anything-but": _anything_but,
    "numeric": _numeric,
}
