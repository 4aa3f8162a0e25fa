"""How parameters merge (L-72, L-73): deep merge, and operations that cannot be fused without care.

Params are JSON data: mappings with text keys, lists, text, int, float, bool, None. Nothing here changes its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from skydag.model.records import dataclass

Params = Mapping[str, Any]
_PLAIN = frozenset((str, int, bool, float, type(None)))     # asked first: Mapping is slow to say no


def merge(under: Params, over: Params) -> dict[str, Any]:
    """under ⊕ over: mappings merge, everything else is replaced; a key keeps its first position (L-72)."""
    out = dict(under)
    for key, value in over.items():
        if type(value) not in _PLAIN and isinstance(value, Mapping) and isinstance(below := out.get(key), Mapping):
            out[key] = merge(below, value)
        else:
            out[key] = value
    return out


def remove(params: Params, path: Sequence[str]) -> dict[str, Any]:
    """params without the key at the dotted path; a path that leads nowhere changes nothing."""
    if not path or path[0] not in params:
        return dict(params)
    out = dict(params)
    if len(path) == 1:
        del out[path[0]]
    elif isinstance(out[path[0]], Mapping):
        out[path[0]] = remove(out[path[0]], path[1:])
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One store operation: first delete `resets` (dotted keys), then merge `params` (L-73)."""

    resets: tuple[str, ...] = ()
    params: Params

    def apply(self, params: Params) -> dict[str, Any]:
        out = dict(params)
        for dotted in self.resets:
            out = remove(out, dotted.split("."))
        return merge(out, self.params)

    def to_json(self) -> dict[str, Any]:
        return {"r": list(self.resets), "p": self.params} if self.resets else {"p": self.params}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Store:
        return cls(resets=tuple(data.get("r", ())), params=data["p"])


def apply_all(params: Params, stores: Iterable[Store]) -> dict[str, Any]:
    out = dict(params)
    for store in stores:
        out = store.apply(out)
    return out


def fused(stores: Iterable[Store]) -> tuple[Store, ...]:
    """The same operations in as few steps as are equal for every start.

    Deep merge is not associative: {x:{p:1}}, {x:5}, {x:{q:2}} gives {x:{q:2}} step by step on any start, but the pair
    ({x:5}, {x:{q:2}}) fused gives {x:{q:2}}, which would merge with an older {x:{p:1}}. So a later operation joins an
    earlier one only if it has no resets and never puts a mapping over a non-mapping of the earlier.
    """
    out: list[Store] = []
    for store in stores:
        if not store.resets and not store.params:
            continue
        if out and not store.resets and _joins(out[-1].params, store.params):
            out[-1] = Store(resets=out[-1].resets, params=merge(out[-1].params, store.params))
        else:
            out.append(store)
    return tuple(out)


def _joins(earlier: Params, later: Params) -> bool:
    for key, value in later.items():
        if isinstance(value, Mapping) and key in earlier:
            below = earlier[key]
            if not isinstance(below, Mapping) or not _joins(below, value):
                return False
    return True
