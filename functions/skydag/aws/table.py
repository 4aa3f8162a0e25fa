"""The table on DynamoDB: ports.Table over boto3's low-level client.

Lost answers (design rule 6). botocore repeats a request whose answer it did not get, so a conditional write can fail
because of itself. A put is recognised by comparing the item found with its own; an update or a delete only when
botocore says that it did repeat, and what was found is what the write would have left.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from skydag.aws.client import Backoff, code, is_slow_down
from skydag.aws.expressions import Expression, Wire, item_from_wire, item_to_wire, to_wire
from skydag.aws.key_range import KeyRange
from skydag.errors import IllegalStepError, UnavailableError
from skydag.ports import Condition, Delete, Item, Lost, Page, Put, Update

T = TypeVar("T")
KEYS_A_BATCH = 100
INDEX = "due"
CONFLICTS = frozenset({"TransactionConflictException", "TransactionConflict"})
FINE = "None"                                       # the code of a write that was not why a transaction was cancelled
LOST = "ConditionalCheckFailed"
OURS = frozenset({"ValidationException", "IdempotentParameterMismatchException", "ItemCollectionSizeLimitExceeded",
                  "ValidationError"})


class DynamoTable:
    """client: a DynamoDB client of `aws.client`. sleep, spread: see Backoff; bootstrap hands in chance as `spread`."""

    def __init__(
        self, client: Any, table_name: str, *,
        sleep: Callable[[float], None] = time.sleep, spread: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self._client, self._name = client, table_name
        self._backoff = Backoff(sleep, spread)

    def get(self, pk: str, sk: str, *, strong: bool = True) -> Item | None:
        answer = self._call(lambda: self._client.get_item(
            TableName=self._name, Key=_key(pk, sk), ConsistentRead=strong))
        return item_from_wire(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        wanted = list(dict.fromkeys(keys))
        found: dict[tuple[str, str], Item] = {}
        for start in range(0, len(wanted), KEYS_A_BATCH):
            self._get_batch([_key(*key) for key in wanted[start:start + KEYS_A_BATCH]], found)
        return {key: found[key] for key in wanted if key in found}

    def put(self, item: Item, condition: Condition | None = None) -> None:
        request = self._conditional(Expression(), condition) | {"TableName": self._name, "Item": item_to_wire(item)}
        try:
            self._call(lambda: self._client.put_item(**request))
        except _Failed as failed:
            if failed.found is None or item_to_wire(failed.found) != request["Item"]:
                raise Lost(failed.found) from None

    def update(self, update: Update) -> Item:
        request = self._update(update) | {"ReturnValues": "ALL_NEW"}
        try:
            return item_from_wire(self._call(lambda: self._client.update_item(**request))["Attributes"])
        except _Failed as failed:
            if failed.repeated and failed.found is not None and _left_by(update, failed.found):
                return failed.found
            raise Lost(failed.found) from None

    def delete(self, pk: str, sk: str, condition: Condition | None = None) -> None:
        request = self._conditional(Expression(), condition) | {"TableName": self._name, "Key": _key(pk, sk)}
        try:
            self._call(lambda: self._client.delete_item(**request))
        except _Failed as failed:
            if not (failed.repeated and failed.found is None):
                raise Lost(failed.found) from None

    def query(
        self, pk: str, *, begins: str = "", after: str | None = None, before: str | None = None,
        descending: bool = False, limit: int | None = None,
    ) -> Page:
        span = KeyRange.of(begins, after, before)
        if span is None or limit == 0:
            return Page(items=(), has_more=limit == 0)
        words = Expression()
        request: Wire = {
            "TableName": self._name, "ConsistentRead": True, "ScanIndexForward": not descending,
            "KeyConditionExpression": span.expression(words, pk), **words.placeholders(),
        }
        if limit is not None:
            request["Limit"] = limit + len(span.excluded)
        while True:                                 # a page may hold nothing that counts, and yet have a next
            answer = self._call(lambda: self._client.query(**request))
            items = [item for row in answer["Items"] if (item := item_from_wire(row))["sk"] not in span.excluded]
            more = "LastEvaluatedKey" in answer or (limit is not None and len(items) > limit)
            if items or not more:
                return Page(items=tuple(items[:limit]), has_more=more)
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def transact(self, writes: Sequence[Put | Update | Delete], *, token: str) -> None:
        """token: any text. DynamoDB takes 36 characters (A-35) and compares the tokens of all tables of an account, so
        what it gets is made of the table's name, too."""
        actions = [self._action(write) for write in writes]
        token = hashlib.sha256(f"{self._name}/{token}".encode()).hexdigest()[:32]
        for number in range(self._backoff.tries + 1):
            try:
                self._call(lambda: self._client.transact_write_items(TransactItems=actions, ClientRequestToken=token))
                return
            except _Cancelled as cancelled:
                cancelled.raise_unless_passing()
                if number == self._backoff.tries:
                    raise UnavailableError(f"DynamoDB: others keep writing the same items: {cancelled.codes}") from None
                self._backoff.pause(number)

    def due(self, shard: int, until: str, *, limit: int = 100) -> Sequence[tuple[str, str]]:
        words = Expression()
        keys = f"{words.name('due_shard')} = {words.value(f'due#{shard}')} AND " \
               f"{words.name('due_at')} <= {words.value(until)}"
        request: Wire = {"TableName": self._name, "IndexName": INDEX, "KeyConditionExpression": keys,
                         **words.placeholders()}
        found: list[tuple[str, str]] = []
        while len(found) < limit:
            request["Limit"] = limit - len(found)
            answer = self._call(lambda: self._client.query(**request))
            found += [(row["pk"]["S"], row["sk"]["S"]) for row in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found

    def _get_batch(self, keys: list[Wire], found: dict[tuple[str, str], Item]) -> None:
        number = 0
        while keys:
            request = {self._name: {"Keys": keys, "ConsistentRead": True}}
            answer = self._call(lambda: self._client.batch_get_item(RequestItems=request))    # noqa: B023 - called at once
            rows = answer["Responses"].get(self._name, [])
            for item in map(item_from_wire, rows):
                found[item["pk"], item["sk"]] = item
            keys = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if keys and not rows:                   # a batch above 16 MB goes on at once; a throttled one waits
                if number == self._backoff.tries:
                    raise UnavailableError(f"DynamoDB leaves {len(keys)} keys unread")
                self._backoff.pause(number)
                number += 1

    def _conditional(self, words: Expression, condition: Condition | None) -> Wire:
        if condition is None:
            return words.placeholders()
        text = words.condition(condition)
        return {"ConditionExpression": text, "ReturnValuesOnConditionCheckFailure": "ALL_OLD", **words.placeholders()}

    def _update(self, update: Update) -> Wire:
        words = Expression()
        text = words.update(update)
        request = {"TableName": self._name, "Key": _key(update.pk, update.sk), "UpdateExpression": text}
        return request | self._conditional(words, update.condition)

    def _action(self, write: Put | Update | Delete) -> Wire:
        match write:
            case Put():
                fields = {"TableName": self._name, "Item": item_to_wire(write.item)}
                return {"Put": fields | self._conditional(Expression(), write.condition)}
            case Update():
                return {"Update": self._update(write)}
            case Delete():
                fields = {"TableName": self._name, "Key": _key(write.pk, write.sk)}
                return {"Delete": fields | self._conditional(Expression(), write.condition)}

    def _call(self, request: Callable[[], Any]) -> Any:
        """The answer. Throttles and meetings with a transaction (A-37) are repeated, after that UnavailableError."""
        for number in range(self._backoff.tries + 1):
            try:
                return request()
            except (ConnectionError, HTTPClientError) as trouble:
                raise UnavailableError(f"DynamoDB did not answer: {type(trouble).__name__}") from trouble
            except ClientError as trouble:
                if not (is_slow_down(trouble) or code(trouble) in CONFLICTS):
                    raise _in_our_words(trouble) from trouble
                if number == self._backoff.tries:
                    raise UnavailableError(f"DynamoDB asks to slow down: {code(trouble)}") from trouble
                self._backoff.pause(number)
        raise IllegalStepError("unreachable")


class _Failed(Exception):
    """A plain write's condition was false."""

    def __init__(self, found: Item | None, repeated: bool) -> None:
        super().__init__("condition failed")
        self.found, self.repeated = found, repeated


class _Cancelled(Exception):
    """A transaction was cancelled, for the reasons given, one a write."""

    def __init__(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("transaction cancelled")
        self.codes = [str(reason.get("Code", FINE)) for reason in reasons]
        self.found = [item_from_wire(reason["Item"]) if reason.get("Item") else None for reason in reasons]

    def raise_unless_passing(self) -> None:
        """Lost where a condition failed; a bug where a write was wrong; nothing where it is worth another try."""
        if LOST in self.codes:
            reasons = [(code == LOST, item) for code, item in zip(self.codes, self.found, strict=True)]
            raise Lost(self.found[self.codes.index(LOST)], reasons) from None
        if OURS & set(self.codes):
            raise IllegalStepError(f"DynamoDB refuses a transaction: {self.codes}") from None


def _in_our_words(trouble: ClientError) -> Exception:
    answer = trouble.response
    if code(trouble) == "ConditionalCheckFailedException":
        found = item_from_wire(answer["Item"]) if answer.get("Item") else None
        return _Failed(found, answer.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0)
    if code(trouble) == "TransactionCanceledException":
        return _Cancelled(answer.get("CancellationReasons", []))
    if code(trouble) in OURS:
        return IllegalStepError(f"DynamoDB refuses a request: {answer['Error'].get('Message', '')}")
    unknown: Exception = trouble
    return unknown


def _left_by(update: Update, found: Item) -> bool:
    """Whether the item is as this update would have left it. Never so for sums: who added what cannot be seen."""
    return not update.add and all(name in found and to_wire(found[name]) == to_wire(value)
                                  for name, value in update.assign.items()) \
        and not any(name in found for name in update.remove)


def _key(pk: str, sk: str) -> Wire:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
