"""Which tasks a run is to run, and of which it may take a saved result (cli.md C-23 to C-27, engine.md E-112, E-143).

A task's *before* is what L-73 calls its upstreams: its upstream siblings, direct or not, and those of each of its
ancestors, with everything below them; and the ancestors themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from skydag.errors import InvalidError
from skydag.language.problems import did_you_mean
from skydag.model.workflow import Task

TOP_NAMES_SHOWN: Final = 10
ALWAYS: Final = ("error", "failure-alert", "sla")       # generated tasks that no selection leaves out (K-12)


class Selection:
    """By full names of static tasks. None: all. A generated task goes with its nearest static ancestor (C-27)."""

    def __init__(self, static: Iterable[str], runs: frozenset[str] | None, reuses: frozenset[str] | None) -> None:
        self._static, self._runs, self._reuses = frozenset(static), runs, reuses

    def runs(self, full_name: str) -> bool:
        """False: the task is passed over, as if it had succeeded without a result."""
        if self._runs is None:
            return True
        owner, rest = self._owner(full_name)
        return owner in self._runs or rest.startswith(ALWAYS)

    def reuses(self, full_name: str) -> bool:
        """Whether a saved result may stand for a run of the task."""
        return self._reuses is None or self._owner(full_name)[0] in self._reuses

    def _owner(self, full_name: str) -> tuple[str, str]:
        """The nearest static task, and what of the name was generated, without its `^`."""
        if full_name in self._static:
            return full_name, ""
        end = full_name.rfind("^")
        while end > 0:
            if full_name[:end] in self._static:
                return full_name[:end], full_name[end + 1:]
            end = full_name.rfind("^", 0, end)
        return full_name, ""


def select(
    tasks: Sequence[Task], *, is_rerun: bool = False, start: str | None = None, goal: str | None = None,
    end: str | None = None,
) -> Selection:
    """start, goal, end: patterns. InvalidError: one matches no task, or several; or they exclude each other (C-21)."""
    if (start and goal) or (goal and end) or (is_rerun and (start or goal)):
        raise InvalidError("--start excludes --goal and --rerun, --goal excludes --end and --rerun")
    runs: set[int] | None = None
    reuses: set[int] | None = set() if is_rerun else None
    if start is not None:
        reuses = before(tasks, find(tasks, start))
    if goal is not None:
        at = find(tasks, goal)
        reuses = before(tasks, at)
        runs = reuses | below(tasks, [at])
    if end is not None:
        runs = before(tasks, find(tasks, end))
    names = [task.full_name for task in tasks]
    return Selection(names, *(None if one is None else frozenset(names[i] for i in one) for one in (runs, reuses)))


def find(tasks: Sequence[Task], pattern: str) -> int:
    """The index of the one task whose full name ends with the pattern, or is it. InvalidError: none, several, or a
    part of the pattern has one character (E-112)."""
    if not pattern or any(len(part) == 1 for part in pattern.replace("+", "\0+").split("\0")):
        raise InvalidError(f"Invalid task pattern '{pattern}': write a task's name, such as +load or +group+load")
    matching = [task.index for task in tasks if task.full_name.endswith(pattern)]
    whole = [index for index in matching if tasks[index].full_name == pattern]
    if len(whole or matching) == 1:
        return (whole or matching)[0]
    if matching:
        names = ", ".join(tasks[index].full_name for index in matching)
        raise InvalidError(f"Task pattern '{pattern}' is ambiguous. Matching candidates are [{names}]; "
                           "write more of the name")
    raise InvalidError(f"Task pattern '{pattern}' doesn't match with any tasks{_hint(tasks, pattern)}")


def before(tasks: Sequence[Task], index: int) -> set[int]:
    """What comes before the task, and its ancestors."""
    out: set[int] = set()
    first: list[int] = []
    node: int | None = index
    while node is not None:
        first.extend(_upstreams(tasks, node))
        node = tasks[node].parent
        if node is not None:
            out.add(node)
    return out | below(tasks, first)


def below(tasks: Sequence[Task], tops: Iterable[int]) -> set[int]:
    """These tasks and all their descendants."""
    out = set(tops)
    for task in tasks:                          # parents come before their children (E-10)
        if task.parent in out:
            out.add(task.index)
    return out


def _upstreams(tasks: Sequence[Task], index: int) -> set[int]:
    out: set[int] = set()
    queue = list(tasks[index].upstreams)
    while queue:
        one = queue.pop()
        if one not in out:
            out.add(one)
            queue.extend(tasks[one].upstreams)
    return out


def _hint(tasks: Sequence[Task], pattern: str) -> str:
    typed = pattern if pattern.startswith("+") else f"+{pattern}"
    near = did_you_mean(typed, [task.name for task in tasks]) or did_you_mean(typed, [task.full_name for task in tasks])
    if near:
        return f"; {near}"
    shown = ", ".join([task.name for task in tasks if task.parent == 0][:TOP_NAMES_SHOWN])
    return f"; at the top there are {shown}" if shown else ""
