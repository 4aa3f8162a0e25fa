"""The tasks of a definition as they are written, those inside `_do`, `_check`, `_error` and `sla` with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from skydag.model.records import dataclass

Path = tuple[str | int, ...]
Warn = Callable[[Path, str, str, str | None], None]     # path of keys, code, message, hint

BODIES: Final = {"_do": "^sub", "_else_do": "^sub", "_check": "^check", "_error": "^error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One task where it is written."""

    path: Path                      # () for the workflow itself
    full_name: str
    body: Mapping[str, Any]         # a list of mappings is joined (L-40)
    operator: str | None            # "sh", None for a group
    operator_key: str = ""          # "sh>", or "_type"

    @property
    def command(self) -> Any:
        return self.body.get("_command" if self.operator_key == "_type" else self.operator_key)

    @property
    def children(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for key, value in self.body.items():
            if key.startswith("+"):
                child = joined(value)
                if child is not None:
                    yield key, child


def sites(name: str, definition: Mapping[str, Any]) -> Iterator[Site]:
    """In file order, parents first; disabled tasks and all in them are left out (L-41)."""
    yield from _below((), f"+{name}", definition, is_root=True)
    sla = definition.get("sla")
    if isinstance(sla, Mapping):
        for key, value in sla.items():
            child = joined(value) if key.startswith("+") else None
            if child is not None:
                yield from _below(("sla", key), f"+{name}^sla{key}", child)


def joined(value: Any) -> Mapping[str, Any] | None:
    """The body of a task; None if it is none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return {key: inner for item in value for key, inner in item.items()}
    return None


def is_disabled(body: Mapping[str, Any]) -> bool:
    return body.get("_disable") not in (None, False, "false", "False", "", 0)


def texts(value: Any, path: Path, key: str, seen: set[int]) -> Iterator[tuple[Path, str, str]]:
    """The texts in a value, each with its path and its key, bodies of tasks left out. What aliases share is given once:
    `seen` holds the mappings and lists that were."""
    if isinstance(value, str):
        yield path, key, value
    elif isinstance(value, (Mapping, list)):
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, list):
            for at, inner in enumerate(value):
                yield from texts(inner, (*path, at), key, seen)
        else:
            for name, inner in value.items():
                if name not in ("_do", "_else_do"):
                    yield from texts(inner, (*path, name), name, seen)


def names(value: Any, seen: set[int]) -> Iterator[str]:
    """Every key of every mapping in a value, of those that aliases share once."""
    if not isinstance(value, (Mapping, list)) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Mapping):
        yield from value
    for inner in value.values() if isinstance(value, Mapping) else value:
        yield from names(inner, seen)


def _below(path: Path, full_name: str, body: Mapping[str, Any], *, is_root: bool = False) -> Iterator[Site]:
    if not is_root and is_disabled(body):
        return
    key = None if is_root else "_type" if "_type" in body else next((key for key in body if key.endswith(">")), None)
    operator = None if key is None else body["_type"] if key == "_type" else key[:-1]
    if operator is not None and not isinstance(operator, str):
        operator = str(operator)
    yield Site(path=path, full_name=full_name, body=body, operator=operator, operator_key=key or "")
    for name, value in body.items():
        if name.startswith("+"):
            child = joined(value)
            if child is not None:
                yield from _below((*path, name), full_name + name, child)
        elif name in BODIES and isinstance(value, Mapping):
            yield from _below((*path, name), full_name + BODIES[name], value)
