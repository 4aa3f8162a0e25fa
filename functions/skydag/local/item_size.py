"""How large DynamoDB counts an item (A-31): names and values together, in bytes.

    text     UTF-8 bytes          number   about one byte per two digits, plus one (plus one if negative)
    bool     1                    list, mapping   3, plus 1 and the size of each member (a mapping's names too)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ITEM_BYTES_MAX = 400 * 1024
PAGE_BYTES_MAX = 1024 * 1024


def item_size(item: Mapping[str, Any]) -> int:
    """The item's size in bytes."""
    return sum(text_size(name) + value_size(value) for name, value in item.items())


def text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def value_size(value: Any) -> int:
    if isinstance(value, str):
        return text_size(value)
    if isinstance(value, bool):
        return 1
    if isinstance(value, int):
        digits = len(str(abs(value)).rstrip("0"))
        return (digits + 1) // 2 + 1 + (value < 0)
    if isinstance(value, Mapping):
        return 3 + sum(1 + text_size(name) + value_size(member) for name, member in value.items())
    return 3 + sum(1 + value_size(member) for member in value)
