"""How a task names secrets: `${secret:key}` in its texts (O-44, O-48)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from skydag.errors import ConfigError
from skydag.model.patterns import pattern

KEY_CHARACTERS_MAX: Final = 255
_REFERENCE: Final = pattern(r"\$\{\s*([A-Za-z_][A-Za-z_0-9]*)\s*:\s*([^}]*?)\s*\}")
_SEGMENT: Final = r"[A-Za-z](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_KEY: Final = pattern(rf"{_SEGMENT}(?:\.{_SEGMENT})*")          # R-72, O-44


def is_key(key: str) -> bool:
    """Whether a secret may have that name."""
    return len(key) <= KEY_CHARACTERS_MAX and _KEY.fullmatch(key) is not None


def resolve(text: str, secret: Callable[[str], str | None]) -> str:
    """The text with each `${secret:key}` replaced. ConfigError for an unknown key (O-45), and for another word before
    the colon."""

    def found(match: re.Match[str]) -> str:
        word, key = match.group(1), match.group(2)
        if word != "secret":
            raise ConfigError(f"Invalid parametrization: '{match.group(0)}'")
        value = secret(key)
        if value is None:
            raise ConfigError(f"Secret not found for key: '{key}'")
        return value

    return _REFERENCE.sub(found, text) if "${" in text else text


def blanked(text: str, instead: str) -> str:
    """The text as it may be shown, with `instead` for each `${secret:key}`."""
    return _REFERENCE.sub(instead, text)


def named(value: Any) -> Iterator[str]:
    """The keys of every `${secret:key}` in a text, or in the texts of a list or mapping."""
    if isinstance(value, str):
        if "${" in value:
            yield from (match.group(2) for match in _REFERENCE.finditer(value) if match.group(1) == "secret")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from named(key)
            yield from named(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from named(inner)
