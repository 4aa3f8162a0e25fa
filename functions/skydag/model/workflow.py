"""A compiled workflow: what the language gives and the engine takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skydag.model.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where something stands in a file; line and column count from 1, so an editor can jump there."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake (or warning) of a project, as people and tools read it."""

    place: Place
    code: str                   # "duplicate-key", "two-operators", ...: stable, may be switched off where a warning
    message: str                # what is wrong, in the user's words; no full stop
    hint: str | None = None     # what to do about it
    is_warning: bool = False

    def __post_init__(self) -> None:
        """A file's own words are in it: they break no line and tell no terminal what to do."""
        for name in ("message", "hint"):
            text = getattr(self, name)
            if text is not None and not text.isprintable():
                object.__setattr__(self, name, printable(text))

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"; {self.hint}" if self.hint else "")


def printable(text: str) -> str:
    r"""The text with `\n`, `\x1b` and the like in place of what is no letter, sign or blank."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of a compiled tree, in compile order: depth first, parents before children (E-10)."""

    index: int                                  # its position in the list; 0 is the root of this tree
    parent: int | None                          # index of the parent; None for index 0
    name: str                                   # "+load", "^sub": what is appended to the parent's full name
    full_name: str                              # "+daily+load"
    is_group: bool
    upstreams: tuple[int, ...] = ()             # indexes of siblings, each smaller than index (L-59 .. L-63)
    config: Mapping[str, Any] = field(default_factory=dict)     # local keys, without _export and children
    export: Mapping[str, Any] = field(default_factory=dict)     # _export


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One .dig file, checked and compiled."""

    name: str
    file: str
    timezone: str                               # zone id, default "UTC"
    definition: Mapping[str, Any]               # as stored and shown (L-33, R-18): _export, schedule, sla, ..., +tasks
    tasks: tuple[Task, ...]                     # tasks[0] is the root group "+<name>"
    schedule: Mapping[str, Any] | None = None   # the schedule: block as written, checked
    sla: Mapping[str, Any] | None = None        # the sla: block as written, checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a push or an upload holds: every workflow of the top directory, or every problem found."""

    workflows: tuple[Workflow, ...]
    problems: tuple[Problem, ...] = ()          # in file order, then line; errors and warnings

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if not p.is_warning)

    def workflow(self, name: str) -> Workflow | None:
        return next((w for w in self.workflows if w.name == name), None)
