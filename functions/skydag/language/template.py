"""Where the expressions are in a text: Digdag's `${...}`, in its extended syntax (L-97).

    "a $$ ${x} b"  ->  (Literal("a $ "), Expression("x", 6), Literal(" b"))
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from skydag.model.patterns import pattern

_START = pattern(r"\$\{(?![a-z]+:)(?=[\s\S])")
_BRACE = pattern(r"[{}]")


class Literal(NamedTuple):
    text: str


class Expression(NamedTuple):
    code: str
    at: int         # offset of its first character in the text


Part = Literal | Expression


@functools.lru_cache(maxsize=4096)
def split(text: str) -> tuple[Part, ...]:
    """The parts of a text, in order. Braces are counted, in string literals, too; what never closes is literal, with
    all that follows. `${}` gives nothing; `${name:...}` is left to the operator."""
    parts: list[Part] = []
    at = 0
    while at < len(text):
        start = _START.search(text, at)
        end = _closing(text, start.end()) if start else None
        if start is None or end is None:
            parts.append(Literal(text[at:].replace("$$", "$")))
            break
        if start.start() > at:
            parts.append(Literal(text[at: start.start()].replace("$$", "$")))
        if end > start.end():
            parts.append(Expression(text[start.end(): end], start.end()))
        at = end + 1
    return tuple(parts)


def _closing(text: str, at: int) -> int | None:
    """The offset of the brace that closes the one before `at`."""
    depth = 0
    for brace in _BRACE.finditer(text, at):
        depth += 1 if brace.group() == "{" else -1
        if depth < 0:
            return brace.start()
    return None
