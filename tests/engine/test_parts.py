"""Sets, paths, pages, parameters in flow and waits: what is written is read, what is composed equals step by step."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.engine.scenario import page_of

from skydag.engine import bits, flow, pages, paths
from skydag.engine.flow import SEGMENT, Segment
from skydag.engine.group import Group
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Child, Page
from skydag.engine.retry import RetryPolicy, retry_time, retry_wait
from skydag.model.params import Store, apply_all, fused
from skydag.model.task import State
from skydag.store import task_items

NOW = datetime(2025, 1, 1, tzinfo=UTC)


# --- sets ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(20))
def test_a_set_is_read_as_it_was_written(seed: int) -> None:
    chance = random.Random(seed)
    members = {chance.randrange(chance.choice([8, 300, 10_000])) for _ in range(chance.choice([0, 1, 40, 2_000]))}
    members |= set(range(chance.randrange(400)))
    one = bits.of(members)
    assert bits.from_text(bits.to_text(one)) == one
    assert list(bits.each(one)) == sorted(members)
    assert [n for first, last in bits.runs(one) for n in range(first, last + 1)] == sorted(members)
    assert len(bits.to_text(one)) <= len(f"b{one:x}")


def test_a_sequence_of_ten_thousand_is_a_few_letters() -> None:
    assert bits.to_text(bits.below(10_000)) == "r0-9999"
    assert bits.to_text(0) == "" and bits.from_text("") == 0


# --- paths -----------------------------------------------------------------------------------------------------------

def test_a_path_says_where_a_task_stands() -> None:
    path = paths.child(paths.child("", 0, 3, is_chunk=True), 40, 1234)
    assert (paths.parent(path), paths.generation(path), paths.ordinal(path), paths.depth(path)) == \
        (paths.child("", 0, 3, is_chunk=True), 40, 1234, 2)
    assert paths.is_chunk(paths.parent(path)) and not paths.is_chunk(path)
    assert paths.ordinal(paths.parent(path)) == 3
    assert paths.partition(path) == paths.parent(path) and paths.partition(paths.child("", 0, 3)) == ""


def test_paths_sort_in_tree_order_tries_behind_each_other() -> None:
    places = [(generation, ordinal) for generation in (0, 1, 36, 46_655) for ordinal in (0, 1, 35, 36, 9_999)]
    assert [paths.child("", *place) for place in places] == sorted(paths.child("", *place) for place in places)


# --- pages -----------------------------------------------------------------------------------------------------------

def _upstreams(order: str, count: int) -> list[tuple[int, ...]]:
    page = Page(full_name="+g", order=order, children=tuple(
        Child(name=f"+{n}", full_name=f"+g+{n}", is_group=False, offset=n) for n in range(count)))
    return [tuple(bits.each(page.upstreams(n))) for n in range(count)]


@pytest.mark.parametrize("count", [2, 3, 5, 9, 16, 17])
@pytest.mark.parametrize("order", ["s", "p", "b2", "b3", "b8"])
def test_an_order_is_recognised_by_its_upstreams(order: str, count: int) -> None:
    upstreams = _upstreams(order, count)
    assert [set(u) for u in _upstreams(pages._order(upstreams), count)] == [set(u) for u in upstreams]


def test_pages_are_read_as_they_were_written() -> None:
    page = page_of("_retry: 2\n_export: {é: 1.0}\n_error: {+x: {echo>: 1}}\n_parallel: true\n+a: {echo>: 1}\n"
                   "+b: {_after: [+a], echo>: 2, _export: {k: null}}\n+c: {+d: {echo>: 3}}\n", is_root=True)
    (text,) = pages.bundles([page])
    assert pages.parse(text) == (0, [page])


@pytest.mark.parametrize("count", [250, 251, 600])
def test_every_child_of_a_wide_group_is_found_in_its_chunk(count: int) -> None:
    text = "_parallel: true\n" + "".join(f"+t{n}: {{echo>: {n}}}\n" for n in range(count))
    page = page_of(text)
    assert page.size == count
    assert all(child.is_chunk for child in page.children) == (count > pages.CHUNK)
    assert page.count == (count if count <= pages.CHUNK else -(-count // pages.CHUNK))


# --- parameters ------------------------------------------------------------------------------------------------------

def _params(chance: random.Random, depth: int = 3) -> dict[str, Any]:
    return {key: _params(chance, depth - 1) if depth and chance.random() < 0.5 else chance.randrange(9)
            for key in "xyz" if chance.random() < 0.6}


def _store(chance: random.Random) -> Store:
    resets = [".".join(chance.choices("xyz", k=chance.randint(1, 2)))] if chance.random() < 0.3 else []
    return Store(resets=tuple(resets), params=_params(chance))


@pytest.mark.parametrize("seed", range(200))
def test_fused_stores_do_what_they_do_step_by_step_L_72(seed: int) -> None:
    chance = random.Random(seed)
    stores = [_store(chance) for _ in range(chance.randint(0, 8))]
    once = fused(stores)
    cut = chance.randint(0, len(stores))
    for _ in range(5):
        start = _params(chance)
        assert apply_all(start, once) == apply_all(start, stores)
        assert apply_all(start, [*fused(stores[:cut]), *fused(stores[cut:])]) == apply_all(start, stores)


def _shape(order: str, count: int, chance: random.Random) -> Page:
    return Page(full_name="+g", order=order, children=tuple(
        Child(name=f"+{n}", full_name=f"+g+{n}", is_group=False, offset=n,
              upstreams=tuple(sorted(chance.sample(range(n), min(n, chance.randint(0, 3))))) if order == "x" else ())
        for n in range(count)))


def _kept(page: Page, order: Sequence[int], left: dict[int, tuple[Store, ...]]) -> tuple[int, dict[int, Segment]]:
    """Segments as app/flow keeps them when the children end in this order."""
    stored, segments = 0, dict[int, Segment]()
    for ordinal in order:
        if not left[ordinal]:
            continue
        number = ordinal // SEGMENT
        before = segments.get(number, Segment())
        prefix = before.prefix
        if number and flow.wants_prefix(page, stored, number, [ordinal]):
            prefix = flow.prefix_for(page, stored, number, lambda n: segments.get(n, Segment()))
        segments[number] = Segment(prefix=prefix, stores={**before.stores, ordinal: left[ordinal]})
        stored |= 1 << ordinal
    return stored, segments


def _reader(segments: dict[int, Segment]) -> flow.Read:
    return lambda number: segments.get(number, Segment())


@pytest.mark.parametrize("order", ["s", "p", "b2", "b3", "b16", "x"])
@pytest.mark.parametrize("seed", range(12))
def test_a_child_sees_the_stores_of_its_upstreams_in_tree_order_L_73(order: str, seed: int) -> None:
    """Whatever the order in which they end, and when an ^sla task (a slot) stores before them."""
    chance = random.Random(seed)
    page = _shape(order, chance.choice([3, 20, 50]), chance)
    slot = page.count + pages.SLOT_SLA
    left: dict[int, tuple[Store, ...]] = {
        n: (_store(chance),) if chance.random() < 0.6 else () for n in [*range(page.count), slot]}
    ends, open_ = [slot] if chance.random() < 0.5 else [], list(range(page.count))
    while open_:
        ready = [n for n in open_ if not page.upstreams(n) & ~bits.of(ends)]
        ends.append(chance.choice(ready))
        open_.remove(ends[-1])
    for length in range(len(ends) + 1):
        stored, segments = _kept(page, ends[:length], left)
        done = bits.of(ends[:length])
        start = _params(chance)
        for ordinal in (n for n in range(page.count) if not page.upstreams(n) & ~done):
            found = flow.stores_before(page, stored, ordinal, _reader(segments))
            naive = [s for n in bits.each(page.closure(ordinal)) for s in left[n]]
            assert apply_all(start, found) == apply_all(start, naive), (order, ordinal)
    found = flow.stores_of_all(page, stored, lambda n: segments.get(n, Segment()))
    assert apply_all(start, found) == apply_all(start, [s for n in sorted(ends) for s in left[n]])


def test_the_error_of_the_last_in_tree_order_wins_E_61() -> None:
    segments = {0: Segment(errors={1: {"message": "first"}}), 1: Segment(errors={20: {"message": "last"}})}
    assert flow.errors_of_all(bits.of([1, 20]), lambda n: segments[n]) == {"message": "last"}


# --- waits -----------------------------------------------------------------------------------------------------------

def test_a_wait_is_rounded_up_to_what_an_item_holds_and_no_wait_is_no_wait_O_26() -> None:
    now = NOW.replace(microsecond=300_000)
    assert retry_time(RetryPolicy(limit=1, interval_s=2), 0, now) == NOW + timedelta(seconds=3)
    assert retry_time(RetryPolicy(limit=1, interval_s=2), 0, NOW) == NOW + timedelta(seconds=2)
    assert retry_time(RetryPolicy(limit=1), 0, now) == now


@pytest.mark.parametrize(("policy", "waits"), [
    (RetryPolicy(limit=3, interval_s=2), [2, 2, 2]),
    (RetryPolicy(limit=3, interval_s=2, max_interval_s=1), [2, 2, 2]),
    (RetryPolicy(limit=4, interval_s=3, is_exponential=True), [3, 6, 12, 24]),
    (RetryPolicy(limit=6, interval_s=1, max_interval_s=2, is_exponential=True), [1, 2, 2, 2, 2, 2]),
])
def test_waits_between_tries_L_110(policy: RetryPolicy, waits: list[int]) -> None:
    assert [retry_wait(policy, n) for n in range(len(waits))] == [timedelta(seconds=s) for s in waits]


def test_a_wait_after_a_thousand_tries_is_still_a_time() -> None:
    assert NOW + retry_wait(RetryPolicy(limit=9_999, interval_s=9, is_exponential=True), 1_000) > NOW


# --- items -----------------------------------------------------------------------------------------------------------

def test_a_group_is_read_as_it_was_written() -> None:
    path = paths.child("", 0, 2, is_chunk=True)
    group = Group(
        attempt_id=7, path=path, generation=3, page="~1~0", base=9, inherit="i:{}", state=State.GROUP_RETRY_WAITING,
        version=5, started=0b1111, unconfirmed=0b1000, done=0b111, failed=0b1, canceled=0b10, stored=0b100,
        slots={0: 12, 4: 0}, is_cancel_requested=True, delayed=State.ERROR, is_parent_wide=True, retry_count=2,
        retry_at=NOW, created_at=NOW, updated_at=NOW, carry=3, due_at=NOW)
    item = task_items.group_item(group, task_items.ACT)
    assert task_items.group_from(item) == group
    assert task_items.path_of(item["sk"]) == path and task_items.attempt_of(item["pk"]) == 7


@pytest.mark.parametrize("state", [State.RUNNING, State.RETRY_WAITING, State.READY, State.SUCCESS, State.ERROR,
                                   State.CANCELED])
def test_a_leaf_is_read_as_it_was_written(state: State) -> None:
    leaf = Leaf(
        attempt_id=7, path=paths.child("", 1, 0), number=4, run=2, token="t", state=state, started_at=NOW,
        updated_at=NOW, deadline=NOW, retry_at=NOW, state_params={"retry_count": 1}, export={"e": 1.0},
        store=Store(resets=("a.b",), params={"k": [1, None]}), error={"message": "é"}, output="o", generated=3,
        generated_first=8, is_cancel_requested=True, container="c", carry=2, lost=1, parent_page="0")
    item = task_items.leaf_item(leaf, task_items.NOTHING, json.dumps)
    assert task_items.leaf_from(item, json.loads) == leaf
