"""Names that are almost another name: closer than `did_you_mean`, for where a name may well be right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LENGTH_MIN: Final = 5           # of a name that may be a misspelt one
CHANGED_LENGTH_MIN: Final = 6   # rate is not date


def one_letter_off(name: str, known: Iterable[str]) -> str | None:
    """The first of the known names that is one slip of the finger away."""
    if len(name) < LENGTH_MIN:
        return None
    return next((other for other in known
                 if len(other) >= LENGTH_MIN and other.isidentifier() and _differ(name, other)), None)


def _differ(a: str, b: str) -> bool:
    """By one letter more, less or changed, or two neighbours exchanged; not by a digit, nor by an s at the end."""
    if abs(len(a) - len(b)) > 1:
        return False
    start = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) == len(b):
        x, y = a[start:], b[start:]
        if x[1:] == y[1:]:
            is_last = len(x) == 1                   # table_a, table_b: two names
            return not is_last and len(a) >= CHANGED_LENGTH_MIN and not (x[0] + y[0]).isdigit()
        return x[:2] == y[1::-1] and x[2:] == y[2:]
    long, short = (a, b) if len(a) > len(b) else (b, a)
    extra = long[start: start + 1]
    return long[start + 1:] == short[start:] and not extra.isdigit() and not (extra in "s_" and start == len(short))
