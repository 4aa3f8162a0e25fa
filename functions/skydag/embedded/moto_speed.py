"""moto's DynamoDB, quicker: the same answers, without work that grows with the table or that nobody asked for.

    query       looks at one partition, or at the items of the index, instead of sorting the whole table first
    answers     items are JSON already when they leave moto's table: written as they are, not rebuilt value by value

`moto_patches.install()` puts these in, too.
"""

from __future__ import annotations

import json
from threading import local
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb import responses
from moto.dynamodb.models.table import Table

_handler: Any = responses.DynamoHandler
_table: Any = Table
_query = local()                        # .rows: what the query now running may find; absent outside of one

ITEMS_INSIDE = frozenset({"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"})
JSON_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}


def quicken() -> None:
    """Once a process."""
    _look_where_it_can_be()
    _write_items_as_they_are()


def _look_where_it_can_be() -> None:
    plain_query, plain_all_items = _table.query, _table.all_items

    def query(self: Any, hash_key: Any, *args: Any, **kwargs: Any) -> Any:
        index_name = kwargs.get("index_name", args[6] if len(args) > 6 else None)
        _query.rows = _candidates(self, hash_key, index_name)
        try:
            return plain_query(self, hash_key, *args, **kwargs)
        finally:
            _query.rows = None

    def all_items(self: Any) -> Any:
        rows = getattr(_query, "rows", None)
        return plain_all_items(self) if rows is None else rows

    _table.query, _table.all_items = query, all_items


def _candidates(table: Any, hash_key: Any, index_name: str | None) -> list[Any] | None:
    """Every item that the query can find; its order does not matter to moto. None: look at all."""
    if not table.range_key_attr:
        return None
    if index_name is None:
        rows = table.items.get(hash_key, {})
        return sorted(rows.values(), key=lambda item: str(item.range_key.value))    # what is in order sorts quickest
    keys = [key["AttributeName"] for index in table.all_indexes() if index.name == index_name for key in index.schema]
    return [item for rows in table.items.values() for item in rows.values() if all(key in item.attrs for key in keys)]


def _write_items_as_they_are() -> None:
    plain = _handler.serialized

    def serialized(self: Any, action_result: ActionResult) -> Any:
        result = action_result.result
        if isinstance(result, dict) and self._get_action() in ITEMS_INSIDE:
            try:
                body = json.dumps({name: value for name, value in result.items() if value is not None})
            except TypeError:                       # something that is not JSON yet, such as binary values
                return plain(self, action_result)
            return 200, JSON_HEADERS | self.response_headers, body
        return plain(self, action_result)

    _handler.serialized = serialized
