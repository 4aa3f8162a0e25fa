"""How a parameter is read as a wanted type (language.md section 8), with Digdag's messages.

    limit = required(config, "limit", integer)
    quiet = optional(config, "quiet", boolean, default=False)

Every result of `${...}` is text, so each reader says what text it takes. All raise ConfigError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from skydag.errors import ConfigError
from skydag.model.numbers import java_double
from skydag.model.patterns import pattern

T = TypeVar("T")
D = TypeVar("D")

INT_MAX: Final = 2**31 - 1
LONG_MAX: Final = 2**63 - 1
SHOWN_LENGTH_MAX: Final = 100
DURATION_DAYS_MAX: Final = 100_000

_INTEGER_TEXT = pattern(r"[+-]?[0-9]{1,30}\Z")
_DURATION = pattern(r"\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+)\s*s)?\s*\Z", re.IGNORECASE)
_BOOLEAN_TEXTS: Final = {"true": True, "True": True, "false": False, "False": False, "": False, "null": False}


def required(config: Mapping[str, Any], key: str, read: Callable[[str, Any], T]) -> T:
    """config[key] as `read` gives it; a missing key and null are errors."""
    if key not in config:
        raise ConfigError(f"Parameter '{key}' is required but not set")
    if config[key] is None:
        raise ConfigError(f"Parameter '{key}' is required but null")
    return read(key, config[key])


def optional(config: Mapping[str, Any], key: str, read: Callable[[str, Any], T], default: D) -> T | D:
    """config[key] as `read` gives it; `default` for a missing key and for null."""
    value = config.get(key)
    return default if value is None else read(key, value)


def boolean(key: str, value: Any) -> bool:
    """true and false; 0 and other integers; the texts true True false False, "" and null (both false)."""
    if isinstance(value, int):              # a bool is one, too
        return bool(value)
    if isinstance(value, str) and value.strip() in _BOOLEAN_TEXTS:
        return _BOOLEAN_TEXTS[value.strip()]
    raise unexpected("'true' or 'false'", key, value)


def integer(key: str, value: Any) -> int:
    """A whole number of 32 bits: a float is cut towards 0, a decimal text is read, "" is 0."""
    return _whole("integer (int) type", INT_MAX, key, value)


def long(key: str, value: Any) -> int:
    """As `integer`, with 64 bits."""
    return _whole("integer (long) type", LONG_MAX, key, value)


def text(key: str, value: Any) -> str:
    """A text; numbers and booleans as Java writes them: 1.5, 100.0, 1.0E10, true."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return java_double(value)
    raise unexpected("string type", key, value)


def array(key: str, value: Any) -> list[Any]:
    """A list, and nothing else."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    raise unexpected("array type", key, value)


def mapping(key: str, value: Any) -> dict[str, Any]:
    """A mapping, and nothing else."""
    if isinstance(value, Mapping):
        return dict(value)
    raise unexpected("object type", key, value)


def array_or_json(key: str, value: Any) -> list[Any]:
    """A list, or a text that begins with one in JSON (L-65)."""
    return array(key, parsed(key, value))


def mapping_or_json(key: str, value: Any) -> dict[str, Any]:
    """A mapping, or a text that begins with one in JSON (L-65)."""
    return mapping(key, parsed(key, value))


def parsed(key: str, value: Any) -> Any:
    """The first JSON value of a text, what follows it is ignored; anything but a text as it is (L-65)."""
    if not isinstance(value, str):
        return value
    try:
        return json.JSONDecoder().raw_decode(value.lstrip())[0]
    except (ValueError, RecursionError):
        raise ConfigError(f"Parameter '{key}' must be JSON but is {_shown(value)}") from None


def duration(key: str, value: Any) -> timedelta:
    """`90m`, `1h 30m`, `2d3h4m5s`: days, hours, minutes, seconds in this order, at least one of them (S-10)."""
    found = _DURATION.match(text(key, value))
    if found is None or not any(found.groups()):
        raise ConfigError(f"Invalid duration for '{key}': {_shown(value)} (write for example 90m, or 1h 30m)")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total_s > DURATION_DAYS_MAX * 86_400:
        raise ConfigError(f"Invalid duration for '{key}': {_shown(value)} is longer than {DURATION_DAYS_MAX} days")
    return timedelta(seconds=total_s)


def unexpected(wanted: str, key: str, value: Any) -> ConfigError:
    """The error for a value of another type than the wanted one (L-64)."""
    return ConfigError(f"Expected {wanted} for key '{key}' but got {_shown(value)} ({json_type(value)})")


def json_type(value: Any) -> str:
    """string, number, boolean, array, object or null."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)):
        return "number"
    return "object" if isinstance(value, Mapping) else "array"


def _whole(wanted: str, most: int, key: str, value: Any) -> int:
    number: int | None = None
    if isinstance(value, bool):
        pass
    elif isinstance(value, int):
        number = value
    elif isinstance(value, float) and abs(value) <= most:
        number = int(value)
    elif isinstance(value, str):
        stripped = value.strip()
        if not stripped:
            number = 0
        elif _INTEGER_TEXT.match(stripped):
            number = int(stripped)
    if number is None or not -most - 1 <= number <= most:
        raise unexpected(wanted, key, value)
    return number


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return shown if len(shown) <= SHOWN_LENGTH_MAX else shown[: SHOWN_LENGTH_MAX - 3] + "..."
