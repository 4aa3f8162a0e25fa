"""Sets of children, as integers in memory and short text in items.

A set of ordinals is an int whose bit c says that child c is in it. As text it is the shorter of run lengths
("r0-5.8": 0..5 and 8; the first run is a watermark) and a bitmap ("b" + hex). The empty set is "".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def of(ordinals: Iterable[int]) -> int:
    out = 0
    for ordinal in ordinals:
        out |= 1 << ordinal
    return out


def below(count: int) -> int:
    """The set 0 .. count-1."""
    return (1 << count) - 1


def has(bits: int, ordinal: int) -> bool:
    return bool(bits >> ordinal & 1)


def each(bits: int) -> Iterator[int]:
    """The ordinals, rising."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def runs(bits: int) -> Iterator[tuple[int, int]]:
    """(first, last) of each run of neighbours, rising."""
    position = 0
    while bits:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        position += skip
        length = (~bits & (bits + 1)).bit_length() - 1
        yield position, position + length - 1
        bits >>= length
        position += length


def to_text(bits: int) -> str:
    if not bits:
        return ""
    bitmap = f"b{bits:x}"
    parts: list[str] = []
    size = 1
    for first, last in runs(bits):
        part = str(first) if first == last else f"{first}-{last}"
        size += len(part) + 1
        if size > len(bitmap) + 1:
            return bitmap
        parts.append(part)
    return "r" + ".".join(parts)


def from_text(text: str) -> int:
    if not text:
        return 0
    if text[0] == "b":
        return int(text[1:], 16)
    out = 0
    for part in text[1:].split("."):
        first, _, last = part.partition("-")
        start, end = int(first), int(last or first)
        out |= below(end - start + 1) << start
    return out
