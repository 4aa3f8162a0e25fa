"""What only the table in memory has: its feed of changes, and strictness where moto is lax."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest

from skydag.errors import IllegalStepError
from skydag.local.table import Change, MemoryTable
from skydag.ports import Absent, Delete, Is, Item, Lost, Put, Update


def leaf(**more: Any) -> Item:
    return {"pk": "attempt#1", "sk": "leaf", **more}


def test_each_effective_change_is_told_once_with_both_images() -> None:
    changes: list[Change] = []
    table = MemoryTable(changes.append)
    table.put(leaf(run=1))
    table.update(Update(pk="attempt#1", sk="leaf", add={"run": 1}))
    table.delete("attempt#1", "leaf")
    assert [(change.old, change.new, change.sequence) for change in changes] == [
        (None, leaf(run=1), 1), (leaf(run=1), leaf(run=2), 2), (leaf(run=2), None, 3)]


def test_what_changes_nothing_is_not_told() -> None:
    """A-50."""
    changes: list[Change] = []
    table = MemoryTable(changes.append)
    table.put(leaf(run=1))
    table.put(leaf(run=1))
    table.update(Update(pk="attempt#1", sk="leaf", assign={"run": 1}, remove=["nothing"]))
    table.delete("attempt#1", "other")
    with pytest.raises(Lost):
        table.put(leaf(run=2), Absent())
    assert len(changes) == 1
    table.put(leaf(run=True))                           # another type is another value
    assert len(changes) == 2


def test_a_transaction_is_told_write_by_write_and_only_if_it_happened() -> None:
    changes: list[Change] = []
    table = MemoryTable(changes.append)
    table.put(leaf())
    writes: list[Put | Update | Delete] = [
        Put(item={"pk": "a", "sk": "b"}), Delete(pk="attempt#1", sk="leaf", condition=Is("run", 1))]
    with pytest.raises(Lost):
        table.transact(writes, token="t")
    assert len(changes) == 1
    table.transact([writes[0], Delete(pk="attempt#1", sk="leaf")], token="t")
    assert [change.sequence for change in changes] == [1, 2, 3]


def test_a_later_write_does_not_change_an_image_told_before() -> None:
    changes: list[Change] = []
    table = MemoryTable(changes.append)
    table.put(leaf(list=[1]))
    table.update(Update(pk="attempt#1", sk="leaf", assign={"list": [1, 2]}))
    assert changes[0].new == leaf(list=[1])


@pytest.mark.parametrize("item", [
    {"pk": "", "sk": "a"}, {"pk": "a", "sk": ""}, {"pk": "a"}, {"pk": "a", "sk": 1}, {"pk": "a", "sk": "ü" * 513},
    {"pk": "a" * 2049, "sk": "b"}, leaf(due_at=1, due_shard="due#0"), leaf(due_at="", due_shard="due#0"),
    leaf(number=10**38),
], ids=["no pk", "empty sk", "no sk", "sk no text", "long sk", "long pk", "index no text", "empty index", "number"])
def test_what_dynamodb_would_refuse_is_refused(item: Item) -> None:
    """A-31, A-44, A-48: moto accepts some of these, so only this table says so in time."""
    with pytest.raises(IllegalStepError):
        MemoryTable().put(item)


def test_of_many_threads_that_claim_one_wins() -> None:
    table = MemoryTable()
    won: list[int] = []

    def claim(number: int) -> None:
        try:
            table.put(leaf(token=f"{number}"), Absent())
            won.append(number)
        except Lost:
            pass
        for _ in range(100):
            table.update(Update(pk="attempt#1", sk="counter", add={"n": 1}))

    threads = [Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    counter = table.get("attempt#1", "counter")
    assert counter is not None
    assert counter["n"] == 800
