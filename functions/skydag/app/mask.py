"""Secrets that a task has read show as *** in its log and its error (G-8).

A secret is recognised as it is, line by line, in JSON and in an address. Short values are not masked: they would blot
out half of the log, and say by that what they are.
"""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import quote, quote_plus

SHOWN: Final = "***"
CHARACTERS_MIN: Final = 7


class Mask:
    """Learns while the task runs: what was printed before a secret was read cannot hold it."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, secret: str) -> None:
        parts = {secret.strip(), *(line.strip() for line in secret.splitlines())}
        forms = {form for part in parts if len(part) >= CHARACTERS_MIN for form in _forms(part)}
        if not forms <= self._known:
            self._known |= forms
            longest_first = sorted(self._known, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(SHOWN, text)


def _forms(secret: str) -> set[str]:
    whole = secret.encode("utf-8", "replace")
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1],
            quote(whole, safe=""), quote_plus(whole)}
