"""Plain references such as `${td.last_results[0].name}`, answered without JavaScript: 9 of 10 expressions are such.

Only what certainly gives the same text as JavaScript is answered here (expressions.md, X-2). Everything else is a MISS:
a missing name, a property of a text, an inherited name. So errors come from one place alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skydag.model.numbers import javascript_number
from skydag.model.patterns import pattern
from skydag.model.records import Protocol

MISS: Final = object()

_NAME: Final = r"[A-Za-z_$][A-Za-z0-9_$]*"
_REFERENCE = pattern(
    rf"\s*({_NAME})((?:\.{_NAME}|\[(?:[0-9]+|'[^'\\\n]*'|\"[^\"\\\n]*\"|{_NAME}(?:\.{_NAME})*)\])*)\s*\Z")
_STEP = pattern(rf"\.({_NAME})|\[(?:([0-9]+)|'([^']*)'|\"([^\"]*)\"|({_NAME}(?:\.{_NAME})*))\]")
_INDEX = pattern(r"(?:0|[1-9][0-9]{0,8})\Z")
_INDEX_KEY = pattern(r"(?:0|[1-9][0-9]{0,9})\Z")
_INDEX_KEY_MAX: Final = 2**32 - 2
_WORDS: Final = frozenset((
    "true", "false", "null", "undefined", "NaN", "Infinity", "this", "new", "typeof", "void", "delete", "in",
    "instanceof", "function", "class", "super", "import", "yield", "await", "async", "let", "var", "const", "return",
    "throw", "if", "else", "for", "while", "do", "switch", "case", "default", "break", "continue", "try", "catch",
    "finally", "with", "debugger", "enum", "export", "extends", "__proto__"))


class Names(Protocol):
    """What a name stands for in one place."""

    def __contains__(self, name: str, /) -> bool: ...

    def __getitem__(self, name: str, /) -> Any: ...


def reference(code: str, names: Names) -> Any:
    """The text of a plain reference, or MISS."""
    plain = code.strip()
    if plain.isascii() and all(map(str.isidentifier, plain.split("."))):    # as most are: no regular expression needed
        value = _path(plain, names)
        return MISS if value is MISS else text_of(value)
    found = _REFERENCE.match(code)
    if not found:
        return MISS
    value = _named(found.group(1), names)
    for name, number, single, double, path in _STEP.findall(found.group(2)):
        if value is MISS:
            return MISS
        if path:
            key = _key(_path(path, names))
        elif number:
            key = str(int(number)) if len(number) < 10 else MISS
        else:
            key = name or single or double
        value = _property(value, key)
    return MISS if value is MISS else text_of(value)


def text_of(value: Any) -> str:
    """A JSON value as an expression's result: null is empty, a text is itself, all else is JSON (L-95)."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):      # NaN is null in JSON
        return ""
    return value if isinstance(value, str) else json_of(value)


def json_of(value: Any) -> str:
    """JSON.stringify: no blanks, JavaScript's numbers, keys that are array indexes first and in order (L-96)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return javascript_number(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{json_of(value[key])}"
                              for key in _in_order(value)) + "}"
    return "[" + ",".join(map(json_of, value)) + "]"


def _in_order(value: Mapping[str, Any]) -> list[str]:
    indexes = {key for key in value if _INDEX_KEY.match(key) and int(key) <= _INDEX_KEY_MAX}
    if not indexes:
        return list(value)
    return [*sorted(indexes, key=int), *(key for key in value if key not in indexes)]


def _named(name: str, names: Names) -> Any:
    return names[name] if name not in _WORDS and name in names else MISS


def _path(path: str, names: Names) -> Any:
    first, *rest = path.split(".")
    value = _named(first, names)
    for name in rest:
        value = _property(value, name)
    return value


def _key(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return javascript_number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else MISS


def _property(value: Any, key: Any) -> Any:
    """value[key] where it certainly exists; MISS for whatever only JavaScript can say."""
    if key is MISS or key == "__proto__":
        return MISS
    if isinstance(value, Mapping):
        return value.get(key, MISS)
    if isinstance(value, Sequence) and not isinstance(value, str) and _INDEX.match(key) and int(key) < len(value):
        return value[int(key)]
    return MISS
