"""How an answer is compared with what a golden expects: `<id>`, `<time>` and their like, `${variables}`, `<...>`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TEXTS = {
    "<id>": r"\d+",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "<offset_time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d",
    "<uuid>": _UUID,
    "<md5>": r"[A-Za-z0-9+/]{22}==",
    "<string>": r".*",
}
TYPES: dict[str, type | tuple[type, ...]] = {
    "<int>": int, "<object>": dict, "<list>": list, "<bool>": bool, "<any>": object,
}


def substituted(value: Any, variables: Mapping[str, str]) -> Any:
    """`${name}` of a known variable; unknown ones stay."""
    if isinstance(value, str):
        return re.sub(r"\$\{([^}]+)\}", lambda found: variables.get(found[1], found[0]), value)
    if isinstance(value, list):
        return [substituted(one, variables) for one in value]
    if isinstance(value, dict):
        return {substituted(key, variables): substituted(one, variables) for key, one in value.items()}
    return value


def differences(wanted: Any, found: Any, *, is_contained: bool = False, at: str = "$") -> Iterator[str]:
    """Where `found` is not as wanted. is_contained: objects may have more keys."""
    if isinstance(wanted, str) and wanted.startswith("<") and wanted.endswith(">"):
        if not _fits(wanted, found):
            yield f"{at}: wanted {wanted}, found {found!r}"
    elif isinstance(wanted, dict) and isinstance(found, dict):
        for key in wanted.keys() - found.keys():
            yield f"{at}.{key}: missing"
        if not is_contained:
            for key in found.keys() - wanted.keys():
                yield f"{at}.{key}: not wanted, found {found[key]!r}"
        for key in wanted.keys() & found.keys():
            yield from differences(wanted[key], found[key], is_contained=is_contained, at=f"{at}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            yield f"{at}: wanted {len(wanted)} elements, found {len(found)}"
        for index, (one, other) in enumerate(zip(wanted, found, strict=False)):
            yield from differences(one, other, is_contained=is_contained, at=f"{at}[{index}]")
    elif type(wanted) is not type(found) or wanted != found:
        yield f"{at}: wanted {wanted!r}, found {found!r}"


def _fits(pattern: str, found: Any) -> bool:
    if pattern in TYPES:
        return isinstance(found, TYPES[pattern]) and not (pattern == "<int>" and isinstance(found, bool))
    if not isinstance(found, str):
        return False
    if pattern in TEXTS:
        return re.fullmatch(TEXTS[pattern], found, re.DOTALL) is not None
    kind, _, text = pattern[1:-1].partition(":")
    if kind == "has":
        return text in found
    if kind == "re":
        return re.fullmatch(text, found, re.DOTALL) is not None
    return pattern == found


def path_value(path: str, found: Any) -> Any:
    """$.schedules[workflow.name=a].id, $.workflows[0].id"""
    value = found
    for name, index in re.findall(r"\.([^.\[\]]+)|\[([^\]]+)\]", path):
        if name:
            value = value[name]
        elif index.isdecimal():
            value = value[int(index)]
        else:
            keys, _, wanted = index.partition("=")
            value = next(one for one in value if str(path_value("$." + keys, one)) == wanted)
    return value
