"""Which old leaf stands for which task of a resumed attempt: bundles in the project bucket, written once.

    data/resume/<request>/<n>.json      {parent's full name: {child's name: "<kind><path of the old task>"}}

A parent's children lie in one bundle, found by the hash of its name, so a group asks once for all of its children. The
attempt names them: "<old attempt>:<bundles>:<request>".
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from skydag.model.records import dataclass
from skydag.ports import Objects
from skydag.store.values import dumps

BUNDLE_CHARS: Final = 200_000
BUNDLES_MAX: Final = 20
EMPTY, STORES, GENERATED, GROUP = "e", "s", "g", "n"    # kinds: left no stores; left some; generated tasks; no leaf

Entries = Mapping[str, Mapping[str, "Old"]]             # parent's full name -> child's own name -> what stands for it


@dataclass(frozen=True, slots=True)
class Old:
    kind: str
    path: str


class Resumes:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._bundles: OrderedDict[str, dict[str, dict[str, str]]] = OrderedDict()
        self._lock = Lock()                             # a local server asks from several threads

    def keep(self, attempt_id: int, request: str, entries: Entries) -> str | None:
        """What the new attempt is to hold; None where there is nothing to take over. A repeat writes the same."""
        if not entries:
            return None
        size = sum(len(parent) + sum(len(name) + len(old.path) + 7 for name, old in children.items())
                   for parent, children in entries.items())
        count = size // BUNDLE_CHARS + 1
        bundles: list[dict[str, Any]] = [{} for _ in range(count)]
        for parent, children in entries.items():
            bundles[_bundle(parent, count)][parent] = {name: old.kind + old.path for name, old in children.items()}
        for number, bundle in enumerate(bundles):
            self._objects.put(_key(request, number), dumps(bundle).encode(), content_type="application/json")
        return f"{attempt_id}:{count}:{request}"

    def children(self, reference: str, parent: str) -> dict[str, Old]:
        """By their own names; empty where none of the parent's children is known."""
        _, count, request = reference.split(":", 2)
        found = self._read(_key(request, _bundle(parent, int(count)))).get(parent, {})
        return {name: Old(text[0], text[1:]) for name, text in found.items()}

    def _read(self, key: str) -> dict[str, dict[str, str]]:
        with self._lock:
            if key in self._bundles:
                self._bundles.move_to_end(key)
                return self._bundles[key]
        bundle: dict[str, dict[str, str]] = json.loads(self._objects.get(key))
        with self._lock:
            self._bundles[key] = bundle
            while len(self._bundles) > BUNDLES_MAX:
                self._bundles.popitem(last=False)
        return bundle


def old_attempt(reference: str) -> int:
    return int(reference.partition(":")[0])


def _bundle(parent: str, count: int) -> int:
    import zlib  # by the few attempts that are resumed

    return zlib.crc32(parent.encode(errors="surrogatepass")) % count


def _key(request: str, number: int) -> str:
    return f"data/resume/{request}/{number}.json"
