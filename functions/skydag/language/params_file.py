"""Parameters from outside a workflow: `-P file` and `-p key=value` (L-151, L-152; cli.md C-5, C-12)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from skydag.errors import InvalidError
from skydag.language.include import Reader, load_text
from skydag.language.problems import Refused, workflow_error


def load_params(data: str | bytes, read: Reader, file: str = "params.yml") -> dict[str, Any]:
    """The mapping of a `-P` file, YAML or JSON; `!include` reads beside it. `file` names it in messages.
    WorkflowError with all mistakes, one a line."""
    try:
        document = load_text(file, data.encode() if isinstance(data, str) else data, read)
    except Refused as refused:
        raise workflow_error(refused.problems) from None
    if any(not problem.is_warning for problem in document.problems):
        raise workflow_error(document.problems)
    return document.value


def parse_option(option: str, name: str = "-p") -> list[tuple[str, str]]:
    """`a.b=1,c=2` -> [("a.b", "1"), ("c", "2")]; a piece without '=' belongs to the one before: `a=1,2` is one pair."""
    pairs: list[tuple[str, str]] = []
    for piece in option.split(","):
        key, equals, value = piece.partition("=")
        if equals:
            pairs.append((key, value))
        elif pairs:
            pairs[-1] = pairs[-1][0], f"{pairs[-1][1]},{piece}"
        else:
            raise InvalidError(f"Parameter {name} expected a value of the form a=b but got:{option}")
    return pairs


def option_params(options: Iterable[str], name: str = "-p") -> dict[str, Any]:
    """All `-p` options as one mapping: dots nest, the last value of a key wins, values are texts."""
    out: dict[str, Any] = {}
    for option in options:
        for dotted, value in parse_option(option, name):
            _put(out, dotted, value)
    return out


def _put(params: dict[str, Any], dotted: str, value: str) -> None:
    *above, last = dotted.split(".")
    inner = params
    for depth, key in enumerate(above, 1):
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            path = ".".join(above[:depth])
            raise InvalidError(f"Parameter '{dotted}' is set but '{path}' is not a object (\"{inner}\")")
    inner[last] = value
