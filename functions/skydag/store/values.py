"""Large values leave the table (F-9): a pointer says where a text is.

A pointer is itself text and says what it is:

    i:<the text>    up to 64 KB: the text stands in the item
    o:<object key>  longer: data/<under>/<sha256 of the text> in the project bucket

An object's key is the hash of its text, so writing it twice is harmless and nothing that was written is ever changed.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from threading import Lock
from typing import Any, Final

from skydag.errors import IllegalStepError, InvalidError
from skydag.ports import Objects

INLINE_BYTES_MAX: Final = 64 * 1024
VALUE_BYTES_MAX: Final = 32 * 1024 * 1024
CACHE_BYTES_MAX: Final = 64 * 1024 * 1024
_ENCODED: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dumps(value: Any) -> str:
    """JSON as we store it: compact, keys in their order, 1 and 1.0 apart, text as it is; half a surrogate pair, which
    no UTF-8 can hold, stays escaped."""
    text: str = _ENCODED(value)
    return text if _is_encodable(text) else json.dumps(value, separators=(",", ":"))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Blobs:
    """Keeps texts, in the item where small, in a bucket where not; reads them back through a cache."""

    def __init__(
        self, objects: Objects, *, inline_bytes_max: int = INLINE_BYTES_MAX, cache_bytes_max: int = CACHE_BYTES_MAX,
    ) -> None:
        self._objects, self._inline_bytes_max = objects, inline_bytes_max
        self._lock = Lock()                         # a local server asks from several threads
        self._cache: OrderedDict[str, str] = OrderedDict()
        self._cache_bytes, self._cache_bytes_max = 0, cache_bytes_max

    def keep(self, text: str, under: str, *, inline_bytes_max: int | None = None) -> str:
        """The pointer to the text. `under`: what the object belongs to, "attempt/12", without slashes at its ends.
        inline_bytes_max: less than 64 KB where an item holds many. Raises InvalidError above 32 MB."""
        data = text.encode()
        if len(data) <= min(self._inline_bytes_max, inline_bytes_max or self._inline_bytes_max):
            return "i:" + text
        if len(data) > VALUE_BYTES_MAX:
            raise InvalidError(f"a value has {len(data):,} bytes; the most is {VALUE_BYTES_MAX:,} (32 MB)")
        import hashlib

        key = f"data/{under}/{hashlib.sha256(data).hexdigest()}"
        if self._known(key) is None:
            self._objects.put(key, data, content_type="application/json")
            self._remember(key, text, len(data))
        return "o:" + key

    def text(self, pointer: str) -> str:
        """The text behind a pointer. Raises NotFoundError when the object is gone."""
        kind, rest = pointer[:2], pointer[2:]
        if kind == "i:":
            return rest
        if kind != "o:":
            raise IllegalStepError(f"not a pointer: {pointer[:40]!r}")
        known = self._known(rest)
        if known is not None:
            return known
        data = self._objects.get(rest)
        text = data.decode()
        self._remember(rest, text, len(data))
        return text

    def keep_json(self, value: Any, under: str, *, inline_bytes_max: int | None = None) -> str:
        return self.keep(dumps(value), under, inline_bytes_max=inline_bytes_max)

    def json(self, pointer: str) -> Any:
        return json.loads(self.text(pointer))

    def _known(self, key: str) -> str | None:
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
            return self._cache.get(key)

    def _remember(self, key: str, text: str, size: int) -> None:
        with self._lock:
            if size > self._cache_bytes_max or key in self._cache:
                return
            self._cache[key] = text
            self._cache_bytes += size
            while self._cache_bytes > self._cache_bytes_max:
                _, oldest = self._cache.popitem(last=False)
                self._cache_bytes -= len(oldest.encode())
