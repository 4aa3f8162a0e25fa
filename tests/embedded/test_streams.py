"""Event source mapping semantics (A-14 to A-30)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from skydag.embedded.patterns import matches
from skydag.embedded.streams import Answer, Discarded, Record, StreamMapping, StreamSettings
from skydag.errors import InvalidError

START = datetime(2025, 1, 1, tzinfo=UTC)


def record(number: int, act: str = "a") -> dict[str, Any]:
    return {"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(number), "NewImage": {"act": {"S": act}}}}


class Function:
    """Fails the calls, or the records, it is told to."""

    def __init__(self, *, bad: Sequence[str] = (), raises_on: str | None = None) -> None:
        self.calls: list[list[str]] = []
        self.discarded: list[Discarded] = []
        self.bad, self.raises_on = list(bad), raises_on

    def __call__(self, records: Sequence[Record]) -> Answer:
        numbers = [entry["dynamodb"]["SequenceNumber"] for entry in records]
        self.calls.append(numbers)
        if self.raises_on in numbers:
            return Answer(failed=True)
        return Answer(payload={"batchItemFailures": [{"itemIdentifier": n} for n in self.bad if n in numbers]})


def mapping(function: Function, **settings: Any) -> StreamMapping:
    return StreamMapping(StreamSettings(**settings), function, function.discarded.append)


def run(one: StreamMapping, now: datetime = START, *, rounds: int = 100) -> datetime:
    """Poll until nothing is left, moving time on; returns the last time."""
    for _ in range(rounds):
        due = one.next_at()
        if due is None:
            return now
        now = max(now, due)
        one.poll(now)
    raise AssertionError("never comes to rest")


def test_a_batch_goes_out_at_once_without_a_window() -> None:
    function = Function()
    one = mapping(function, batch_size=2)
    one.add([record(1), record(2), record(3)], START)
    assert one.poll(START) and one.poll(START) and not one.poll(START)
    assert function.calls == [["1", "2"], ["3"]]


def test_a_window_gathers_records_until_it_ends_or_the_batch_is_full() -> None:
    function = Function()
    one = mapping(function, batch_size=3, window=timedelta(seconds=30))
    one.add([record(1)], START)
    one.add([record(2)], START + timedelta(seconds=29))
    assert not one.poll(START + timedelta(seconds=29))
    assert one.next_at() == START + timedelta(seconds=30)
    assert one.poll(START + timedelta(seconds=30))
    one.add([record(3), record(4), record(5)], START + timedelta(seconds=31))
    assert one.poll(START + timedelta(seconds=31))
    assert function.calls == [["1", "2"], ["3", "4", "5"]]


def test_records_that_no_pattern_wants_call_nobody() -> None:
    function = Function()
    pattern = {"dynamodb": {"NewImage": {"act": {"S": ["a"]}}}}
    one = mapping(function, patterns=(pattern,))
    one.add([record(1, "n"), record(2, "a"), record(3, "s")], START)
    run(one)
    assert function.calls == [["2"]]


def test_a_partial_response_begins_again_at_the_lowest_failed_record() -> None:
    function = Function(bad=["4", "2"])
    one = mapping(function, reports_failures=True, retries=1)
    one.add([record(n) for n in (1, 2, 3, 4)], START)
    one.poll(START)
    function.bad = []
    run(one)
    assert function.calls == [["1", "2", "3", "4"], ["2", "3", "4"]]


def test_without_report_batch_item_failures_the_failures_are_lost() -> None:
    function = Function(bad=["1"])
    one = mapping(function)
    one.add([record(1)], START)
    run(one)
    assert function.calls == [["1"]]


def test_an_unusable_identifier_fails_the_whole_batch() -> None:
    def call(records: Sequence[Record]) -> Answer:
        return Answer(payload={"batchItemFailures": [{"itemIdentifier": ""}]})

    gone: list[Discarded] = []
    one = StreamMapping(StreamSettings(reports_failures=True, retries=0), call, gone.append)
    one.add([record(1), record(2)], START)
    run(one)
    assert len(gone[0].records) == 2


def test_bisecting_finds_the_one_bad_record_and_discards_it_alone() -> None:
    function = Function(raises_on="3")
    one = mapping(function, bisects=True, retries=2)
    one.add([record(n) for n in (1, 2, 3, 4)], START)
    run(one)
    assert function.calls[:4] == [["1", "2", "3", "4"], ["1", "2"], ["3", "4"], ["3"]]
    assert function.calls.count(["3"]) == 3, "the first try and two more"
    assert function.calls[-1] == ["4"]
    assert [[r["dynamodb"]["SequenceNumber"] for r in d.records] for d in function.discarded] == [["3"]]
    assert function.discarded[0].condition == "RetryAttemptsExhausted"


def test_a_failing_batch_waits_longer_each_time_and_blocks_what_comes_behind_it() -> None:
    function = Function(raises_on="1")
    one = mapping(function, batch_size=1, retries=3)
    one.add([record(1), record(2)], START)
    end = run(one)
    assert function.calls == [["1"]] * 4 + [["2"]]
    assert end - START == timedelta(seconds=1 + 2 + 4)


def test_a_record_that_is_too_old_is_given_up() -> None:
    function = Function(raises_on="1")
    one = mapping(function, max_age=timedelta(seconds=60))
    one.add([record(1)], START)
    run(one)
    assert function.discarded[0].condition == "MaximumRecordAgeExceeded"


@pytest.mark.parametrize(("pattern", "event", "wanted"), [
    ({"a": ["x", "y"]}, {"a": "y"}, True),
    ({"a": ["x"]}, {"b": "x"}, False),
    ({"a": {"b": [{"prefix": "skydag/"}]}}, {"a": {"b": "skydag/1"}}, True),
    ({"a": [{"exists": False}]}, {"b": 1}, True),
    ({"a": [{"anything-but": ["n"]}]}, {"a": "n"}, False),
    ({"a": [{"anything-but": {"prefix": "n"}}]}, {"a": "m"}, True),
    ({"a": [{"numeric": [">", 1]}]}, {"a": "2"}, False),
    ({"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, True),
    ({"a": ["x"]}, {"a": ["w", "x"]}, True),
    ({"a": [1]}, {"a": True}, False),
])
def test_patterns_match_as_eventbridge_says(pattern: dict[str, Any], event: dict[str, Any], wanted: bool) -> None:
    assert matches(pattern, event) is wanted


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(InvalidError, match="no operator 'sounds-like'"):
        matches({"a": [{"sounds-like": "x"}]}, {"a": "x"})
