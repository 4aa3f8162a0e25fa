"""What moto lacks, after the patches: transactions, tokens, threads, the stream."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from tests.store.dynamo import create_table

from skydag.aws.client import client
from skydag.aws.table import DynamoTable
from skydag.ports import Absent, Is, Item, Lost, Put, Update


def leaf(sk: str = "leaf", /, **more: Any) -> Item:
    return {"pk": "attempt#1", "sk": sk, **more}


class World:
    def __init__(self, region: str) -> None:
        self.client = client("dynamodb", region_name=region)
        self.streams = client("dynamodbstreams", region_name=region)
        self.name = create_table(self.client)
        self.table = DynamoTable(self.client, self.name, sleep=lambda seconds: None)

    def records(self) -> list[Any]:
        """(event, old state, new state) of each record of the stream."""
        arn = self.client.describe_table(TableName=self.name)["Table"]["LatestStreamArn"]
        shard = self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        start = self.streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = self.streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
        return [(record["eventName"], *(record["dynamodb"].get(image, {}).get("state", {}).get("S")
                                        for image in ("OldImage", "NewImage"))) for record in records]

    def stored(self) -> Any:
        """moto's own table."""
        from moto.dynamodb.models import dynamodb_backends

        return next(iter(dynamodb_backends.values()))[self.client.meta.region_name].tables[self.name]


@pytest.fixture
def world(aws: str) -> World:
    return World(aws)


def test_the_stream_tells_each_effective_change_once(world: World) -> None:
    """A-50: also of an item born of an update, and none of a write that changes nothing."""
    world.table.put(leaf(state="a"))
    world.table.put(leaf(state="a"))
    world.table.update(Update(pk="attempt#1", sk="leaf", assign={"state": "a"}))
    world.table.update(Update(pk="attempt#1", sk="leaf", assign={"state": "b"}))
    world.table.update(Update(pk="attempt#1", sk="born", assign={"state": "c"}))
    world.table.delete("attempt#1", "leaf")
    world.table.delete("attempt#1", "leaf")
    assert world.records() == [
        ("INSERT", None, "a"), ("MODIFY", "a", "b"), ("INSERT", None, "c"), ("REMOVE", "b", None)]


def test_a_transaction_is_in_the_stream_if_it_happened_and_not_if_it_lost(world: World) -> None:
    world.table.put(leaf("old", state="a"))
    with pytest.raises(Lost):
        world.table.transact([
            Put(item=leaf("new", state="b")), Update(pk="attempt#1", sk="born", assign={"state": "c"}),
            Update(pk="attempt#1", sk="old", assign={"state": "d"}), Put(item=leaf("last"), condition=Is("x", 1)),
        ], token="t")
    assert world.table.query("attempt#1").items == (leaf("old", state="a"),)
    assert world.records() == [("INSERT", None, "a")]
    world.table.transact([Update(pk="attempt#1", sk="old", assign={"state": "d"}), Put(item=leaf("new", state="b"))],
                         token="u")
    assert world.records() == [("INSERT", None, "a"), ("MODIFY", "a", "d"), ("INSERT", None, "b")]


def test_a_transaction_copies_nothing_that_it_does_not_touch(world: World) -> None:
    """A-150: its cost does not grow with the table."""
    for number in range(5):
        world.table.put(leaf(f"{number}"))
        world.table.put({"pk": f"other#{number}", "sk": "a"})

    def objects() -> dict[str, int]:
        return {f"{item.hash_key.value}/{item.range_key.value}": id(item)
                for rows in world.stored().items.values() for item in rows.values()}

    before = objects()
    with pytest.raises(Lost):
        world.table.transact(
            [Update(pk="attempt#1", sk="3", assign={"state": "x"}), Put(item=leaf("0"), condition=Absent())], token="t")
    after = objects()
    assert {key for key in before if before[key] != after[key]} <= {"attempt#1/0", "attempt#1/3"}
    assert before.keys() == after.keys()
    assert world.table.get("attempt#1", "3") == leaf("3")


def test_a_query_looks_at_its_partition_or_at_the_items_of_its_index(world: World) -> None:
    """moto sorts the whole table before each query."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    from skydag.embedded.moto_speed import _candidates

    for sk in "cab":
        world.table.put(leaf(sk))
        world.table.put({"pk": "other", "sk": sk})
    world.table.put(leaf("d", due_shard="due#0", due_at="2025"))

    def found(pk: str, index: str | None) -> list[str]:
        return [item.range_key.value for item in _candidates(world.stored(), DynamoType({"S": pk}), index) or ()]

    assert found("attempt#1", None) == ["a", "b", "c", "d"]
    assert found("nothing", None) == []
    assert found("due#0", "due") == ["d"]
    assert world.table.query("nothing").items == ()


def test_threads_see_the_atomicity_that_dynamodb_gives(world: World) -> None:
    """A-149."""
    won: list[int] = []

    def work(number: int) -> None:
        try:
            world.table.put(leaf(token=f"{number}"), Absent())
            won.append(number)
        except Lost:
            pass
        for _ in range(10):
            world.table.update(Update(pk="attempt#1", sk="counter", add={"n": 1}))

    threads = [Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert world.table.get("attempt#1", "counter") == leaf("counter", n=80)
