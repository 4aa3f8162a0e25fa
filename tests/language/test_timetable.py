"""Schedules: Digdag's own times (S-4 to S-42)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.language.sources import cases

from skydag.errors import ConfigError
from skydag.language.timetable import END, Firing, Timetable, faults
from skydag.model.zones import zone

CASES = cases("schedules.json")
TIMED = [case for case in CASES if "expect" in case and not case["expect"].get("refused")]
REFUSED = [case for case in CASES if case.get("expect", {}).get("refused")]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def shown(firing: Firing) -> dict[str, str]:
    return {name: f"{getattr(firing, name):%Y-%m-%dT%H:%M:%SZ}" for name in ("session_time", "run_time")}


@pytest.mark.parametrize("case", TIMED, ids=lambda case: case["id"])
def test_a_schedule_fires_when_digdag_would(case: dict[str, Any]) -> None:
    expect, table = case["expect"], Timetable(case["schedule"], case["timezone"])
    if "first" in expect:
        firing = table.first(at(case["from"]))
        assert shown(firing) == expect["first"]
        for following in expect.get("next", []):
            firing = table.next(firing.session_time)
            assert shown(firing) == following
    for asked in expect.get("next_after", []):
        assert shown(table.next(at(asked["at"]))) == {key: asked[key] for key in ("session_time", "run_time")}
    for asked in expect.get("last_before", []):
        assert shown(table.last(at(asked["at"])))["session_time"] == asked["session_time"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["id"])
def test_a_schedule_is_refused_at_push(case: dict[str, Any]) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError):
        Timetable(case["schedule"], case["timezone"])
    assert faults(case["schedule"], case["timezone"])
    assert time.process_time() - start < 0.5


BACKFILLS = [case for case in CASES if "backfill" in case]


@pytest.mark.parametrize("case", BACKFILLS, ids=lambda case: case["id"])
def test_the_sessions_of_a_backfill_follow_from_first_and_next_s_77(case: dict[str, Any]) -> None:
    table, asks = Timetable(case["schedule"], case["timezone"]), case["backfill"]
    until = table.first(at(asks["schedule_from"])).session_time
    for ask in asks["asks"]:
        if "sessions" not in ask:
            continue
        found: list[str] = []
        firing = table.first(at(ask["from"]))
        while firing.session_time < until and len(found) < ask.get("count", 1_000):
            found.append(firing.session_time.astimezone(zone(case["timezone"])).isoformat())
            firing = table.next(firing.session_time)
        assert found == ask["sessions"]


@pytest.mark.parametrize("case", [case for case in TIMED if "_interval" not in str(case["schedule"])],
                         ids=lambda case: case["id"])
def test_the_last_firing_before_the_next_one_is_not_later_than_now(case: dict[str, Any]) -> None:
    table = Timetable({key: value for key, value in case["schedule"].items() if key not in ("start", "end")},
                      case["timezone"])
    now = at("2025-06-11T07:31:00Z")
    last = table.last(now).session_time
    assert last < now <= table.next(last).session_time


def test_all_faults_of_a_block_are_found_with_their_keys() -> None:
    block = {"daily>": "x", "start": "2025-13-01", "end": 5, "colour": "red", "skip_delayed_by": "soon"}
    assert [key for key, _, _ in faults(block, "UTC")] == ["daily>", "start", "end", "skip_delayed_by", "colour"]


def test_options_are_read_s_9() -> None:
    block = {"cron>": "0 * * * *", "delay": "-90", "skip_on_overtime": "true", "skip_delayed_by": "1h 30m"}
    table = Timetable(block, "UTC")
    assert (table.delay, table.skip_on_overtime, table.skip_delayed_by) == (
        timedelta(seconds=-90), True, timedelta(minutes=90))


def test_a_mistyped_type_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="Unknown scheduler type: dayly; did you mean 'daily'"):
        Timetable({"dayly>": "07:00:00"}, "UTC")


def test_after_the_end_nothing_follows_s_41() -> None:
    table = Timetable({"daily>": "07:00:00", "end": "2025-07-01"}, "Asia/Tokyo")
    assert table.next(END) == table.first(at("2026-01-01T00:00:00Z")) == Firing(END, END)


def test_a_pattern_of_endless_alternatives_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than 2,000"):
        Timetable({"cron>": "|".join(["0 0 1 1 *"] * 1_000)}, "UTC")


def test_a_start_in_the_far_future_ends_too() -> None:
    table = Timetable({"daily>": "07:00:00", "start": "9998-01-01"}, "UTC")
    assert table.first(datetime(2025, 1, 1, tzinfo=UTC)).session_time >= END - timedelta(days=400)
