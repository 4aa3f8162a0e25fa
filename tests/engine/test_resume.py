"""Which results of an old attempt a new one takes over, and what is refused (E-111, E-112, K-1, K-3)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from skydag.engine import resume
from skydag.errors import InvalidError
from skydag.model.task import State


@dataclass(frozen=True)
class Row:
    id: int
    parent_id: int | None
    full_name: str
    state: State = State.SUCCESS
    upstreams: tuple[int, ...] = ()


FAILED = State.GROUP_ERROR
#: +a; +g: {+x, +b}, tried twice; +l: a loop of two turns, the second of which failed; +z
ROWS = (
    Row(1, None, "+w", FAILED), Row(2, 1, "+w+a"), Row(3, 1, "+w+g", upstreams=(2,)),
    Row(4, 3, "+w+g+x"), Row(5, 3, "+w+g+b", State.ERROR, (4,)), Row(6, 1, "+w+l", FAILED, (3,)),
    Row(7, 1, "+w+z", State.BLOCKED, (6,)),
    Row(8, 5, "+w+g+b^error"),
    Row(9, 3, "+w+g+x"), Row(10, 3, "+w+g+b", State.SUCCESS, (9,)),
    Row(11, 6, "+w+l^sub", FAILED), Row(12, 11, "+w+l^sub+loop-0"), Row(13, 12, "+w+l^sub+loop-0+x"),
    Row(14, 11, "+w+l^sub+loop-1", FAILED, (12,)), Row(15, 14, "+w+l^sub+loop-1+x", State.ERROR),
    Row(16, 1, "+w^failure-alert"),
)


def ids(rows: list[Row]) -> list[int]:
    return [row.id for row in rows]


def test_failed_takes_the_newest_results_and_never_error_tasks_E_111_K_1_K_3() -> None:
    assert ids(resume.failed(ROWS)) == [2, 3, 9, 10, 12, 13]


def test_an_attempt_that_succeeded_is_not_resumed_E_111() -> None:
    with pytest.raises(InvalidError, match="Resuming successfully completed attempts is not supported"):
        resume.failed([Row(1, None, "+w")])


def test_an_attempt_without_rows_gives_nothing_R_59() -> None:
    assert resume.failed([]) == []


@pytest.mark.parametrize(("pattern", "taken"), [
    ("+w", []), ("+a", []), ("+g", [2]), ("+g+b", [2, 9]), ("+w+l", [2, 3, 9, 10]), ("l", None),
    ("+loop-1+x", [2, 3, 9, 10, 12, 13]), ("loop-1", [2, 3, 9, 10, 12, 13]), ("^failure-alert", []),
])
def test_from_takes_what_stands_before_the_task_and_its_ancestors_E_112(pattern: str, taken: list[int] | None) -> None:
    if taken is None:
        with pytest.raises(InvalidError, match="too short"):
            resume.before(ROWS, pattern)
    else:
        assert ids(resume.before(ROWS, pattern)) == taken


@pytest.mark.parametrize(("pattern", "message"), [
    ("+nope", "Task pattern '+nope' doesn't match with any tasks."),
    ("+x", "Task pattern '+x' is ambiguous. Matching candidates are "
           "[+w+g+x, +w+l^sub+loop-0+x, +w+l^sub+loop-1+x]."),
    ("+z", "Resuming non-successful tasks is not allowed: task_id=6; +w+l stands before it and is group_error"),
    ("", "Task pattern '' is too short: write + and the name, such as +load or +daily+load"),
    ("+g++b", "Task pattern '+g++b' is too short: write + and the name, such as +load or +daily+load"),
])
def test_from_says_why_it_refuses_E_112(pattern: str, message: str) -> None:
    with pytest.raises(InvalidError) as refused:
        resume.before(ROWS, pattern)
    assert str(refused.value) == message
