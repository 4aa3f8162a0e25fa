"""The exam that every table sits: in memory and on DynamoDB (moto)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.store.faults import Crash, FaultyTable

from skydag.errors import IllegalStepError
from skydag.ports import Absent, All, AnyOf, AtMost, Condition, Delete, Is, Item, Lost, Missing, Put, Table, Update

Write = Put | Update | Delete


def leaf(sk: str = "leaf", /, **more: Any) -> Item:
    return {"pk": "attempt#1", "sk": sk, **more}


def ones(names: list[str], value: int = 1) -> dict[str, Any]:
    return dict.fromkeys(names, value)


def keys(items: tuple[Item, ...]) -> list[str]:
    return [item["sk"] for item in items]


def test_what_was_put_is_read_back_type_by_type(table: Table) -> None:
    item = leaf(text="ü", number=-7, large=10**20, yes=True, list=[1, "a", False, []], map={"a": {"b": [1]}}, empty="")
    table.put(item)
    found = table.get("attempt#1", "leaf")
    assert found == item
    assert found is not None
    assert type(found["yes"]) is bool
    assert type(found["number"]) is int
    assert table.get("attempt#1", "other") is None
    assert table.get("attempt#1", "leaf", strong=False) == item


def test_changing_what_was_put_or_read_does_not_change_the_table(table: Table) -> None:
    item = leaf(list=[1])
    table.put(item)
    item["run"] = 2
    item["list"].append(2)
    found = table.get("attempt#1", "leaf")
    assert found == leaf(list=[1])
    found["run"] = 3
    assert table.get("attempt#1", "leaf") == leaf(list=[1])


@pytest.mark.parametrize("value", [1.5, None, {1, 2}, {"a": 1.0}, [None]])
def test_floats_and_nulls_are_no_values_of_an_item(table: Table, value: Any) -> None:
    with pytest.raises(IllegalStepError, match="whole numbers"):
        table.put(leaf(bad=value))


@pytest.mark.parametrize(("condition", "holds"), [
    (Absent(), False),
    (Is("state", "running"), True),
    (Is("state", "planned"), False),
    (Is("run", 1), True),
    (Is("run", True), False),
    (Is("run", "1"), False),
    (Is("killed", True), True),
    (Is("killed", 1), False),
    (Is("nothing", "x"), False),
    (Missing("nothing"), True),
    (Missing("run"), False),
    (AtMost("run", 1), True),
    (AtMost("run", 0), False),
    (AtMost("nothing", 5), False),
    (AtMost("state", 5), False),
    (All((Is("state", "running"), Is("run", 1))), True),
    (All((Is("state", "running"), Is("run", 2))), False),
    (AnyOf((Absent(), AtMost("run", 1))), True),
    (AnyOf((Absent(), All((Is("run", 1), Missing("run"))))), False),
    (All((AnyOf((Missing("run"), Is("run", 1))), Is("state", "running"))), True),
    (All((Is("run", 1), AnyOf((Is("state", "x"), Is("state", "running"))))), True),
], ids=repr)
def test_a_condition_holds_as_on_dynamodb(table: Table, condition: Condition, holds: bool) -> None:
    old = leaf(state="running", run=1, killed=True)
    table.put(old)
    if holds:
        table.put(leaf(state="done"), condition)
        assert table.get("attempt#1", "leaf") == leaf(state="done")
        return
    with pytest.raises(Lost) as lost:
        table.put(leaf(state="done"), condition)
    assert lost.value.found == old
    assert table.get("attempt#1", "leaf") == old


@pytest.mark.parametrize(("condition", "holds"), [
    (Absent(), True), (Missing("run"), True), (Is("run", 1), False), (AtMost("run", 1), False),
    (AnyOf((Absent(), Is("run", 1))), True), (All((Absent(), Is("run", 1))), False),
], ids=repr)
def test_a_condition_on_no_item_holds_as_on_dynamodb(table: Table, condition: Condition, holds: bool) -> None:
    if holds:
        table.put(leaf(run=1), condition)
        return
    with pytest.raises(Lost) as lost:
        table.put(leaf(run=1), condition)
    assert lost.value.found is None


def test_of_two_claims_the_first_wins_and_the_second_sees_it(table: Table) -> None:
    table.put(leaf(run=1, token="first"), Absent())
    with pytest.raises(Lost) as lost:
        table.put(leaf(run=1, token="second"), Absent())
    assert lost.value.found == leaf(run=1, token="first")


def test_a_put_that_finds_its_own_item_had_won(table: Table) -> None:
    """design.md section 4, rule 6: the answer was lost, not the write."""
    table.put(leaf(run=1, token="mine", sets=[1, 2]), Absent())
    table.put(leaf(run=1, token="mine", sets=[1, 2]), Absent())
    with pytest.raises(Lost):
        table.put(leaf(run=True, token="mine", sets=[1, 2]), Absent())


def test_whoever_repeats_a_write_whose_answer_was_lost_finds_his_own(table: Table) -> None:
    """design.md section 4, rule 6: the write took effect, its caller heard of trouble, and asks again."""
    table.put(leaf("old", run=1))
    table.put(leaf("gone", token="mine"))
    faulty = FaultyTable(table, fails_at=1, after=True)

    def twice(write: Callable[[], object]) -> object:
        faulty.calls = 0
        with pytest.raises(Crash):
            write()
        return write()

    twice(lambda: faulty.put(leaf("new", token="mine"), Absent()))
    twice(lambda: faulty.put(leaf("old", run=2, token="mine"), Is("run", 1)))
    for write in (Update(pk="attempt#1", sk="old", assign={"run": 3, "token": "me"}, condition=Is("run", 2)),
                  Update(pk="attempt#1", sk="new", add={"count": 1}, condition=Missing("count"))):
        with pytest.raises(Lost) as lost:
            twice(lambda: faulty.update(write))                        # noqa: B023 - called at once
        assert lost.value.found is not None
        assert lost.value.found == table.get("attempt#1", write.sk)
    with pytest.raises(Lost) as lost:
        twice(lambda: faulty.delete("attempt#1", "gone", Is("token", "mine")))
    assert lost.value.found is None
    starts: list[Write] = [Put(item=leaf("start"), condition=Absent()), Update(pk="attempt#1", sk="sum", add={"n": 1})]
    twice(lambda: faulty.transact(starts, token="start-1"))
    assert table.get("attempt#1", "new") == leaf("new", token="mine", count=1)
    assert table.get("attempt#1", "old") == leaf("old", run=3, token="me")
    assert table.get("attempt#1", "sum") == leaf("sum", n=1)


def test_an_update_sets_adds_and_removes(table: Table) -> None:
    table.put(leaf(state="running", count=1, retry_at="x", name="kept"))
    after = table.update(Update(pk="attempt#1", sk="leaf", assign={"state": "done", "status": {"a": [1]}},
                                add={"count": 2, "new": -5}, remove=["retry_at", "never_there"]))
    assert after == leaf(state="done", status={"a": [1]}, count=3, new=-5, name="kept")
    assert table.get("attempt#1", "leaf") == after


def test_an_update_creates_the_item_unless_its_condition_forbids(table: Table) -> None:
    assert table.update(Update(pk="attempt#1", sk="counter", add={"next": 5})) == leaf("counter", next=5)
    assert table.update(Update(pk="attempt#1", sk="bare", remove=["nothing"])) == leaf("bare")
    with pytest.raises(Lost) as lost:
        table.update(Update(pk="attempt#1", sk="none", assign={"a": 1}, condition=Is("version", 1)))
    assert lost.value.found is None
    assert table.get("attempt#1", "none") is None


def test_a_counter_stops_at_its_limit(table: Table) -> None:
    """K-13: the task limit is the condition of the conditional ADD that hands out numbers."""
    room = AnyOf((Missing("next"), AtMost("next", 60)))
    take = Update(pk="attempt#1", sk="counter", add={"next": 40}, condition=room)
    assert [table.update(take)["next"] for _ in range(2)] == [40, 80]
    with pytest.raises(Lost) as lost:
        table.update(take)
    assert lost.value.found == leaf("counter", next=80)


@pytest.mark.parametrize("update", [
    Update(pk="attempt#1", sk="leaf"),
    Update(pk="attempt#1", sk="leaf", assign={"a": 1}, remove=["a"]),
    Update(pk="attempt#1", sk="leaf", assign={"sk": "other"}),
    Update(pk="attempt#1", sk="leaf", add={"state": 1}),
], ids=["nothing", "an attribute twice", "a key", "a sum with text"])
def test_an_update_that_makes_no_sense_is_a_bug_of_ours(table: Table, update: Update) -> None:
    table.put(leaf(state="running"))
    with pytest.raises(IllegalStepError):
        table.update(update)
    assert table.get("attempt#1", "leaf") == leaf(state="running")


def test_a_delete_obeys_its_condition(table: Table) -> None:
    table.put(leaf(run=1))
    with pytest.raises(Lost) as lost:
        table.delete("attempt#1", "leaf", Is("run", 2))
    assert lost.value.found == leaf(run=1)
    table.delete("attempt#1", "leaf", Is("run", 1))
    table.delete("attempt#1", "leaf")
    assert table.get("attempt#1", "leaf") is None


@pytest.fixture
def tree(table: Table) -> Table:
    for sk in ("b#2", "a", "b#1", "b", "c", "b#3", "ü", "b#10"):
        table.put(leaf(sk))
    table.put({"pk": "attempt#10", "sk": "b#1"})
    return table


@pytest.mark.parametrize(("ask", "answer"), [
    ({}, "a b b#1 b#10 b#2 b#3 c ü"),
    ({"begins": "b"}, "b b#1 b#10 b#2 b#3"),
    ({"begins": "b#"}, "b#1 b#10 b#2 b#3"),
    ({"begins": "x"}, ""),
    ({"after": "b#2"}, "b#3 c ü"),
    ({"after": ""}, "a b b#1 b#10 b#2 b#3 c ü"),
    ({"before": "b#10"}, "a b b#1"),
    ({"after": "a", "before": "b#10"}, "b b#1"),
    ({"after": "b#11", "before": "bb"}, "b#2 b#3"),
    ({"after": "c", "before": "b"}, ""),
    ({"begins": "b#", "after": "b#1"}, "b#10 b#2 b#3"),
    ({"begins": "b#", "after": "a"}, "b#1 b#10 b#2 b#3"),
    ({"begins": "b#", "after": "c"}, ""),
    ({"begins": "b#", "before": "b#2"}, "b#1 b#10"),
    ({"begins": "b#", "before": "b"}, ""),
    ({"begins": "b#", "before": "z"}, "b#1 b#10 b#2 b#3"),
    ({"begins": "b#", "after": "b#1", "before": "b#3"}, "b#10 b#2"),
    ({"begins": "b#", "after": "b#1", "before": "b#3", "limit": 1}, "b#10"),
    ({"limit": 2}, "a b"),
    ({"limit": 2, "descending": True}, "ü c"),
    ({"descending": True, "before": "c"}, "b#3 b#2 b#10 b#1 b a"),
    ({"descending": True, "begins": "b#", "before": "b#3"}, "b#2 b#10 b#1"),
    ({"descending": True, "begins": "b#", "after": "b#1"}, "b#3 b#2 b#10"),
    ({"descending": True, "begins": "b#", "before": "b#3", "limit": 2}, "b#2 b#10"),
], ids=repr)
def test_a_query_gives_the_range_in_the_order_asked_for(tree: Table, ask: dict[str, Any], answer: str) -> None:
    assert keys(tree.query("attempt#1", **ask).items) == answer.split()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("begins", ["", "b#"])
def test_pages_follow_each_other_without_gap_or_repeat(tree: Table, descending: bool, begins: str) -> None:
    whole = keys(tree.query("attempt#1", begins=begins, descending=descending).items)
    seen: list[str] = []
    for _ in range(10):
        last = seen[-1] if seen else None
        bound = {"before": last} if descending else {"after": last}
        page = tree.query("attempt#1", begins=begins, descending=descending, limit=3, **bound)
        seen += keys(page.items)
        if not page.has_more:
            break
    assert seen == whole


def test_more_than_a_megabyte_comes_in_pages(table: Table) -> None:
    """A-45: whoever forgets to page must notice in memory already."""
    for number in range(5):
        table.put(leaf(f"{number}", body="x" * 390_000))
    seen: list[str] = []
    sizes = []
    more = True
    while more:
        page = table.query("attempt#1", after=seen[-1] if seen else None)
        seen, more = seen + keys(page.items), page.has_more
        sizes.append(len(page.items))
    assert seen == ["0", "1", "2", "3", "4"]
    assert max(sizes) < 4


@pytest.mark.parametrize(("ask", "answer"), [
    ({}, "a#1 b#1 b#2 b#3 b#4 b#5 c#1"), ({"descending": True}, "c#1 b#5 b#4 b#3 b#2 b#1 a#1"),
    ({"begins": "b#"}, "b#1 b#2 b#3 b#4 b#5"), ({"begins": "b#", "descending": True}, "b#5 b#4 b#3 b#2 b#1"),
    ({"begins": "b#", "limit": 4}, "b#1 b#2 b#3 b#4 b#5"), ({"limit": 1}, "a#1 b#1 b#2 b#3 b#4 b#5 c#1"),
], ids=repr)
def test_large_pages_follow_each_other_in_either_direction(table: Table, ask: dict[str, Any], answer: str) -> None:
    """A-45: a megabyte ends a page, whatever the limit says; the next one goes on behind the last key."""
    for sk in ("a#1", "b#1", "b#2", "b#3", "b#4", "b#5", "c#1"):
        table.put(leaf(sk, body="x" * (390_000 if sk[0] == "b" else 10)))
    seen: list[str] = []
    for _ in range(10):
        bound: dict[str, Any] = {"before" if ask.get("descending") else "after": seen[-1]} if seen else {}
        page = table.query("attempt#1", **ask, **bound)
        assert sum(len(item["body"]) for item in page.items) <= 1024 * 1024
        seen += keys(page.items)
        if not page.has_more:
            break
    assert seen == answer.split()


def test_an_item_of_nearly_400_kb_is_kept_and_a_larger_one_refused(table: Table) -> None:
    """A-31. (moto's limit is 405,000 bytes, not 409,600.)"""
    table.put(leaf(body="x" * 404_000))
    with pytest.raises(IllegalStepError):
        table.put(leaf(body="ü" * (200 * 1024)))
    with pytest.raises(IllegalStepError):
        table.update(Update(pk="attempt#1", sk="leaf", assign={"more": "x" * 6_000}))
    with pytest.raises(IllegalStepError):
        table.transact([Put(item=leaf("small")), Put(item=leaf("large", body="x" * 410_000))], token="t")
    found = table.get("attempt#1", "leaf")
    assert found is not None
    assert len(found["body"]) == 404_000
    assert table.get("attempt#1", "small") is None


def test_many_keys_are_read_whatever_their_number(table: Table) -> None:
    for number in range(0, 250, 2):
        table.put(leaf(f"{number:03d}"))
    wanted = [("attempt#1", f"{number:03d}") for number in range(250)]
    found = table.get_many([*wanted, wanted[0]])
    assert found == {("attempt#1", f"{number:03d}"): leaf(f"{number:03d}") for number in range(0, 250, 2)}
    assert table.get_many([]) == {}


def test_a_transaction_is_all_or_nothing(table: Table) -> None:
    table.put(leaf("session", last=1))
    table.put(leaf("gone"))
    table.transact([
        Put(item=leaf("attempt"), condition=Absent()),
        Update(pk="attempt#1", sk="session", assign={"last": 2}, add={"open": 1}, condition=Is("last", 1)),
        Delete(pk="attempt#1", sk="gone"),
    ], token="first")
    assert keys(table.query("attempt#1").items) == ["attempt", "session"]

    with pytest.raises(Lost) as lost:
        table.transact([
            Update(pk="attempt#1", sk="counter", add={"open": 1}),
            Update(pk="attempt#1", sk="session", assign={"last": 3}, condition=Is("last", 1)),
            Put(item=leaf("attempt", other=1), condition=Absent()),
        ], token="second")
    session = leaf("session", last=2, open=1)
    assert lost.value.found == session
    assert lost.value.reasons == ((False, None), (True, session), (True, leaf("attempt")))
    assert keys(table.query("attempt#1").items) == ["attempt", "session"]


def test_the_same_token_changes_nothing_again(table: Table) -> None:
    """A-35."""
    writes: list[Write] = [Update(pk="attempt#1", sk="counter", add={"open": 1})]
    table.transact(writes, token="start-1")
    table.transact(writes, token="start-1")
    assert table.get("attempt#1", "counter") == leaf("counter", open=1)
    with pytest.raises(IllegalStepError):
        table.transact([Update(pk="attempt#1", sk="counter", add={"open": 2})], token="start-1")
    table.transact(writes, token="start-2")
    assert table.get("attempt#1", "counter") == leaf("counter", open=2)


def test_a_token_whose_transaction_lost_may_try_again(table: Table) -> None:
    writes: list[Write] = [Put(item=leaf("new"), condition=Absent()),
              Update(pk="attempt#1", sk="session", assign={"last": 2}, condition=Is("last", 1))]
    with pytest.raises(Lost):
        table.transact(writes, token="t")
    table.put(leaf("session", last=1))
    table.transact(writes, token="t")
    assert keys(table.query("attempt#1").items) == ["new", "session"]


def test_a_transaction_never_writes_an_item_twice(table: Table) -> None:
    with pytest.raises(IllegalStepError):
        table.transact([Put(item=leaf("a")), Delete(pk="attempt#1", sk="a")], token="t")
    with pytest.raises(IllegalStepError):
        table.transact([Update(pk="attempt#1", sk="a")], token="u")
    assert table.query("attempt#1").items == ()


def test_due_items_come_oldest_first_and_only_while_they_are_marked(table: Table) -> None:
    for sk, shard, at in [("late", "due#0", "2025-01-01T00:09:00Z"), ("soon", "due#0", "2025-01-01T00:01:00Z"),
                          ("now", "due#0", "2025-01-01T00:05:00Z"), ("other", "due#1", "2025-01-01T00:00:00Z")]:
        table.put(leaf(sk, due_shard=shard, due_at=at))
    table.put(leaf("half", due_at="2025-01-01T00:00:00Z"))
    until = "2025-01-01T00:05:00Z"
    assert list(table.due(0, until)) == [("attempt#1", "soon"), ("attempt#1", "now")]
    assert list(table.due(0, until, limit=1)) == [("attempt#1", "soon")]
    assert list(table.due(1, until)) == [("attempt#1", "other")]
    assert list(table.due(2, until)) == []

    table.update(Update(pk="attempt#1", sk="soon", remove=["due_shard", "due_at"]))
    table.update(Update(pk="attempt#1", sk="late", assign={"due_at": "2025-01-01T00:02:00Z"}))
    table.delete("attempt#1", "other")
    assert list(table.due(0, until)) == [("attempt#1", "late"), ("attempt#1", "now")]
    assert list(table.due(1, until)) == []


def test_words_that_dynamodb_reserves_are_attributes_like_others(table: Table) -> None:
    """A-47."""
    names = ["state", "status", "name", "type", "data", "counter", "owner", "group", "result", "error", "ttl", "a-b"]
    table.put(leaf(**ones(names)))
    table.update(Update(pk="attempt#1", sk="leaf", add=ones(names[1:]), remove=["state"],
                        condition=All(tuple(Is(name, 1) for name in names))))
    assert table.get("attempt#1", "leaf") == leaf(**ones(names[1:], 2))
