"""The codes of warnings: what `check --ignore CODE` may name. A code keeps its name and its meaning.

docs/check.md shows this table.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from skydag.errors import InvalidError

WARNINGS: Final = {
    "export": "an `_export` of a task is no mapping: no start of the workflow will be accepted (L-122)",
    "hijack": "a parameter is named like an operator and makes every task below run it (L-142)",
    "missing-file": "`call>` names a file that is not in the project",
    "no-effect": "something is written where nothing reads it",
    "not-utf-8": "a byte is no UTF-8 and was replaced",
    "retry-everywhere": "`_retry` in an `_export` retries every task below, too (L-113)",
}


def check_codes(codes: Iterable[str]) -> frozenset[str]:
    """The codes, each of which is one of a warning. InvalidError names the first that is not."""
    known = frozenset(codes)
    for code in sorted(known - WARNINGS.keys()):
        near = get_close_matches(code, WARNINGS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(WARNINGS))}"
        raise InvalidError(f"'{code}' is no code of a warning; {hint}")
    return known
