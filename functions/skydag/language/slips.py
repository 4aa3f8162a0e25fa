"""libyaml's words about a file that is not YAML, in words that help: where the slip is, and what to write.

The place that libyaml names is where it could not go on, which may be far behind the slip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import yaml

from skydag.language.hints import WIDE_COLON
from skydag.model.patterns import pattern
from skydag.model.workflow import Place, Problem

# Words of libyaml's message, letters one of which stands at the place (none: any), advice.
_HINTS: Final = (
    ("cannot start any token", "\t", "indent with blanks, YAML allows no tabs there"),
    ("tab character", "", "indent with blanks, YAML allows no tabs there"),
    ("cannot start any token", "@`%", "put the value in quotes"),
    ("expected alphabetic or numeric character", "", "put a value that starts with '*' or '&' in quotes"),
    ("did not find expected ',' or '}'", "", "inside {...}, put values that hold ${...} in quotes"),
    ("did not find expected ',' or ']'", "", "inside [...], put values that hold ${...} in quotes"),
    ("did not find expected key", "",
     "look at the indentation of this line and the one above, and for a quote left open"),
    ("found undefined alias", "", "put a value that starts with '*' in quotes"),
    ("found another document", "", "one file holds one workflow: remove what follows '---'"),
)
_COMMENT = pattern(r"(^|\s)#.*")
_INCLUDE = pattern(r"[ \t-]*(!include:)(?=\s)")
_CONFLICT = pattern(r"(?:<{7}|>{7}) ")
_BLOCK_TEXT = pattern(r".*[|>][-+0-9]*\s*\Z")
_KEY_AT_END = pattern(r"[\w+^.>-]+\Z")


def explained(file: str, text: str, wrong: yaml.MarkedYAMLError) -> Problem:
    lines = text.splitlines()
    found = _telltale(file, lines)
    if found is not None:
        return found
    mark, opened = wrong.problem_mark or wrong.context_mark, wrong.context_mark
    message = (wrong.problem or str(wrong)).replace("\n", " ")
    if opened and "quoted scalar" in str(wrong.context) and "end of stream" in message:
        return _problem(file, opened, "the quote that opens here is never closed", None)
    if mark is None:
        return Problem(place=Place(file=file), code="syntax", message=f"not YAML: {message}")
    letter = lines[mark.line][mark.column: mark.column + 1] if mark.line < len(lines) else ""
    if opened and "flow" in str(wrong.context) and letter != "{" and (
            letter in "]}" or mark.line > opened.line or not text[mark.index:].strip()):
        sign, line = text[opened.index: opened.index + 1], opened.line
        if sign not in ("[", "{"):                  # the file ends where a value should stand
            sign, line = _still_open(lines)
        return _problem(file, mark, message, f"the '{sign}' in line {line + 1} is not closed" if sign else None)
    if "mapping values are not allowed" in message:
        return _problem(file, mark, message, _second_colon(lines, mark))
    if "could not find expected ':'" in message and opened and opened.line < len(lines):
        return _problem(file, opened, message, _no_colon(lines, opened.line))
    if "did not find expected key" in message and lines[mark.line: mark.line + 1] and (
            lines[mark.line][:mark.column].rstrip().endswith(("'", '"'))):
        return _problem(file, mark, message, "text stands behind the closing quote; in '...' a quote is written '', "
                        'in "..." it is written \\"')
    if "alphabetic or numeric character" in message and opened:
        mark = opened
    hint = next((hint for words, letters, hint in _HINTS
                 if words in message and (not letters or (letter and letter in letters))), None)
    return _problem(file, mark, message, hint)


def _still_open(lines: Sequence[str]) -> tuple[str, int]:
    """The last bracket that nothing closes, and its line; ("", 0): none. Texts in quotes are not looked at closely."""
    brackets: list[tuple[str, int]] = []
    for number, line in enumerate(lines):
        for letter in _COMMENT.sub("", line):
            if letter in "[{":
                brackets.append((letter, number))
            elif letter in "]}" and brackets:
                brackets.pop()
    return brackets[-1] if brackets else ("", 0)


def _telltale(file: str, lines: Sequence[str]) -> Problem | None:
    """What explains everything behind it, wherever libyaml noticed."""
    for number, line in enumerate(lines, 1):
        if include := _INCLUDE.match(line):
            return Problem(place=Place(file=file, line=number, column=include.start(1) + 1), code="include",
                           message="'!include:' is no key", hint="write '!include : path/file.yml', with a blank "
                           "before the colon")
        if _CONFLICT.match(line):
            return Problem(place=Place(file=file, line=number), code="syntax",
                           message="not YAML: a merge left a conflict here",
                           hint="keep one of the two versions, and remove the lines with <<<<<<<, ======= and >>>>>>>")
    return None


def _no_colon(lines: Sequence[str], number: int) -> str:
    """For a line where a key was expected and none is."""
    above = next((lines[other] for other in range(number - 1, -1, -1) if lines[other].strip()), "")
    if _BLOCK_TEXT.match(above):
        return "text below '|' or '>' stands further to the right than its key"
    line = lines[number].strip()
    if WIDE_COLON in line:
        return f"write ':' and a blank for '{WIDE_COLON}'"
    return f"this line has no colon: write '{line[:40]}:', or indent it if it goes on with the line above"


def _second_colon(lines: Sequence[str], mark: yaml.Mark) -> str:
    """A colon where none can be: in a value, behind a key that should have a line of its own, or one is missing in
    the line above."""
    before = lines[mark.line][:mark.column] if mark.line < len(lines) else ""
    above = next((number for number in range(mark.line - 1, -1, -1) if lines[number].strip()), None)
    if ": " not in before and above is not None:
        line = lines[above].strip()
        if WIDE_COLON in line:
            return f"write ':' and a blank for the '{WIDE_COLON}' in line {above + 1}"
        if not line.startswith("#") and ":" not in line:
            return f"line {above + 1} has no colon: write '{line[:40]}:'"
        return "look at the indentation of this line and the one above"
    key = _KEY_AT_END.search(before)
    if key and (key.group().endswith(">") or key.group().startswith(("+", "_"))):
        return f"write '{key.group()}:' into a line of its own, further to the right"
    return "put a value that holds ': ' in quotes"


def _problem(file: str, mark: yaml.Mark, message: str, hint: str | None) -> Problem:
    return Problem(place=Place(file=file, line=mark.line + 1, column=mark.column + 1), code="syntax",
                   message=f"not YAML: {message}", hint=hint)
