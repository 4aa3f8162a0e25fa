"""Orders by chance, from one token of the injected kind (style.md E-11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """The same token throws the same."""

    def __init__(self, token: str) -> None:
        self._token = token

    def shuffled(self, things: Iterable[T], name: Callable[[T], object] = str) -> list[T]:
        """name: what tells the things apart."""
        return sorted(things, key=lambda thing: self._throw(name(thing)))

    def below(self, count: int) -> int:
        """0 ... count - 1."""
        return int.from_bytes(self._throw("below")) % count

    def _throw(self, name: object) -> bytes:
        import hashlib

        return hashlib.blake2b(f"{self._token} {name}".encode(), digest_size=8).digest()
