"""How the language room carries mistakes: collected while they can be, raised when they cannot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Final

from skydag.errors import WorkflowError
from skydag.model.workflow import Place, Problem

PROBLEMS_MAX: Final = 100
COMPARED_LENGTH_MAX: Final = 64     # longer names resemble nothing
COMPARED_MAX: Final = 300


class Refused(Exception):
    """A file that cannot be read on; the public functions turn it into Problems or a WorkflowError."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def workflow_error(problems: Iterable[Problem]) -> WorkflowError:
    """All errors among the problems, one a line."""
    return WorkflowError("\n".join(str(problem) for problem in problems if not problem.is_warning))


def in_file_order(problems: Iterable[Problem], file: str, ignore: Collection[str] = ()) -> tuple[Problem, ...]:
    """By line and column, those of the file itself before those of the files it includes; none twice, at most 100.
    ignore: codes of warnings that are left out."""

    def order(problem: Problem) -> tuple[bool, Place]:
        return problem.place.file != file, problem.place

    asked = (problem for problem in problems if not (problem.is_warning and problem.code in ignore))
    found = sorted(dict.fromkeys(asked), key=order)
    if len(found) <= PROBLEMS_MAX:
        return tuple(found)
    rest = found[PROBLEMS_MAX:]
    return (*found[:PROBLEMS_MAX], Problem(
        place=rest[0].place, code="more", message=f"and {len(rest):,} more problems",
        is_warning=all(problem.is_warning for problem in rest)))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """`did you mean '_retry'?` for the nearest of the known names, None if none is near. Of many names the first are
    looked at."""
    if len(name) > COMPARED_LENGTH_MAX:
        return None
    from difflib import get_close_matches  # for mistakes only

    near = get_close_matches(name, list(islice(known, COMPARED_MAX)), n=1, cutoff=0.7)
    return f"did you mean '{near[0]}'?" if near else None


def similar(name: str, known: Sequence[str]) -> list[str]:
    """The known names that Digdag would suggest: edit distance at most half of their length (L-44)."""
    if len(name) > COMPARED_LENGTH_MAX:
        return []
    return [other for other in known if _distance(name, other) <= len(other) // 2]


def _distance(a: str, b: str) -> int:
    if abs(len(a) - len(b)) > len(b):
        return len(a)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]
