"""The meters by DynamoDB's rules, the one on the wire and the one in memory alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from tests.counting.meter import Meter, MeteredTable
from tests.counting.tally import Tally
from tests.store.dynamo import create_table

from skydag.local.table import MemoryTable
from skydag.ports import Absent, Delete, Is, Item, Lost, Put, Table, Update

Step = Callable[[Table], object]


def leaf(sk: str = "leaf", /, **more: Any) -> Item:
    return {"pk": "attempt#1", "sk": sk, **more}


KB = "x" * 1024
DUE = {"due_shard": "due#0", "due_at": "2025"}


def put(sk: str = "leaf", /, **more: Any) -> Step:
    return lambda table: table.put(leaf(sk, **more))


def update(sk: str = "leaf", /, **more: Any) -> Step:
    return lambda table: table.update(Update(pk="attempt#1", sk=sk, **more))


def delete(sk: str = "leaf", /) -> Step:
    return lambda table: table.delete("attempt#1", sk)


def transact(token: str, *writes: Put | Update | Delete) -> Step:
    return lambda table: table.transact(writes, token=token)


def lose(step: Step) -> Step:
    def lost(table: Table) -> None:
        with suppress(Lost):
            step(table)
    return lost


def put_new(**more: Any) -> Step:
    return lambda table: table.put(leaf(**more), Absent())


CASES: list[tuple[str, list[Step], dict[str, float]]] = [
    ("a small put", [put()], {"write_units": 1}),
    ("a put of more than a KB", [put(body=KB)], {"write_units": 2}),
    ("a small put over a large item", [put(body=KB * 3), put()], {"write_units": 4 + 4}),
    ("the delete of a large item", [put(body=KB * 3), delete()], {"write_units": 4 + 4}),
    ("the delete of nothing", [delete()], {"write_units": 1}),
    ("an update pays for the whole item", [put(body=KB * 3), update(add={"n": 1})], {"write_units": 4 + 4}),
    ("a lost put pays for what it found", [put(body=KB * 3), lose(put_new())], {"write_units": 4 + 4, "lost": 1}),
    ("a lost update of nothing", [lose(update(assign={"c": 1}, condition=Is("v", 1)))], {"write_units": 1, "lost": 1}),
    ("a transaction pays twice",
     [transact("t", Put(item=leaf("a", body=KB)), Put(item=leaf("b")), Delete(pk="attempt#1", sk="c"))],
     {"write_units": 2 * (2 + 1 + 1), "transactions": 1}),
    ("a transaction that lost",
     [lose(transact("t", Put(item=leaf("a", body=KB * 9)),
                    Update(pk="attempt#1", sk="b", assign={"x": 1}, condition=Is("x", 2))))],
     {"write_units": 2 * 2, "transactions": 1, "lost": 1}),
    ("updates in a transaction are followed",
     [transact("t", Update(pk="attempt#1", sk="a", assign={"body": KB * 2}, add={"n": 1})),
      transact("u", Update(pk="attempt#1", sk="a", add={"n": 1}, remove=["body"]))],
     {"write_units": 2 * (3 + 3), "transactions": 2}),
    ("an entry of the index is added", [put(**DUE)], {"write_units": 1, "index_writes": 1}),
    ("half an entry is none", [put(due_at="2025")], {"write_units": 1}),
    ("an entry moves", [put(**DUE), update(assign={"due_at": "2026"})], {"write_units": 2, "index_writes": 1 + 2}),
    ("an entry stays", [put(**DUE), update(assign={"due_at": "2025"}, add={"n": 1})],
     {"write_units": 2, "index_writes": 1}),
    ("an entry goes", [put(**DUE), delete()], {"write_units": 2, "index_writes": 1 + 1}),
    ("a strong read", [put(body=KB * 5), lambda table: table.get("attempt#1", "leaf")],
     {"write_units": 6, "read_units": 2}),
    ("an eventual read", [put(body=KB * 5), lambda table: table.get("attempt#1", "leaf", strong=False)],
     {"write_units": 6, "read_units": 1}),
    ("a read of nothing", [lambda table: table.get("attempt#1", "leaf")], {"read_units": 1}),
    ("a query rounds once", [*[put(f"{n}", body="x" * 900) for n in range(8)], lambda table: table.query("attempt#1")],
     {"write_units": 8, "read_units": 2}),
    ("a batch rounds each",
     [*[put(f"{n}") for n in range(3)], lambda table: table.get_many([("attempt#1", f"{n}") for n in range(5)])],
     {"write_units": 3, "read_units": 5}),
    ("a look at what is due", [lambda table: table.due(0, "2025")], {"read_units": 0.5}),
]


def run_in_memory(steps: list[Step], request: pytest.FixtureRequest) -> Tally:
    table = MeteredTable(MemoryTable())
    for step in steps:
        step(table)
    return table.tally


def run_on_the_wire(steps: list[Step], request: pytest.FixtureRequest) -> Tally:
    from skydag.aws.client import client
    from skydag.aws.table import DynamoTable

    dynamodb, meter = client("dynamodb", region_name=request.getfixturevalue("aws")), Meter()
    meter.attach(dynamodb.meta.events)
    table = DynamoTable(dynamodb, create_table(dynamodb))
    for step in steps:
        step(table)
    return meter.tally


@pytest.mark.parametrize("run", [run_in_memory, run_on_the_wire])
@pytest.mark.parametrize(("steps", "costs"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_request_costs_what_dynamodb_asks_for_it(
    run: Callable[..., Tally], steps: list[Step], costs: dict[str, float], request: pytest.FixtureRequest,
) -> None:
    """A-32, A-34, A-43."""
    total = run(steps, request).total()
    nothing = dict.fromkeys(("write_units", "read_units", "index_writes", "transactions", "lost"), 0)
    assert {name: getattr(total, name) for name in nothing} == nothing | costs


def test_a_repeat_by_the_sdk_counts(aws: str) -> None:
    from tests.aws.answers import lose_answer

    from skydag.aws.client import client
    from skydag.aws.table import DynamoTable

    dynamodb, meter = client("dynamodb", region_name=aws), Meter()
    table = DynamoTable(dynamodb, create_table(dynamodb))
    meter.attach(dynamodb.meta.events)
    lose_answer(dynamodb, "PutItem")
    table.put(leaf(), Absent())
    assert meter.tally.total().write_units == 2
    assert meter.tally.total().lost == 1


def test_uses_can_be_told_apart_by_their_keys_and_from_a_moment_on() -> None:
    table = MeteredTable(MemoryTable())
    table.put(leaf("page#1"))
    since = len(table.tally.uses)
    table.put(leaf("group#1"))
    table.get("attempt#1", "page#1")
    assert table.tally.total(since=since).requests == 2
    assert table.tally.total(lambda use: use.keys[0][1].startswith("page")).requests == 2
