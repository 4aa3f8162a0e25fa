"""A problem as a terminal shows it: the line it stands in, a caret below the word, and what to do about it.

    error: w.dig:3:3: A task can't have more than one operator: +w+load has 'sh>' and 'py>'
      3 |   py>: tasks.load
        |   ^^^
        = move 'py>' into a task of its own
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

from skydag.model.workflow import Problem

WIDTH_MAX: Final = 100
HAVE_NO_LINE: Final = frozenset({"workflow-name", "too-large", "more"})      # codes of what is wrong with a whole file
LINE_ABOVE_TELLS: Final = frozenset({"syntax"})

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_WORD = re.compile(r"""[^\s:,#'"\[\]{}]+|(['"]).*?\1|.""")
_RED, _YELLOW, _BLUE, _BOLD, _PLAIN = "\x1b[31;1m", "\x1b[33;1m", "\x1b[34m", "\x1b[1m", "\x1b[0m"

Lines = Callable[[str], list[str]]      # the lines of the file of that name; none if it cannot be read


def split(data: bytes) -> list[str]:
    """The lines as YAML counts them."""
    return _BREAK.split(data.decode("utf-8", errors="replace").removeprefix("\ufeff"))


def excerpt(problem: Problem, lines: Lines, *, has_colour: bool = False) -> Iterator[str]:
    """The lines of one problem. What could move the cursor of a terminal is replaced."""
    def painted(colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if has_colour and text else text

    kind, colour = ("warning", _YELLOW) if problem.is_warning else ("error", _RED)
    code = f" [{problem.code}]" if problem.is_warning else ""
    yield f"{painted(colour, f'{kind}:')} {painted(_BOLD, f'{problem.place}: {printable(problem.message)}')}{code}"
    text = lines(problem.place.file)
    number = problem.place.line
    gutter = max(4, len(str(number)) + 2)
    if problem.code not in HAVE_NO_LINE and number <= len(text):
        if problem.code in LINE_ABOVE_TELLS and number > 1 and text[number - 2].strip():
            above = printable(text[number - 2])
            yield painted(_BLUE, f"{number - 1:>{gutter - 1}} | ") + _cut(above, 0)[0]
        line, before = text[number - 1], problem.place.column - 1
        shown, start = _cut(printable(line), min(before, len(line)))
        word = _WORD.match(printable(line), before) if before < len(line) else None
        length = min(_columns(word.group()) if word else 1, WIDTH_MAX // 2)
        yield painted(_BLUE, f"{number:>{gutter - 1}} | ") + shown
        yield painted(_BLUE, f"{'':{gutter - 1}} | ") + " " * _columns(shown[:start]) + painted(colour, "^" * length)
    if problem.hint:
        yield painted(_BLUE, f"{'':{gutter - 1}} = ") + printable(problem.hint)


def printable(text: str) -> str:
    """One character for each: an arrow for a tab, a dot for what a terminal would obey or not show."""
    return "".join("→" if letter == "\t" else letter if letter.isprintable() else "·" for letter in text)


def _cut(line: str, at: int) -> tuple[str, int]:
    """At most WIDTH_MAX characters of the line, with the one at `at` among them, and where that is now."""
    if len(line) <= WIDTH_MAX:
        return line, at
    first = max(0, min(at - WIDTH_MAX // 2, len(line) - WIDTH_MAX))
    shown = line[first: first + WIDTH_MAX]
    if first > 0:
        shown = "…" + shown[1:]
    if first + WIDTH_MAX < len(line):
        shown = shown[:-1] + "…"
    return shown, at - first


def _columns(text: str) -> int:
    """How wide a terminal shows it: two columns for letters of East Asia, none for what is drawn over another."""
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
               for letter in text)
