"""Meters: what a run costs, counted from the requests really sent to DynamoDB, or made of a table in memory.

    meter = Meter()
    meter.attach(client.meta.events)            # or a botocore session's emitter, for all its clients
    ...
    meter.tally.total().write_units

Repeats by the SDK and failed conditions count, as they cost. The meter keeps a shadow of every item, so it must see all
writes from the first on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.counting.tally import Image, Key, Tally, Use, index_units, read_units, write_bytes, write_units

from skydag.aws.expressions import item_from_wire, to_wire
from skydag.local.item_size import item_size
from skydag.ports import Condition, Delete, Item, Lost, Page, Put, Table, Update

REQUEST = "skydag_meter"
VERBS = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}
CLAUSE = re.compile(r"\b(SET|ADD|REMOVE)\b")


class Meter:
    """Counts the requests of every client whose events it is attached to."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._shadow: dict[Key, Item] = {}

    def attach(self, events: Any) -> None:
        """events: `client.meta.events`, or `session.events` of a boto3 session, before its clients are made."""
        events.register("before-call.dynamodb.*", self._note_request)
        events.register("response-received.dynamodb.*", self._count)
        events.register("before-call.lambda.Invoke", self._note_payload)

    def _note_payload(self, params: Mapping[str, Any], **_: Any) -> None:
        self.tally.payload_bytes += len(params["body"])

    def _note_request(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context[REQUEST] = json.loads(params["body"])

    def _count(self, event_name: str, context: Mapping[str, Any], parsed_response: Any, **_: Any) -> None:
        operation, request = event_name.rsplit(".", 1)[1], context.get(REQUEST)
        if request is None or parsed_response is None:
            return
        failed = parsed_response.get("Error", {}).get("Code", "")
        if operation in VERBS and failed in ("", "ConditionalCheckFailedException"):
            self._write(operation, request, parsed_response, failed)
        elif operation == "TransactWriteItems" and failed in ("", "TransactionCanceledException"):
            self._transact(request, parsed_response, failed)
        elif operation in ("GetItem", "BatchGetItem", "Query") and not failed:
            self.tally.add(_read(operation, request, parsed_response))

    def _write(self, operation: str, request: Mapping[str, Any], answer: Mapping[str, Any], failed: str) -> None:
        key = _key(request.get("Item") or request["Key"])
        before = self._shadow.get(key)
        if failed:
            self.tally.add(Use(operation=operation, keys=(key,), write_units=write_units(before, None), lost=1,
                               bytes=write_bytes(before, None)))
            return
        after = _after(VERBS[operation], request, before)
        if operation == "UpdateItem" and "Attributes" in answer:
            assert after == item_from_wire(answer["Attributes"]), f"the shadow of {key} is not what the table holds"
        self._keep(key, after)
        self.tally.add(Use(operation=operation, keys=(key,), write_units=write_units(before, after),
                           index_writes=index_units(before, after), bytes=write_bytes(before, after)))

    def _transact(self, request: Mapping[str, Any], answer: Mapping[str, Any], failed: str) -> None:
        """Twice the units; a cancelled one costs as well."""
        units, index, written, keys = 0, 0, 0, []
        for action in request["TransactItems"]:
            (verb, write), = action.items()
            key = _key(write.get("Item") or write["Key"])
            before, after = self._shadow.get(key), None
            if not failed:
                after = _after(verb, write, before)
                self._keep(key, after)
                index += index_units(before, after)
            units += 2 * write_units(before, after)
            written += write_bytes(before, after)
            keys.append(key)
        lost = sum(reason.get("Code") == "ConditionalCheckFailed" for reason in answer.get("CancellationReasons", ()))
        self.tally.add(Use(operation="TransactWriteItems", keys=tuple(keys), write_units=units, index_writes=index,
                           transactions=1, lost=lost, bytes=written))

    def _keep(self, key: Key, item: Item | None) -> None:
        if item is None:
            self._shadow.pop(key, None)
        else:
            self._shadow[key] = item


def _read(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Use:
    if operation == "Query":                        # one sum, then rounded up
        found = [item_from_wire(row) for row in answer["Items"]]
        units = read_units(sum(map(item_size, found)), strong=request.get("ConsistentRead", False))
    elif operation == "GetItem":
        found = [item_from_wire(answer["Item"])] if "Item" in answer else []
        units = read_units(sum(map(item_size, found)), strong=request.get("ConsistentRead", False))
    else:                                           # each item rounded up, keys without an item included
        (name, wanted), = request["RequestItems"].items()
        found = [item_from_wire(row) for row in answer["Responses"].get(name, ())]
        left = len(answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", ()))
        missing = len(wanted["Keys"]) - left - len(found)
        strong = wanted.get("ConsistentRead", False)
        units = sum(read_units(item_size(item), strong=strong) for item in found) + missing * (1 if strong else 0.5)
    return Use(operation=operation, keys=tuple((item["pk"], item["sk"]) for item in found), read_units=units,
               bytes=sum(map(item_size, found)))


def _after(verb: str, write: Mapping[str, Any], before: Image) -> Item | None:
    """The item after one write, worked out from the request as skydag writes it."""
    if verb == "Put":
        return item_from_wire(write["Item"])
    if verb == "Delete":
        return None
    names, values = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
    item = {name: to_wire(value) for name, value in (before or {}).items()} | write["Key"]
    words = CLAUSE.split(write["UpdateExpression"])[1:]
    for clause, parts in zip(words[::2], words[1::2], strict=True):
        for part in parts.split(","):
            name, *rest = part.replace("=", " ").split()
            if clause == "REMOVE":
                item.pop(names[name], None)
            elif clause == "SET":
                item[names[name]] = values[rest[0]]
            else:
                amount = int(item.get(names[name], {"N": "0"})["N"]) + int(values[rest[0]]["N"])
                item[names[name]] = {"N": str(amount)}
    return item_from_wire(item)


def _key(wire: Mapping[str, Any]) -> Key:
    return wire["pk"]["S"], wire["sk"]["S"]


class MeteredTable:
    """ports.Table around another one (in memory), counted by the same rules."""

    def __init__(self, table: Table, tally: Tally | None = None) -> None:
        self._table = table
        self.tally = tally if tally is not None else Tally()

    def get(self, pk: str, sk: str, *, strong: bool = True) -> Item | None:
        item = self._table.get(pk, sk, strong=strong)
        size = 0 if item is None else item_size(item)
        self.tally.add(Use(operation="GetItem", keys=((pk, sk),) if item is not None else (),
                           read_units=read_units(size, strong=strong), bytes=size))
        return item

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        found = self._table.get_many(keys)
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), 100):
            batch = wanted[start:start + 100]
            units = sum(read_units(item_size(found[key]) if key in found else 0, strong=True) for key in batch)
            keys_found = tuple(key for key in batch if key in found)
            self.tally.add(Use(operation="BatchGetItem", keys=keys_found, read_units=units,
                               bytes=sum(item_size(found[key]) for key in keys_found)))
        return found

    def put(self, item: Item, condition: Condition | None = None) -> None:
        before = self._table.get(item["pk"], item["sk"])
        try:
            self._table.put(item, condition)
        except Lost:
            self._lost("PutItem", (item["pk"], item["sk"]), before)
            raise
        self._written("PutItem", (item["pk"], item["sk"]), before)

    def update(self, update: Update) -> Item:
        before = self._table.get(update.pk, update.sk)
        try:
            after = self._table.update(update)
        except Lost:
            self._lost("UpdateItem", (update.pk, update.sk), before)
            raise
        self._written("UpdateItem", (update.pk, update.sk), before)
        return after

    def delete(self, pk: str, sk: str, condition: Condition | None = None) -> None:
        before = self._table.get(pk, sk)
        try:
            self._table.delete(pk, sk, condition)
        except Lost:
            self._lost("DeleteItem", (pk, sk), before)
            raise
        self._written("DeleteItem", (pk, sk), before)

    def query(
        self, pk: str, *, begins: str = "", after: str | None = None, before: str | None = None,
        descending: bool = False, limit: int | None = None,
    ) -> Page:
        page = self._table.query(pk, begins=begins, after=after, before=before, descending=descending, limit=limit)
        size = sum(map(item_size, page.items))
        self.tally.add(Use(operation="Query", keys=tuple((item["pk"], item["sk"]) for item in page.items),
                           read_units=read_units(size, strong=True), bytes=size))
        return page

    def transact(self, writes: Sequence[Put | Update | Delete], *, token: str) -> None:
        keys = tuple((write.item["pk"], write.item["sk"]) if isinstance(write, Put) else (write.pk, write.sk)
                     for write in writes)
        before = [self._table.get(*key) for key in keys]
        lost = 0
        try:
            self._table.transact(writes, token=token)
        except Lost as failed:
            lost = sum(is_lost for is_lost, _ in failed.reasons)
            raise
        finally:
            after = [self._table.get(*key) for key in keys]
            pairs = list(zip(before, after, strict=True))
            self.tally.add(Use(operation="TransactWriteItems", keys=keys, transactions=1, lost=lost,
                               write_units=2 * sum(write_units(*pair) for pair in pairs),
                               index_writes=sum(index_units(*pair) for pair in pairs),
                               bytes=sum(write_bytes(*pair) for pair in pairs)))

    def due(self, shard: int, until: str, *, limit: int = 100) -> Sequence[tuple[str, str]]:
        keys = self._table.due(shard, until, limit=limit)
        entries = sum(item_size({"pk": pk, "sk": sk, "due_shard": f"due#{shard}", "due_at": until}) for pk, sk in keys)
        self.tally.add(Use(operation="Query", keys=tuple(keys), bytes=entries,
                           read_units=read_units(entries, strong=False)))
        return keys

    def _written(self, operation: str, key: Key, before: Image) -> None:
        after = self._table.get(*key)
        self.tally.add(Use(operation=operation, keys=(key,), write_units=write_units(before, after),
                           index_writes=index_units(before, after), bytes=write_bytes(before, after)))

    def _lost(self, operation: str, key: Key, before: Image) -> None:
        self.tally.add(Use(operation=operation, keys=(key,), write_units=write_units(before, None), lost=1,
                           bytes=write_bytes(before, None)))
