"""Shared parameters of `param_set>` and `param_get>`: an item a key, gone 90 days after it was last set (O-81)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from skydag.ports import Clock, Item, Put, Table
from skydag.store import pages
from skydag.store.times import to_text
from skydag.store.values import Blobs

KEPT: Final = timedelta(days=90)
INLINE_BYTES_MAX: Final = 4_096         # a hundred of them stay far below what a transaction takes
SK: Final = "param"


class TableParams:
    """spi.SharedParams over the table."""

    def __init__(self, table: Table, blobs: Blobs, now: Clock) -> None:
        self._table, self._blobs, self._now = table, blobs, now

    def get(self, keys: Iterable[str]) -> Mapping[str, str]:
        """DynamoDB deletes what has expired within days, so it is looked at here, too."""
        now = int(self._now().timestamp())
        found = self._table.get_many([_key(key) for key in dict.fromkeys(keys)])
        return {item["key"]: self._blobs.text(item["value"]) for item in found.values() if item["expires_at"] > now}

    def set(self, values: Mapping[str, str]) -> None:
        """All or nothing. A repeat writes the same again; of two writers the later one counts."""
        items = [self._item(key, value) for key, value in values.items()]
        if len(items) == 1:
            self._table.put(items[0])
        else:
            self._table.transact([Put(item=item) for item in items], token=pages.token("params", *items))

    def _item(self, key: str, value: str) -> Item:
        now = self._now()
        pk, sk = _key(key)
        return {"pk": pk, "sk": sk, "key": key, "updated_at": to_text(now), "expires_at": int((now + KEPT).timestamp()),
                "value": self._blobs.keep(value, "shared", inline_bytes_max=INLINE_BYTES_MAX)}


def _key(key: str) -> tuple[str, str]:
    return f"shared#{key}", SK
