"""Which tasks `--start`, `--goal`, `--end` and a pattern choose (C-23 to C-27, E-112, E-143)."""

from __future__ import annotations

from typing import Any

import pytest

from skydag.engine.selection import Selection, find, select
from skydag.errors import InvalidError
from skydag.language.bodies import compile_tasks
from skydag.model.workflow import Task

WORK: dict[str, Any] = {"echo>": "x"}
TASKS = compile_tasks("+w", "", {
    "+seq1": WORK,
    "+seq2": {"+nest": WORK, "+more": WORK},
    "+par": {"_parallel": True, "+left": {"+in": WORK}, "+right": {"+in": WORK}},
    "+last": {"if>": True, "_do": WORK},
})
LEAVES = ("+seq1", "+seq2+nest", "+seq2+more", "+par+left+in", "+par+right+in", "+last")


def chosen(selection: Selection) -> tuple[str, str]:
    """For each leaf: r if it runs; s if a saved state may stand for it."""
    runs = "".join("r" if selection.runs(f"+w{name}") else "-" for name in LEAVES)
    return runs, "".join("s" if selection.reuses(f"+w{name}") else "-" for name in LEAVES)


@pytest.mark.parametrize(("options", "runs", "reuses"), [
    ({}, "rrrrrr", "ssssss"),
    ({"is_rerun": True}, "rrrrrr", "------"),                           # C-26
    ({"start": "+seq2"}, "rrrrrr", "s-----"),
    ({"start": "+seq2+more"}, "rrrrrr", "ss----"),
    ({"start": "+left"}, "rrrrrr", "sss---"),                           # a sibling beside it is not before it
    ({"start": "+w"}, "rrrrrr", "------"),                              # errata E-112: the root: everything
    ({"goal": "+seq2"}, "rrr---", "s-----"),                            # C-27: with its children
    ({"goal": "+par+left"}, "rrrr--", "sss---"),
    ({"end": "+par"}, "rrr---", "ssssss"),
    ({"end": "+seq1"}, "------", "ssssss"),
    ({"start": "+seq2", "end": "+last"}, "rrrrr-", "s-----"),
])
def test_a_selection_says_what_runs_and_what_may_be_taken_from_before(
    options: dict[str, Any], runs: str, reuses: str,
) -> None:
    assert chosen(select(TASKS, **options)) == (runs, reuses)


def test_a_generated_task_goes_with_its_nearest_static_ancestor_C_27_K_12() -> None:
    goal = select(TASKS, goal="+last")
    assert goal.runs("+w+last^sub") and not goal.reuses("+w+last^sub")
    assert goal.reuses("+w+par+left+in^sub+deep")
    end = select(TASKS, end="+last")
    assert not end.runs("+w+last^sub+x^check")


def test_error_tasks_and_alerts_always_run_K_12() -> None:
    end = select(TASKS, end="+seq2")
    assert end.runs("+w^error") and end.runs("+w^failure-alert") and end.runs("+w+par+left^error+mail")


def test_before_follows_the_order_that_after_gives() -> None:
    tasks = compile_tasks("+w", "", {
        "_parallel": True, "+a": WORK, "+b": WORK, "+c": {**WORK, "_after": ["+a"]}, "+d": {**WORK, "_after": ["+c"]}})
    started = select(tasks, start="+d")
    assert [name for name in "abcd" if started.reuses(f"+w+{name}")] == ["a", "c"]


@pytest.mark.parametrize(("pattern", "name"), [
    ("+nest", "+w+seq2+nest"), ("+seq2+nest", "+w+seq2+nest"), ("nest", "+w+seq2+nest"), ("+left+in", "+w+par+left+in"),
    ("+w", "+w"), ("t2+nest", None), ("q2+nest", "+w+seq2+nest"),
])
def test_a_pattern_is_the_end_of_a_full_name_E_112(pattern: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(InvalidError):
            find(TASKS, pattern)
    else:
        assert TASKS[find(TASKS, pattern)].full_name == name


@pytest.mark.parametrize(("pattern", "message"), [
    ("+in", "Task pattern '+in' is ambiguous. Matching candidates are [+w+par+left+in, +w+par+right+in]; "
            "write more of the name"),
    ("+nst", "Task pattern '+nst' doesn't match with any tasks; did you mean '+nest'?"),
    ("seqq1", "Task pattern 'seqq1' doesn't match with any tasks; did you mean '+seq1'?"),
    ("+zzz", "Task pattern '+zzz' doesn't match with any tasks; at the top there are +seq1, +seq2, +par, +last"),
    ("+", "Invalid task pattern '+': write a task's name, such as +load or +group+load"),
    ("a", "Invalid task pattern 'a': write a task's name, such as +load or +group+load"),
    ("", "Invalid task pattern '': write a task's name, such as +load or +group+load"),
])
def test_a_pattern_that_names_no_task_or_several_says_so(pattern: str, message: str) -> None:
    with pytest.raises(InvalidError) as refused:
        find(TASKS, pattern)
    assert str(refused.value) == message


def test_a_whole_full_name_is_never_ambiguous() -> None:
    tasks: tuple[Task, ...] = compile_tasks("+w", "", {"+a": WORK, "+g": {"+w": {"+a": WORK}}})
    assert tasks[find(tasks, "+w+a")].full_name == "+w+a"


@pytest.mark.parametrize("options", [
    {"start": "+seq1", "goal": "+seq2"}, {"goal": "+seq1", "end": "+seq2"}, {"is_rerun": True, "start": "+seq1"},
    {"is_rerun": True, "goal": "+seq1"},
])
def test_options_that_exclude_each_other_are_refused_C_21(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        select(TASKS, **options)
