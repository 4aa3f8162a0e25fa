"""How commands show things: blocks, times, compact JSON, YAML (C-39 .. C-41)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TextIO

_PLAIN_KEY = re.compile(r"[A-Za-z+^_][\w+.>^/-]*", re.ASCII)
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_BAD_KEY_END = ("-",)


def block(pairs: Mapping[str, Any], indent: int = 2) -> None:
    """`  key: value` lines and one blank line; a missing value leaves nothing after the colon and its blank."""
    for key, value in pairs.items():
        print(f"{' ' * indent}{key}: {'' if value is None else value}")
    print()


def tell(text: str, out: TextIO) -> None:
    """A line, with `?` for what this output has no letters for (half a surrogate pair never has)."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=out)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parsed(text: str | None) -> datetime | None:
    """A time of the REST API; None for null."""
    return None if text is None else datetime.fromisoformat(text)


def session_time(text: str) -> str:
    """In the workflow's own offset, as it came (C-39): 2024-01-01 00:00:00 +0900"""
    return _shown(datetime.fromisoformat(text))


def local_time(text: str | None) -> str:
    """In this machine's zone; nothing for null."""
    return "" if text is None else _shown(datetime.fromisoformat(text).astimezone())


def local_relative(text: str | None, now: datetime) -> str:
    """local_time, and how far that is from now: (in 1h 2m 3s) or (5m 10s ago)"""
    time = parsed(text)
    return "" if time is None else f"{local_time(text)} {relative(time, now)}"


def relative(time: datetime, now: datetime) -> str:
    seconds = int((time - now).total_seconds())
    return f"(in {_duration(seconds)})" if seconds >= 0 else f"({_duration(-seconds)} ago)"


def _duration(seconds: int) -> str:
    minutes, s = divmod(seconds, 60)
    h, m = divmod(minutes, 60)
    if h:
        return f"{h}h {m}m {s}s"
    return f"{m}m {s}s" if m else f"{s}s"


def _shown(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z")


def yaml_lines(value: Any, indent: int = 0) -> Iterator[str]:
    """JSON data as YAML lines: text in double quotes, as Digdag shows it."""
    pad = " " * indent
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entry(f"{pad}{_key(key)}:", inner, indent + 2)
    elif isinstance(value, list):
        for inner in value:
            yield from _item(pad, inner, indent)
    else:
        yield pad + _scalar(value)
    if value == {} or value == []:
        yield pad + _scalar(value)


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, Mapping | list) and value:
        yield head
        yield from yaml_lines(value, indent if isinstance(value, Mapping) else indent - 2)
    else:
        yield f"{head} {_scalar(value)}"


def _item(pad: str, value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, Mapping | list) and value:
        first, *others = yaml_lines(value, indent + 2)
        yield f"{pad}- {first.lstrip(' ')}"
        yield from others
    else:
        yield f"{pad}- {_scalar(value)}"


def _key(key: str) -> str:
    is_plain = _PLAIN_KEY.fullmatch(key) and key.lower() not in _RESERVED and not key.endswith(_BAD_KEY_END)
    return key if is_plain else json.dumps(key, ensure_ascii=False)


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
