"""What to do about a task body that is not what it should be: guesses from what was written instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from skydag.model.patterns import pattern

WIDE_COLON: Final = "："        # U+FF1A, as East Asian keyboards write it
OF_A_LEAF: Final = ("_env", "_do", "_else_do", "_command")
_NO_BLANK = pattern(r"(\+?[\w.]+>?):(\S.*)", re.DOTALL)           # sh>:./load.sh
_NO_COLON = pattern(r"([\w.]+>)\s+(.*)", re.DOTALL)               # sh> ./load.sh
_BAD_IN_NAME = pattern(r"[^a-zA-Z0-9_\-=\[\]{}%&@,.`]+")


def no_body_hint(key: str, body: Any) -> str:
    """For a task whose value is no mapping."""
    if body is None:
        return f"indent below it what belongs to it; an empty task is written '{key}: {{}}'"
    if isinstance(body, list):
        return f"a task has one operator: leave out the dashes, or write a task for each, '{key}_1: {{sh>: ...}}'"
    if isinstance(body, str):
        if WIDE_COLON in body:
            return f"write ':' and a blank for '{WIDE_COLON}'"
        if found := _NO_BLANK.fullmatch(body):
            return f"write a blank behind the colon: '{found[1]}: {_short(found[2])}'"
        if found := _NO_COLON.fullmatch(body):
            return f"write a colon behind the operator: '{found[1]}: {_short(found[2])}'"
        return f"a task names its operator: '{key}: {{sh>: {_short(body)}}}'"
    return f"a task names its operator: '{key}: {{sh>: ./run.sh}}'"


def no_export_hint(value: Any) -> str:
    """For an `_export` that is no mapping."""
    if isinstance(value, list):
        return "leave out the dashes: a line 'name: value' for each"
    return "write '_export: {name: value}'"


def no_group_key_hint(key: str, value: Any) -> str:
    """For a key that a group does not have and that resembles none it has."""
    if odd := odd_blank_hint(key):
        return odd
    if key.endswith(":"):
        return f"the colon is doubled: write '{key.rstrip(':')}:'"
    if key in OF_A_LEAF:
        return f"{key} works beside an operator only"
    if isinstance(value, Mapping):
        return f"write '+{key}:' if it is a task"
    return f"write '{key}>:' if it is an operator; a task without an operator is a group"


def bad_name_hint(key: str) -> str:
    """For a task's key with letters that no name has."""
    if odd := odd_blank_hint(key):
        return odd
    allowed = "a name has letters a-z, A-Z, digits and _ - = [ ] { } % & @ , . `, and no blanks"
    better = _BAD_IN_NAME.sub("_", key[1:]).strip("_")
    return f"write '+{better}'; {allowed}" if better and len(better) < 100 else allowed


def odd_blank_hint(key: str) -> str | None:
    """For a key with a character that looks like a blank and is none; None if there is none."""
    odd = next((letter for letter in key if letter.isspace() and letter not in " \t\n\r"), None)
    return odd and f"there is a U+{ord(odd):04X} that only looks like a blank: write a blank for it"


def _short(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= 40 else f"{line[:39]}…"
