"""A task that asks to be called again waits without holding anything: a queue's delay, beyond 15 minutes a schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.embedded.test_journey import House, archive

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation

START = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)
FILES = {
    "short.dig": "+w: {wait>: 14m}\n+b: {echo>: done}\n",
    "long.dig": "+w: {wait>: 20m}\n+b: {echo>: done}\n",
}


def test_waits_go_by_the_queue_up_to_15_minutes_and_by_a_one_time_schedule_beyond() -> None:
    clock = VirtualClock(START)
    with Installation(clock=clock) as installation:
        house = House(installation)
        house.upload(archive(FILES))
        schedules = installation.client("scheduler")

        short = house.start("short")
        installation.run_until(START + timedelta(minutes=13))
        assert schedules.list_schedules(GroupName="skydag")["Schedules"] == []
        assert house.states(short) == {"+short": "planned", "+short+w": "retry_waiting", "+short+b": "blocked"}
        installation.run_until(START + timedelta(minutes=15))
        assert house.states(short) == dict.fromkeys(["+short", "+short+w", "+short+b"], "success")

        begun = clock()
        long = house.start("long")
        installation.run_until(begun + timedelta(minutes=1))
        (timer,) = schedules.list_schedules(GroupName="skydag")["Schedules"]
        assert schedules.get_schedule(GroupName="skydag", Name=timer["Name"])["ActionAfterCompletion"] == "DELETE"
        works = installation.lambdas.counts["Work"]
        installation.run_until(begun + timedelta(minutes=19, seconds=50))
        assert house.states(long)["+long+w"] == "retry_waiting"
        assert installation.lambdas.counts["Work"] == works                 # nobody looked in between
        installation.run_until(begun + timedelta(minutes=22))
        assert house.states(long) == dict.fromkeys(["+long", "+long+w", "+long+b"], "success")
        assert schedules.list_schedules(GroupName="skydag")["Schedules"] == []
        assert not installation.lambdas.failures


def test_a_wait_whose_timer_was_lost_is_found_by_watch() -> None:
    clock = VirtualClock(START)
    with Installation(clock=clock) as installation:
        house = House(installation)
        house.upload(archive(FILES))
        attempt = house.start("long")
        installation.run_until(START + timedelta(minutes=1))
        schedules = installation.client("scheduler")
        (timer,) = schedules.list_schedules(GroupName="skydag")["Schedules"]
        schedules.delete_schedule(GroupName="skydag", Name=timer["Name"])
        installation.run_until(START + timedelta(minutes=42))
        assert set(house.states(attempt).values()) == {"success"}
