from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.store.builders import HOUR, NOON, MemoryBucket, workflow
from tests.store.faults import every_crash, without

from skydag.errors import ConflictError, LimitError, NotFoundError
from skydag.local.table import MemoryTable
from skydag.model.session import Attempt
from skydag.ports import Absent, Put, Table
from skydag.store.attempts import AttemptStore, NewAttempt, SessionExists, from_json, to_json
from skydag.store.values import Blobs


@pytest.fixture
def store(table: Table) -> AttemptStore:
    return AttemptStore(table, Blobs(MemoryBucket()))


def root(attempt: Attempt) -> Sequence[Put]:
    return [Put(item={"pk": f"attempt#{attempt.id:012d}", "sk": "t", "act": "a"}, condition=Absent())]


def new(session_time: datetime = NOON, name: str | None = None, request: str | None = None, **more: Any) -> NewAttempt:
    flow = workflow(**more.pop("workflow", {}))
    request = request or f"{flow.name}-{session_time}-{name}-{more}"
    return NewAttempt(workflow=flow, session_time=session_time, session_uuid=f"uuid-{request}", request=request,
                      retry_attempt_name=name, **more)


def start(store: AttemptStore, *args: Any, limit: int = 100, **more: Any) -> Attempt:
    return store.create(new(*args, **more), also=root, attempt_limit=limit, now=NOON + timedelta(seconds=5.7))


def test_r56_a_start_makes_the_session_and_its_first_attempt(store: AttemptStore, table: Table) -> None:
    params = {"b": 1, "a": 1.0}
    attempt = start(store, NOON + timedelta(seconds=0.9), params=params, sla_at=NOON + HOUR, request="one")
    assert attempt == store.get(1)
    assert (attempt.id, attempt.index, attempt.session_id, attempt.session_uuid) == (1, 1, 1, "uuid-one")
    assert (attempt.session_time, attempt.created_at, attempt.sla_at) == (
        NOON, NOON + timedelta(seconds=5), NOON + HOUR)
    assert (attempt.status, attempt.definition, attempt.revision) == ("running", "17:0", "r1")
    assert list(attempt.params.items()) == [("b", 1), ("a", 1.0)]
    assert type(attempt.params["a"]) is float
    session = store.session(1)
    assert (session.uuid, session.time, session.last) == ("uuid-one", NOON, attempt)
    assert store.session_at(3, "daily", NOON) == session
    assert store.session_at(3, "daily", NOON + HOUR) is None
    found = table.get("attempt#000000000001", "t")
    assert found is not None, "what `also` gives is in the same transaction"


def test_e101_a_plain_start_of_a_session_that_is_there_conflicts_and_shows_its_last_attempt(
    store: AttemptStore, table: Table,
) -> None:
    start(store)
    second = start(store, name="again")
    with pytest.raises(SessionExists, match=r"^Session already exists$") as caught:
        start(store, request="other")
    assert caught.value.attempt == second
    assert caught.value.http_status == 409
    assert [a.id for a in store.attempts(include_retried=True)] == [2, 1]


def test_e101_a_named_start_conflicts_with_the_attempt_of_that_name(store: AttemptStore) -> None:
    start(store)
    named = start(store, name="again")
    start(store, name="third")
    with pytest.raises(SessionExists) as caught:
        start(store, name="again", request="other")
    assert caught.value.attempt == named


def test_e102_a_named_attempt_may_be_the_first_and_a_plain_one_follow(store: AttemptStore) -> None:
    assert start(store, name="backfill").index == 1
    plain = start(store)
    assert (plain.index, plain.session_id, plain.session_uuid) == (2, 1, store.get(1).session_uuid)
    assert [a.retry_attempt_name for a in store.session_attempts(1)] == ["backfill", None]


def test_r57_the_same_session_time_in_another_workflow_or_project_is_another_session(store: AttemptStore) -> None:
    start(store)
    assert start(store, workflow={"name": "weekly"}).session_id == 2
    assert start(store, workflow={"project_id": 4}).session_id == 3


def test_a_repeated_start_whose_answer_was_lost_gets_the_attempt_it_made(store: AttemptStore) -> None:
    first = start(store, request="mine")
    assert start(store, request="mine") == first
    assert start(store, request="mine", limit=1) == first, "even at the limit"
    retry = start(store, name="r", request="mine too")
    assert start(store, name="r", request="mine too") == retry
    assert [a.id for a in store.open_attempts()] == [1, 2]


def test_r13_the_limit_of_open_attempts_is_never_exceeded_and_leaves_nothing_behind(
    store: AttemptStore, table: Table,
) -> None:
    start(store, limit=2)
    start(store, NOON + HOUR, limit=2)
    with pytest.raises(LimitError, match=r"^Too many attempts running\. Limit: 2, Current: 2$"):
        start(store, NOON + 2 * HOUR, limit=2)
    assert store.session_at(3, "daily", NOON + 2 * HOUR) is None
    with pytest.raises(LimitError):
        start(store, request="other", limit=2)      # E-122: before the conflict
    store.finish(1, success=True, now=NOON)
    assert start(store, NOON + 2 * HOUR, limit=2).session_id > 2
    with pytest.raises(LimitError, match="Limit: 0"):
        start(store, NOON + 3 * HOUR, limit=0)


def test_finishing_happens_once(store: AttemptStore) -> None:
    start(store)
    start(store, NOON + HOUR)
    assert store.finish(1, success=True, now=NOON + HOUR)
    assert not store.finish(1, success=False, now=NOON + 2 * HOUR)
    assert (store.get(1).status, store.get(1).finished_at) == ("success", NOON + HOUR)
    store.finish(2, success=False, now=NOON)
    assert store.get(2).status == "error"
    assert store.open_attempts() == ()
    with pytest.raises(LimitError, match="Limit: 0, Current: 0"):
        start(store, NOON + 2 * HOUR, limit=0)
    with pytest.raises(NotFoundError, match=r"^Resource does not exist: session attempt id=9$"):
        store.finish(9, success=True, now=NOON)


def test_r63_a_kill_shows_the_attempt_as_it_was_and_may_be_repeated_until_it_is_done(store: AttemptStore) -> None:
    start(store)
    assert not store.request_cancel(1, NOON).is_cancel_requested
    assert store.request_cancel(1, NOON).is_cancel_requested
    store.finish(1, success=False, now=NOON)
    assert store.get(1).status == "killed"
    with pytest.raises(ConflictError, match=r"^Session attempt already killed or finished$"):
        store.request_cancel(1, NOON)
    with pytest.raises(NotFoundError):
        store.request_cancel(2, NOON)


def test_e121_task_numbers_follow_the_static_tasks_and_never_pass_the_limit(store: AttemptStore) -> None:
    start(store, workflow={"task_count": 4})
    assert store.take_task_numbers(1, 3, 10) == 5
    assert store.take_task_numbers(1, 1, 10) == 8
    with pytest.raises(LimitError, match=r"^Too many tasks\. Limit: 10, Current: 8, Adding: 3$"):
        store.take_task_numbers(1, 3, 10)
    assert store.take_task_numbers(1, 2, 10) == 9
    assert store.take_task_numbers(1, 5, None) == 11
    with pytest.raises(NotFoundError):
        store.take_task_numbers(2, 1, 10)


def test_e121_the_first_numbers_keep_the_limit_too(store: AttemptStore) -> None:
    start(store, workflow={"task_count": 4})
    with pytest.raises(LimitError, match="Limit: 10, Current: 4, Adding: 7"):
        store.take_task_numbers(1, 7, 10)
    with pytest.raises(LimitError, match="Limit: 1000000, Current: 4, Adding: 1000000"):
        store.take_task_numbers(1, 1_000_000, None)


def test_r53_attempts_are_listed_newest_first_by_site_project_and_workflow(store: AttemptStore) -> None:
    start(store)                                            # 1
    start(store, NOON + HOUR)                               # 2
    start(store, name="again")                              # 3: retries 1
    start(store, workflow={"name": "weekly"})               # 4
    start(store, workflow={"project_id": 4})                # 5

    def ids(*args: Any, **query: Any) -> list[int]:
        return [a.id for a in store.attempts(*args, **query)]

    assert ids() == [5, 4, 3, 2]
    assert ids(include_retried=True) == [5, 4, 3, 2, 1]
    assert ids(3) == [4, 3, 2]
    assert ids(3, "daily", include_retried=True) == [3, 2, 1]
    assert ids(3, "daily", last_id=3) == [2]
    assert ids(last_id=4, count=1) == [3]
    assert ids(3, "none") == ids(count=0) == []


def test_r50_sessions_are_listed_newest_first_with_their_last_attempt(store: AttemptStore) -> None:
    start(store, NOON + HOUR)
    start(store)
    start(store, NOON + HOUR, name="again")
    start(store, workflow={"project_id": 4})

    def shown(*args: Any, **query: Any) -> list[tuple[int, int]]:
        return [(s.id, s.last.id) for s in store.sessions(*args, **query)]

    assert shown() == [(3, 4), (2, 2), (1, 3)]
    assert shown(3) == shown(3, "daily") == [(2, 2), (1, 3)]
    assert shown(3, last_id=2) == [(1, 3)]
    assert shown(count=1) == [(3, 4)]
    assert [a.id for a in store.session_attempts(1)] == [1, 3]
    with pytest.raises(NotFoundError, match=r"^Resource does not exist: session id=9$"):
        store.session(9)


def test_s80_the_session_before_is_found_by_session_time_not_by_id(store: AttemptStore) -> None:
    for hours in (5, 1, 3):
        start(store, NOON + hours * HOUR)
    assert store.last_session_before(3, "daily", NOON + 5 * HOUR) == NOON + 3 * HOUR
    assert store.last_session_before(3, "daily", NOON + HOUR) is None


def test_s46_active_is_the_last_attempt_of_a_session_that_is_neither_done_nor_being_killed(store: AttemptStore) -> None:
    start(store)
    assert store.latest_active(3, "weekly") is None
    assert store.latest_active(4, "daily") is None
    active = store.latest_active(3, "daily")
    assert active is not None and active.id == 1
    start(store, name="again")
    active = store.latest_active(3, "daily")
    assert active is not None and active.id == 2
    store.finish(2, success=False, now=NOON)
    assert store.latest_active(3, "daily") is None, "1 still runs, but is not its session's last"
    start(store, NOON + HOUR)
    store.request_cancel(3, NOON)
    assert store.latest_active(3, "daily") is None


def test_f9_params_of_half_a_megabyte_are_kept_and_the_item_stays_small(table: Table) -> None:
    store = AttemptStore(table, Blobs(MemoryBucket()))
    start(store, params={"text": "x" * 500_000}, request="one")
    item = table.get("attempt#000000000001", "attempt")
    assert item is not None and len(str(item)) < 1024
    assert store.get(1).params == {"text": "x" * 500_000}


def test_an_attempt_travels_as_json_and_comes_back_equal(store: AttemptStore) -> None:
    plain = start(store)
    rich = start(store, name="again", params={"a": {"b": [1, None, 1.5]}}, sla_at=NOON)
    store.request_cancel(2, NOON)
    store.finish(2, success=False, now=NOON)
    for attempt in (plain, rich, store.get(2)):
        assert from_json(to_json(attempt)) == attempt
    assert len(str(to_json(plain))) < 500


def test_g1_two_starts_at_once_make_one_plain_attempt(table: Table) -> None:
    """The other one gets in between our reading of the session and our transaction."""
    store = AttemptStore(table, Blobs(MemoryBucket()))
    seen: list[Attempt] = []

    def also(attempt: Attempt) -> Sequence[Put]:
        if not seen:
            seen.append(start(store, request="the other"))
        return root(attempt)

    with pytest.raises(SessionExists) as caught:
        store.create(new(request="ours"), also=also, attempt_limit=100, now=NOON)
    assert caught.value.attempt == seen[0]
    assert [a.id for a in store.open_attempts()] == [seen[0].id]


def test_two_retries_at_once_both_join_the_session(table: Table) -> None:
    store = AttemptStore(table, Blobs(MemoryBucket()))
    start(store)
    seen: list[Attempt] = []

    def also(attempt: Attempt) -> Sequence[Put]:
        if not seen:
            seen.append(start(store, name="other"))
        return root(attempt)

    ours = store.create(new(name="ours"), also=also, attempt_limit=100, now=NOON)
    assert (seen[0].index, ours.index) == (2, 3)
    assert [a.id for a in store.attempts()] == [ours.id]


@pytest.mark.parametrize("name", [None, "again"])
def test_f3_a_crash_at_any_call_of_a_start_repeated_ends_the_same(name: str | None) -> None:
    def setting(table: Table) -> AttemptStore:
        store = AttemptStore(table, Blobs(MemoryBucket()))
        start(store, NOON if name else NOON - HOUR)
        return store

    ends = every_crash(setting, lambda store: start(store, name=name), MemoryTable)
    assert len(ends) >= 6
    for which, table, store in ends:
        assert isinstance(table, MemoryTable)
        last = store.attempts()[0]
        assert [a.id for a in store.open_attempts()] == [1, last.id], which
        assert last.index == (2 if name else 1), which
        assert table.get("counter#open", "n") == {"pk": "counter#open", "sk": "n", "n": 2}, which
        attempts, sessions = 2, 1 if name else 2
        assert len(without(table.items(), "counter#")) == 6 * attempts + 4 * sessions, which


def test_f3_a_crash_at_any_call_of_finishing_repeated_ends_the_same() -> None:
    def setting(table: Table) -> AttemptStore:
        store = AttemptStore(table, Blobs(MemoryBucket()))
        start(store)
        return store

    ends = every_crash(setting, lambda store: store.finish(1, success=True, now=datetime(2026, 1, 1, tzinfo=UTC)),
                       MemoryTable)
    assert len(ends) >= 4
    for which, table, store in ends:
        assert table.get("counter#open", "n") == {"pk": "counter#open", "sk": "n", "n": 0}, which
        assert store.get(1).status == "success", which
        assert store.open_attempts() == (), which
