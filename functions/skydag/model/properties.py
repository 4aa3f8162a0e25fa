"""Java properties text (C-8): `key = value`, `#` comments, a backslash at the end of a line goes on with the next."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skydag.model.patterns import pattern

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_KEY = pattern(r"((?:[^\\=:\s]|\\.)*)[ \t\f]*(?:[=:][ \t\f]*)?(.*)", re.DOTALL)


def parse(text: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for line in _logical_lines(text):
        match = _KEY.fullmatch(line)
        if match:
            out[_plain(match[1])] = _plain(match[2])
    return out


def _logical_lines(text: str) -> Iterator[str]:
    whole = ""
    for line in text.splitlines():
        piece = line.lstrip(" \t\f")
        if not whole and (not piece or piece[0] in "#!"):
            continue
        whole += piece
        backslashes = len(whole) - len(whole.rstrip("\\"))
        if backslashes % 2:
            whole = whole[:-1]
            continue
        yield whole
        whole = ""
    if whole:
        yield whole


def _plain(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", replaced, text, flags=re.DOTALL)
