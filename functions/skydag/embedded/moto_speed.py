"""moto's DynamoDB, quicker: the same answers, without work that grows with the table or that nobody asked for.

    query       looks at one partition, or at the items of the index, instead of sorting the whole table first
    answers     items are JSON already when they leave moto's table: written as they are, not rebuilt value by value
    requests    a DynamoDB call goes to moto's handler at once, past a search for the service

`moto_patches.install()` puts these in, too.
"""

from __future__ import annotations

import functools
import json
from threading import local
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from moto.core import responses as core
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.responses import ActionResult
from moto.dynamodb import responses
from moto.dynamodb.models.table import Table

from skydag.embedded.template import ACCOUNT

_core: Any = core
_stubber: Any = BotocoreStubber
_handler: Any = responses.DynamoHandler
_table: Any = Table
_query = local()                        # .rows: what the query now running may find; absent outside of one

ITEMS_INSIDE = frozenset({"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"})
BINARY = (b'"B"', b'"BS"')               # only such requests need moto's parser: they are JSON all the same
JSON_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}


def quicken() -> None:
    """Once a process."""
    _look_where_it_can_be()
    _write_items_as_they_are()
    _core.method_names_from_class = functools.cache(_core.method_names_from_class)
    _hand_over_at_once()


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


def _hand_over_at_once() -> None:
    plain = _stubber.__call__

    def call(self: Any, event_name: str, request: Any, **more: Any) -> Any:
        if self.enabled and (handler := _dynamo_handler(request)) is not None:
            try:
                status, headers, body = handler.call_action()
            except _core.HTTPException as refused:
                status, headers, body = refused.code, dict(refused.get_headers()), refused.get_body()
            return AWSResponse(request.url, int(status), headers, MockRawResponse(body))
        return plain(self, event_name, request, **more)

    _stubber.__call__ = call


def _dynamo_handler(request: Any) -> Any:
    """moto's handler, with the request in it as its own parser leaves it; None where that is not so simple."""
    host = urlsplit(request.url).netloc.split(".")
    body, target = request.body, request.headers.get("X-Amz-Target")
    if host[0] != "dynamodb" or host[2:] != ["amazonaws", "com"] or not isinstance(body, bytes) or target is None:
        return None
    if any(word in body for word in BINARY):
        return None
    target = target.decode() if isinstance(target, bytes) else target
    handler: Any = _handler()
    handler.params, handler.uri_match, handler.querystring = json.loads(body or b"{}"), {}, {}
    handler.headers = {"x-amz-target": target, "Content-Type": JSON_HEADERS["Content-Type"]}
    handler.region, handler.partition, handler.current_account = host[1], "aws", ACCOUNT
    handler.response_headers = {"server": "amazon.com"}
    return handler
