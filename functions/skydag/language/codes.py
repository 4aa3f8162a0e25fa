"""The codes of warnings: what `check --ignore CODE` may name. A code keeps its name and its meaning.

docs/check.md shows this table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from skydag.errors import InvalidError

WARNINGS: Final = {
    "below": "`${x}` stands above the key `x` of its task, or in a mapping beside it, and does not see it (L-94)",
    "blank": "a parameter has a blank in its name, so no `${...}` can name it",
    "broken-body": "what `_do`, `_else_do` or `_check` hold will fail when it runs (L-36)",
    "condition": "the text of an `if>` ends up as neither true nor false (L-66)",
    "doubled-colon": "`key::`: the key is named `key:`",
    "env-name": "`_env` has a name that no environment variable may have (L-121)",
    "export": "an `_export` of a task is no mapping: no start of the workflow will be accepted (L-122)",
    "hijack": "a parameter is named like an operator and makes every task below run it (L-142)",
    "missing-file": "`call>` names a file that is not in the project",
    "missing-option": "an operator lacks what it fails without: its value, or `_do` (L-64)",
    "missing-workflow": "`require>` names a workflow that is not in the project",
    "never-runs": "nothing ever starts these tasks: below a `fail>`, in the `_check` of a group, in an idle `_do`",
    "no-effect": "something is written where nothing reads it",
    "no-tasks": "the workflow has no tasks: it does nothing and succeeds",
    "not-utf-8": "a byte is no UTF-8 and was replaced",
    "retry": "a `_retry` is not understood: on a group it means no retry, on a task a failure (L-111)",
    "retry-everywhere": "`_retry` in an `_export` retries every task below, too (L-113)",
    "secret": "a password or a key stands in plain text",
    "shadowed": "a parameter that something else hides: a built-in or a loop's variable, the task's own key (L-76)",
    "underscore": "a key with an underscore is no word of the language, only a parameter",
    "unknown-name": "`${x}` where nothing gives `x`",
    "unknown-operator": "no installed package brings the operator (L-143)",
    "unknown-option": "an operator does not know this option",
}


def check_codes(codes: Iterable[str]) -> frozenset[str]:
    """The codes, each of which is one of a warning. InvalidError names the first that is not."""
    known = frozenset(codes)
    for code in sorted(known - WARNINGS.keys()):
        from difflib import get_close_matches

        near = get_close_matches(code, WARNINGS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(WARNINGS))}"
        raise InvalidError(f"'{code}' is no code of a warning; {hint}")
    return known
