"""What only DynamoDB has: lost answers, throttles, conflicts, batches left over."""

from __future__ import annotations

from typing import Any

import pytest
from tests.aws.answers import answer_first, error, lose_answer
from tests.store.dynamo import create_table

from skydag.aws.client import client
from skydag.aws.table import DynamoTable
from skydag.errors import UnavailableError
from skydag.ports import Absent, Is, Item, Lost, Missing, Put, Update

LEAF: Item = {"pk": "attempt#1", "sk": "leaf", "run": 1, "token": "mine"}


class World:
    def __init__(self, region: str) -> None:
        self.client = client("dynamodb", region_name=region)
        self.pauses: list[float] = []
        self.table = DynamoTable(self.client, create_table(self.client), sleep=self.pauses.append, spread=lambda: 0.0)
        self.other = DynamoTable(client("dynamodb", region_name=region), self.table._name)


@pytest.fixture
def world(aws: str) -> World:
    return World(aws)


def test_a_put_whose_answer_was_lost_is_recognised(world: World) -> None:
    lose_answer(world.client, "PutItem")
    world.table.put(LEAF, Absent())
    assert world.other.get("attempt#1", "leaf") == LEAF


def test_an_update_whose_answer_was_lost_is_recognised_by_what_it_left(world: World) -> None:
    world.other.put({**LEAF, "version": 1, "retry_at": "x"})
    lose_answer(world.client, "UpdateItem")
    after = world.table.update(Update(pk="attempt#1", sk="leaf", assign={"version": 2, "owner": "me"},
                                      remove=["retry_at"], condition=Is("version", 1)))
    assert after == {**LEAF, "version": 2, "owner": "me"}


def test_an_update_that_was_sent_once_and_lost_has_lost_whatever_it_finds(world: World) -> None:
    """Somebody else wrote the very same: without a repeat of ours it cannot have been us."""
    world.other.put({**LEAF, "version": 2})
    with pytest.raises(Lost):
        world.table.update(Update(pk="attempt#1", sk="leaf", assign={"version": 2}, condition=Is("version", 1)))


@pytest.mark.parametrize("update", [
    Update(pk="attempt#1", sk="leaf", assign={"version": 2}, add={"count": 1}, condition=Is("version", 1)),
    Update(pk="attempt#1", sk="leaf", add={"version": 1}, condition=Is("version", 1)),
], ids=["also a sum", "a sum"])
def test_a_sum_whose_answer_was_lost_is_not_guessed_at(world: World, update: Update) -> None:
    """A-39."""
    world.other.put({**LEAF, "version": 1})
    lose_answer(world.client, "UpdateItem")
    with pytest.raises(Lost) as lost:
        world.table.update(update)
    assert lost.value.found is not None
    assert lost.value.found["version"] == 2


def test_a_delete_whose_answer_was_lost_is_recognised(world: World) -> None:
    world.other.put(LEAF)
    lose_answer(world.client, "DeleteItem")
    world.table.delete("attempt#1", "leaf", Is("token", "mine"))
    with pytest.raises(Lost):
        world.other.delete("attempt#1", "leaf", Is("token", "mine"))


def test_a_transaction_whose_answer_was_lost_is_recognised_by_its_token(world: World) -> None:
    """A-35."""
    lose_answer(world.client, "TransactWriteItems")
    world.table.transact([Put(item=LEAF, condition=Absent()),
                          Update(pk="attempt#1", sk="open", add={"count": 1})], token="start-1")
    assert world.other.get("attempt#1", "open") == {"pk": "attempt#1", "sk": "open", "count": 1}


def cancelled(*codes: str) -> Any:
    return error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


def test_a_transaction_that_met_another_tries_again_with_growing_pauses(world: World) -> None:
    """A-37: the SDK does not."""
    answer_first(world.client, "TransactWriteItems",
                 cancelled("None", "TransactionConflict"), cancelled("ThrottlingError", "TransactionConflict"))
    world.table.transact([Put(item=LEAF), Update(pk="attempt#1", sk="open", add={"count": 1})], token="t")
    assert world.table.get("attempt#1", "leaf") == LEAF
    assert world.pauses == [0.025, 0.05]


def test_a_transaction_whose_condition_failed_has_lost_even_if_it_also_met_another(world: World) -> None:
    reasons = [{"Code": "TransactionConflict"},
               {"Code": "ConditionalCheckFailed", "Item": {"pk": {"S": "p"}, "sk": {"S": "s"}, "n": {"N": "2"}}}]
    answer_first(world.client, "TransactWriteItems", error("TransactionCanceledException", CancellationReasons=reasons))
    with pytest.raises(Lost) as lost:
        world.table.transact([Put(item=LEAF), Put(item=LEAF | {"sk": "b"}, condition=Absent())], token="t")
    assert lost.value.found == {"pk": "p", "sk": "s", "n": 2}
    assert [failed for failed, _ in lost.value.reasons] == [False, True]
    assert world.pauses == []


def test_a_hot_item_ends_in_an_error_that_says_try_again(world: World) -> None:
    answer_first(world.client, "TransactWriteItems", *[cancelled("TransactionConflict")] * 20)
    with pytest.raises(UnavailableError, match="keep writing the same items"):
        world.table.transact([Put(item=LEAF)], token="t")
    assert len(world.pauses) == 7
    assert max(world.pauses) <= 2


@pytest.mark.parametrize("code", ["TransactionConflictException", "ProvisionedThroughputExceededException",
                                  "ThrottlingException", "InternalServerError"])
def test_a_throttled_write_tries_again(world: World, code: str) -> None:
    answer_first(world.client, "PutItem", error(code), error(code))
    world.table.put(LEAF, Absent())
    assert world.other.get("attempt#1", "leaf") == LEAF
    assert len(world.pauses) == 2


CALLS: Any = {
    "GetItem": lambda table: table.get("attempt#1", "leaf"),
    "BatchGetItem": lambda table: table.get_many([("attempt#1", "leaf")]),
    "PutItem": lambda table: table.put(LEAF),
    "UpdateItem": lambda table: table.update(Update(pk="attempt#1", sk="leaf", assign={"run": 2})),
    "DeleteItem": lambda table: table.delete("attempt#1", "leaf"),
    "Query": lambda table: (table.query("attempt#1"), table.due(0, "2025")),
    "TransactWriteItems": lambda table: table.transact([Put(item=LEAF)], token="t"),
}


@pytest.mark.parametrize("operation", CALLS)
def test_every_call_waits_for_a_throttle_to_end_and_says_so_when_it_does_not(world: World, operation: str) -> None:
    """A-41: the SDK's own repeats come first; then ours, with growing pauses; then whoever called decides."""
    busy = error("ProvisionedThroughputExceededException")
    answer_first(world.client, operation, *[busy] * 3)
    CALLS[operation](world.table)
    assert world.pauses == [0.025, 0.05, 0.1]
    world.pauses.clear()
    answer_first(world.client, operation, *[busy] * 20)
    with pytest.raises(UnavailableError, match="asks to slow down: ProvisionedThroughputExceeded"):
        CALLS[operation](world.table)
    assert len(world.pauses) == 7


def test_keys_that_are_left_over_again_and_again_are_unavailable_not_missing(world: World) -> None:
    """A-46: an item that was not read must never be taken for one that is not there."""
    left = {"Responses": {}, "UnprocessedKeys": {world.table._name: {"Keys": [
        {"pk": {"S": "attempt#1"}, "sk": {"S": "leaf"}}]}}}
    world.other.put(LEAF)
    answer_first(world.client, "BatchGetItem", *[left] * 20)
    with pytest.raises(UnavailableError, match="leaves 1 keys unread"):
        world.table.get_many([("attempt#1", "leaf")])
    assert len(world.pauses) == 7


def test_an_unknown_error_keeps_its_traceback(world: World) -> None:
    from botocore.exceptions import ClientError

    answer_first(world.client, "GetItem", error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        world.table.get("attempt#1", "leaf")


def test_keys_that_a_batch_left_over_are_read_afterwards(world: World) -> None:
    """A-46."""
    name = world.table._name
    keys = [("attempt#1", f"{number}") for number in range(3)]
    for _, sk in keys:
        world.other.put({"pk": "attempt#1", "sk": sk})
    left = [{"pk": {"S": "attempt#1"}, "sk": {"S": sk}} for _, sk in keys]
    answer_first(world.client, "BatchGetItem",
                 {"Responses": {}, "UnprocessedKeys": {name: {"Keys": left}}},
                 {"Responses": {name: [left[0]]}, "UnprocessedKeys": {name: {"Keys": left[1:]}}})
    assert list(world.table.get_many(keys)) == keys
    assert world.pauses == [0.025]


def test_an_empty_page_with_more_behind_it_is_no_end(world: World) -> None:
    """A-45."""
    world.other.put(LEAF)
    answer_first(world.client, "Query", {"Items": [], "LastEvaluatedKey": {"pk": {"S": "attempt#1"}, "sk": {"S": "a"}}})
    assert world.table.query("attempt#1").items == (LEAF,)


def test_an_index_that_pages_is_read_to_its_limit(world: World) -> None:
    for number in range(5):
        world.other.put({"pk": "g", "sk": f"{number}", "due_shard": "due#3", "due_at": f"2025-01-0{number + 1}"})
    answer_first(world.client, "Query", {"Items": [{"pk": {"S": "g"}, "sk": {"S": "first"}}], "LastEvaluatedKey": {
        "pk": {"S": "g"}, "sk": {"S": "0"}, "due_shard": {"S": "due#3"}, "due_at": {"S": "2025-01-01"}}})
    assert list(world.table.due(3, "2025-01-04", limit=3)) == [("g", "first"), ("g", "1"), ("g", "2")]


def test_an_attribute_may_be_missing_in_a_condition_of_a_put(world: World) -> None:
    world.table.put(LEAF, Missing("done_at"))
    world.table.put(LEAF | {"done_at": "x"}, Missing("done_at"))
    with pytest.raises(Lost):
        world.table.put(LEAF, Missing("done_at"))
