"""YAML scalars as Digdag reads them (L-7 to L-9, Y-1 to Y-6): its patterns alone decide a plain scalar's type.

Nothing here is a date, `yes` and `0.5` are texts, `010` is 8.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Callable
from typing import Any, Final

import yaml

from skydag.model.patterns import pattern

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # a PyYAML built without libyaml: the same result, ten times slower
    from yaml import SafeLoader as _Base  # type: ignore[assignment]

Scalar = str | int | float | bool | None

T: Final = "tag:yaml.org,2002:"
MERGE: Final = T + "merge"
STR: Final = T + "str"
INT_DIGITS_MAX: Final = 4_000

_INT = pattern(r"(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)\Z")
_FLOAT = pattern(
    r"(?:[-+]?(?:\.[0-9]+|[1-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z",
)
_BOOL = pattern(r"(?:[Tt]rue|[Ff]alse)\Z")
_NULL = pattern(r"(?:~|null|Null|NULL| )\Z")
_EMPTY = pattern(r"\Z")
_MERGE = pattern(r"<<\Z")
_SURROGATE = pattern("[\ud800-\udfff]")


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    table: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for first_letters, tag, form in (
        ("TtFf", "bool", _BOOL), ("-+0123456789", "int", _INT), ("-+0123456789.", "float", _FLOAT),
        ("<", "merge", _MERGE), ("~nN ", "null", _NULL),
    ):
        for letter in first_letters:
            table.setdefault(letter, []).append((T + tag, form))
    table[""] = [(T + "null", _EMPTY)]
    return table


_FORMS: Final = _resolvers()


class _Tags:
    """How a composer finds the tag of a node that has none: by Digdag's patterns, and never by where it stands."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            if implicit[0]:
                for tag, form in _FORMS.get(value[:1], ()):
                    if form.match(value):
                        return tag
            return STR
        return T + ("seq" if kind is yaml.SequenceNode else "map")

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Nothing to note."""

    def ascend_resolver(self) -> None:
        """Nothing to note."""


class Composer(_Tags, _Base):
    """Composes the nodes of one document; nothing is constructed by it."""


class LenientComposer(_Tags, yaml.SafeLoader):
    """Reads escaped surrogates in quotes, which libyaml refuses; slow, and too strict about tabs."""


def scalar(node: yaml.ScalarNode) -> Scalar:
    """The value of a scalar with a standard tag. ValueError if the text does not fit the tag, KeyError if there is no
    such tag."""
    value: Scalar = _READERS[node.tag](node.value)
    return value


def _str(text: str) -> str:
    if _SURROGATE.search(text):             # a pair of escapes is one character in Java
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _int(text: str) -> int:
    digits = text.replace("_", "")
    if len(digits) > INT_DIGITS_MAX:
        raise ValueError(f"a number of {len(digits)} digits")
    sign = -1 if digits[:1] == "-" else 1
    digits = digits[1:] if digits[:1] in ("+", "-") else digits
    if digits == "0":
        return 0
    if digits.startswith("0b"):
        return sign * int(digits[2:], 2)
    if digits.startswith("0x"):
        return sign * int(digits[2:], 16)
    return sign * int(digits, 8 if digits.startswith("0") else 10)


def _float(text: str) -> float | str:
    digits = text.replace("_", "").lower()
    sign = -1.0 if digits[:1] == "-" else 1.0
    digits = digits[1:] if digits[:1] in ("+", "-") else digits
    if digits == ".nan":
        return "NaN"
    if digits == ".inf":
        value = float("inf")
    else:
        value = 0.0
        for part in digits.split(":"):      # 10:00:00.5 is 36000.5
            value = value * 60 + float(part)
    if value == float("inf"):
        return "Infinity" if sign > 0 else "-Infinity"
    return sign * value


def _bool(text: str) -> bool:
    return text.lower() in ("true", "yes", "on")


def _null(text: str) -> None:
    return None


def _binary(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()))).decode()
    except binascii.Error as wrong:
        raise ValueError(str(wrong)) from None


def _timestamp(text: str) -> int:
    """Milliseconds since the epoch (L-9)."""
    if not yaml.constructor.SafeConstructor.timestamp_regexp.match(text):
        raise ValueError("write YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS")
    node = yaml.ScalarNode(T + "timestamp", text)
    value = yaml.constructor.SafeConstructor().construct_yaml_timestamp(node)
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    return round(value.timestamp() * 1000)


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    T + "str": _str, T + "int": _int, T + "float": _float, T + "bool": _bool, T + "null": _null,
    T + "binary": _binary, T + "timestamp": _timestamp, T + "value": _str, "!": _str,
}
