"""Colours and signs, where a terminal shows them; plain text elsewhere."""

from __future__ import annotations

import os
from typing import Final, TextIO

_CODES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
_ASCII: Final = {
    "├─ ": "|- ", "└─ ": "`- ", "│  ": "|  ", "✓": "+", "✗": "x", "·": "-", "▸": ">", "…": "~", "↻": "~"}


class Paint:
    """How to write for this stream. is_live: a line may be written over again."""

    def __init__(self, out: TextIO) -> None:
        self.is_live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._has_colour = self.is_live and "NO_COLOR" not in os.environ
        self._has_signs = "utf" in (getattr(out, "encoding", None) or "").lower()

    def __call__(self, text: str, style: str | None = None) -> str:
        """The text in that style ("bold", "green", ...), if this stream can show it."""
        if not self._has_signs:
            for sign, plain in _ASCII.items():
                text = text.replace(sign, plain)
        if not self._has_colour or style is None or not text:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"
