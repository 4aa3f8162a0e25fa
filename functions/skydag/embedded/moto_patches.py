"""What moto's DynamoDB lacks and skydag relies on, added at run time. `install()` once a process, before any mock.

    transactions        cost the touched items, not a copy of the whole table and stream per action (A-150)
    ClientRequestToken  the same token with the same writes changes nothing again (A-35, A-151)
    atomic calls        one lock around each DynamoDB call, so threads see the atomicity that DynamoDB gives (A-149)
    comparisons         false between values of different types, never an error, and True is not 1
    stream              no record for a write that changes nothing (A-50, A-151), one for an item born of an update
"""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from threading import RLock, local
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb import comparisons, models, responses
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import StreamShard, Table

from skydag.embedded.moto_speed import quicken

_backend: Any = models.DynamoDBBackend          # as Any: what is replaced here is not meant to be
_handler: Any = responses.DynamoHandler
_table: Any = Table
_shard: Any = StreamShard
TOKENS_KEPT = 10_000                    # the ten minutes of A-35, counted rather than timed

_transaction = local()                  # of the transaction now running: .touched, table name -> its actions; .images
_one_call = RLock()
_installed = False


def install() -> None:
    """Patch moto in this process; a second call changes nothing."""
    global _installed
    if _installed:
        return
    _installed = True
    _share_untouched_items()
    _honour_tokens()
    _serialise_calls()
    _skip_changes_of_nothing()
    _record_births_once()
    _compare_by_type()
    quicken()


def _share_untouched_items() -> None:
    plain = _backend.transact_write_items

    def transact_write_items(self: Any, transact_items: Sequence[Mapping[str, Any]]) -> Any:
        touched = defaultdict(list)
        for item in transact_items:
            for action in item.values():
                touched[_table_name(action["TableName"])].append(action)
        _transaction.touched, _transaction.images = touched, {}
        try:
            return plain(self, transact_items)
        finally:
            _transaction.touched, _transaction.images = None, {}

    _backend.transact_write_items = transact_write_items
    _table.__deepcopy__ = _roll_back_image


def _table_name(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]


def _key(action: Mapping[str, Any]) -> Mapping[str, Any]:
    key: Mapping[str, Any] = action.get("Key") or action["Item"]
    return key


def _roll_back_image(table: Any, memo: dict[int, Any]) -> Any:
    """The copy that moto keeps to undo a transaction; outside one, an ordinary deep copy."""
    touched = getattr(_transaction, "touched", None)
    if touched is None:
        whole = memo[id(table)] = table.__class__.__new__(table.__class__)
        for name, value in table.__dict__.items():
            setattr(whole, name, copy.deepcopy(value, memo))
        return whole
    if table.name in _transaction.images:               # moto asks once an action, before it runs the first
        return _transaction.images[table.name]
    image = _transaction.images[table.name] = copy.copy(table)
    image.items = defaultdict(dict, table.items)
    for hash_key in {DynamoType(_key(action)[table.hash_key_attr]) for action in touched[table.name]}:
        if hash_key in table.items:
            rows = table.items[hash_key]
            image.items[hash_key] = dict(rows) if table.range_key_attr else copy.deepcopy(rows)
    for action in touched[table.name] if table.range_key_attr else ():
        hash_key, range_key = (DynamoType(_key(action)[name]) for name in (table.hash_key_attr, table.range_key_attr))
        if range_key in table.items.get(hash_key, ()):
            image.items[hash_key][range_key] = copy.deepcopy(table.items[hash_key][range_key])
    if table.stream_shard is not None:
        image.stream_shard = copy.copy(table.stream_shard)
        image.stream_shard.items = list(table.stream_shard.items)
        image.stream_shard.table = image
    return image


def _honour_tokens() -> None:
    plain = _handler.transact_write_items

    def transact_write_items(self: Any) -> Any:
        token = self.body.get("ClientRequestToken")
        if not token:
            return plain(self)
        seen: dict[str, tuple[str, Any]] = self.dynamodb_backend.__dict__.setdefault("_skydag_tokens", {})
        request = json.dumps(self.body.get("TransactItems"), sort_keys=True)
        if token in seen:
            known, answer = seen[token]
            if known != request:
                mismatch = JsonRESTError("IdempotentParameterMismatchException", "the token was used for other writes")
                mismatch.code = 400
                raise mismatch
            return answer
        answer = plain(self)
        seen[token] = (request, answer)
        if len(seen) > TOKENS_KEPT:
            del seen[next(iter(seen))]
        return answer

    _handler.transact_write_items = transact_write_items


def _serialise_calls() -> None:
    plain = _handler.call_action

    def call_action(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _one_call:
            return plain(self, *args, **kwargs)

    _handler.call_action = call_action


def _skip_changes_of_nothing() -> None:
    plain = _shard.add

    def add(self: Any, old: Any, new: Any) -> None:
        if old is not None and new is not None and old.to_json() == new.to_json():
            return
        plain(self, old, new)

    _shard.add = add


def _record_births_once() -> None:
    plain = _backend.update_item

    def update_item(self: Any, table_name: str, *args: Any, **kwargs: Any) -> Any:
        shard = self.get_table(table_name).stream_shard
        before = len(shard.items) if shard is not None else 0
        item = plain(self, table_name, *args, **kwargs)
        if shard is not None and len(shard.items) - before == 2:        # first a put of the bare key, then the update
            bare, whole = shard.items[before:]
            whole.record["dynamodb"]["SequenceNumber"] = bare.record["dynamodb"]["SequenceNumber"]
            shard.items[before:] = [whole]
        return item

    _backend.update_item = update_item


def _compare_by_type() -> None:
    for comparison in (comparisons.OpEqual, comparisons.OpLessThanOrEqual):
        _refuse_other_types(comparison, comparison.expr)


def _refuse_other_types(comparison: Any, plain: Any) -> None:
    def expr(self: Any, item: Any) -> bool:
        return bool(self.lhs.get_type(item) == self.rhs.get_type(item) and plain(self, item))

    comparison.expr = expr
