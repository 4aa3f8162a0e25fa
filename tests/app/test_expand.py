from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.app.registry_world import HOUR, NOW, World, at, scheduled, times
from tests.store.faults import every_crash

from skydag.errors import UnavailableError
from skydag.local.table import MemoryTable
from skydag.ports import Table
from skydag.store.times import END

MINUTE = timedelta(minutes=1)


def hourly(block: str = "hourly>: 00:00", rest: str = "", *, table: Table | None = None, limit: int = 100) -> World:
    """Next session 11:00 on June 10."""
    world = World(table, attempt_limit=limit)
    world.push({"w.dig": scheduled(block, rest)}, now=at("06-10 10:30"))
    return world


def test_s44_what_is_due_starts_with_its_params_and_the_schedule_moves_on() -> None:
    world = hourly("hourly>: 10:00", "timezone: Asia/Tokyo\nsla:\n  duration: 00:30\n")
    assert world.tick(at("06-10 11:09")).started == []
    [attempt] = world.tick(at("06-10 11:10")).started
    assert attempt.session_time == at("06-10 11:00")
    assert attempt.params == {
        "last_session_time": "2025-06-10T19:00:00+09:00", "next_session_time": "2025-06-10T21:00:00+09:00"}
    assert attempt.sla_at == at("06-10 11:40")
    schedule = world.schedule()
    assert (schedule.last_session_time, schedule.next_session_time, schedule.next_run_time) == (
        at("06-10 11:00"), at("06-10 12:00"), at("06-10 12:10"))


def test_s54_the_next_one_knows_the_session_before() -> None:
    world = hourly()
    world.tick(at("06-10 11:00"))
    [attempt] = world.tick(at("06-10 12:00")).started
    assert attempt.params["last_executed_session_time"] == "2025-06-10T11:00:00+00:00"


def test_s93_the_sla_counts_from_the_planned_run_time_however_late_the_tick_is() -> None:
    world = hourly("hourly>: 00:00", "sla:\n  duration: 00:30\n")
    assert world.tick(at("06-10 11:20")).started[0].sla_at == at("06-10 11:30")


def test_s43_missed_sessions_are_caught_up_oldest_first() -> None:
    world = hourly()
    done = world.tick(at("06-10 14:20"))
    assert times(done.started) == ["06-10 11:00", "06-10 12:00", "06-10 13:00", "06-10 14:00"]
    assert done.next_at == at("06-10 15:00")
    assert world.tick(at("06-10 14:20")).started == [], "a repeated wake does nothing"


def test_s50_what_is_too_late_is_skipped_and_recorded() -> None:
    world = hourly("hourly>: 00:00; skip_delayed_by: 90m")
    done = world.tick(at("06-10 14:20"))
    assert times(done.started) == ["06-10 13:00", "06-10 14:00"]
    [skip] = world.schedules.skips(1)
    assert done.skipped == [skip]
    assert (skip.first, skip.last, skip.count, skip.reason, skip.at) == (
        at("06-10 11:00"), at("06-10 12:00"), 2, "skip_delayed_by", at("06-10 14:20"))
    assert world.schedule().last_session_time == at("06-10 14:00")


@pytest.mark.parametrize(("late_s", "starts"), [(5400, True), (5400.9, True), (5401, False)])
def test_s44_exactly_at_the_limit_it_starts_one_second_later_it_is_skipped(late_s: float, starts: bool) -> None:
    world = hourly("daily>: 11:00:00; skip_delayed_by: 90m")
    done = world.tick(at("06-10 11:00") + timedelta(seconds=late_s))
    assert bool(done.started) is starts
    assert bool(done.skipped) is not starts
    assert world.schedule().next_session_time == at("06-11 00:00")


def test_a_month_of_minutes_missed_is_skipped_in_one_step() -> None:
    world = hourly("minutes_interval>: 1; skip_delayed_by: 0s")
    done = world.tick(at("07-10 10:30"))
    assert len(done.skipped) == 1
    assert done.skipped[0].count == 30 * 24 * 60
    assert times(done.started) == ["07-10 10:30"]


def test_s46_a_running_session_makes_the_next_one_skip_and_an_ended_or_dying_one_does_not() -> None:
    world = hourly("hourly>: 00:00; skip_on_overtime: true")
    [first] = world.tick(at("06-10 11:00")).started
    done = world.tick(at("06-10 12:00"))
    assert (done.started, [s.reason for s in done.skipped]) == ([], ["skip_on_overtime"])
    assert world.schedule().last_session_time == at("06-10 11:00")
    world.attempts.request_cancel(first.id, NOW)
    [second] = world.tick(at("06-10 13:00")).started
    assert second.params["last_session_time"] == "2025-06-10T12:00:00+00:00"
    assert second.params["last_executed_session_time"] == "2025-06-10T11:00:00+00:00", "S-57"
    world.attempts.finish(second.id, success=False, now=NOW)
    assert len(world.tick(at("06-10 14:00")).started) == 1


def test_s45_a_session_started_by_hand_counts_as_done() -> None:
    world = hourly()
    [workflow] = world.projects.workflows(1)
    world.start(workflow, at("06-10 11:00"), params={}, now=NOW)
    done = world.tick(at("06-10 11:00"))
    assert done.started == []
    assert world.schedule().last_session_time == at("06-10 11:00")
    assert len(world.attempts.attempts(include_retried=True)) == 1


def test_s47_over_the_attempt_limit_the_session_waits_ten_minutes_and_is_not_lost() -> None:
    world = hourly(limit=3)
    now = at("06-10 20:30")
    assert times(world.tick(now).started) == ["06-10 11:00", "06-10 12:00", "06-10 13:00"]
    schedule = world.schedule()
    assert (schedule.next_session_time, schedule.next_run_time) == (at("06-10 14:00"), now + 10 * MINUTE)
    world.attempts.finish(1, success=True, now=now)
    assert world.tick(now + 9 * MINUTE).started == []
    assert times(world.tick(now + 10 * MINUTE).started) == ["06-10 14:00"]


def test_s47_without_its_workflow_the_schedule_tries_again_an_hour_after_it_was_due() -> None:
    world = hourly()
    assert isinstance(world.table, MemoryTable)
    world.table.delete("workflow#000000000001", "workflow")
    world.tick(at("06-10 11:05"))
    assert world.schedule().next_run_time == at("06-10 12:00")
    assert world.schedule().next_session_time == at("06-10 11:00")


def test_s68_a_disabled_schedule_does_nothing_and_wants_no_wake() -> None:
    world = hourly()
    old = world.schedule()
    world.schedules.replace(old, replace(old, disabled_at=NOW))
    assert world.tick(at("06-10 14:00")).started == []
    assert world.wakes.next_at() is None


def test_s41_after_its_end_a_schedule_is_done_with() -> None:
    world = hourly("hourly>: 00:00; end: 2025-06-10")
    assert len(world.tick(at("06-11 05:00")).started) == 13
    assert world.schedule().next_run_time == END
    assert world.wakes.next_at() is None


def test_a_schedule_that_is_gone_is_disarmed() -> None:
    world = World()
    world.wakes.arm(7, NOW)
    assert world.tick(NOW, 7).next_at is None
    assert world.wakes.next_at() is None


def test_a_wake_in_the_minute_before_holds_to_the_second_with_a_timer() -> None:
    world = hourly()
    assert world.tick(at("06-10 10:59")).started == []
    assert world.timers.next_at() == at("06-10 11:00")
    assert world.timers.due(at("06-10 11:00")) == [{"kind": "expand", "schedule_id": 1}]
    world.tick(at("06-10 11:00"))
    assert world.wakes.next_at() == at("06-10 12:00")
    assert world.timers.next_at() is None


def test_a_long_catch_up_goes_on_in_another_call() -> None:
    world = hourly(limit=1000)
    now = at("06-30 11:00")
    assert len(world.tick(now).started) == 200
    assert world.timers.due(now) == [{"kind": "expand", "schedule_id": 1}]
    assert times(world.tick(now).started)[0] == "06-18 19:00"


def test_g10_watch_starts_what_is_90_seconds_late_and_one_broken_schedule_holds_up_no_other() -> None:
    world = hourly()
    world.push({"w.dig": scheduled("hourly>: 00:00")}, now=at("06-10 10:30"), name="shop")
    assert world.expand.late(at("06-10 11:01")) == []
    get = world.projects.workflow

    def broken(workflow_id: int) -> object:
        if workflow_id == 1:
            raise UnavailableError("no answer")
        return get(workflow_id)

    world.projects.workflow = broken        # type: ignore[method-assign,assignment]
    with pytest.raises(ExceptionGroup, match="could not be expanded"):
        world.expand.late(at("06-10 11:02"))
    assert [(a.project_name, a.session_time) for a in world.attempts.attempts()] == [("shop", at("06-10 11:00"))]


def test_g1_two_ticks_at_once_start_one_attempt() -> None:
    """The other tick comes between our start and our write."""
    world = hourly()
    replace_schedule = world.schedules.replace
    others: list[object] = []

    def meanwhile(*given: object, **more: object) -> object:
        if not others:
            others.append(None)
            others.append(world.tick(at("06-10 11:00")))
        return replace_schedule(*given, **more)     # type: ignore[arg-type]

    world.schedules.replace = meanwhile     # type: ignore[method-assign,assignment]
    world.tick(at("06-10 11:00"))
    assert len(world.attempts.attempts(include_retried=True)) == 1
    assert world.schedule().next_session_time == at("06-10 12:00")
    assert world.wakes.next_at() == at("06-10 12:00")


@pytest.mark.parametrize("block", [
    "hourly>: 00:00", "hourly>: 00:00; skip_delayed_by: 90m", "hourly>: 00:00; skip_on_overtime: true"])
def test_g2_a_crash_at_any_call_repeated_gives_each_due_time_one_session_or_one_skip(block: str) -> None:
    ends = every_crash(
        lambda table: hourly(block, table=table), lambda world: world.tick(at("06-10 14:20")), MemoryTable)
    assert len(ends) > 20
    wanted = None
    for which, table, _ in ends:
        world = World(table)
        sessions = sorted(a.session_time for a in world.attempts.attempts(include_retried=True))
        skips = [(s.first, s.last, s.count, s.reason) for s in world.schedules.skips(1)]
        schedule = world.schedule()
        found = (sessions, skips, schedule.next_session_time, schedule.last_session_time)
        wanted = wanted or found
        assert found == wanted, which
        assert len(sessions) + sum(skip[2] for skip in skips) == 4, which


def test_a_session_started_before_a_crash_is_not_skipped_afterwards() -> None:
    """It started in time; the repeat comes too late for skip_delayed_by, and sees it running."""
    for block in ("skip_delayed_by: 5m", "skip_on_overtime: true"):
        world = hourly(f"hourly>: 00:00; {block}")
        [workflow] = world.projects.workflows(1)
        world.start(workflow, at("06-10 11:00"), params={}, request="schedule-1-1749553200", now=NOW)
        done = world.tick(at("06-10 11:30"))
        assert done.skipped == []
        assert world.schedule().last_session_time == at("06-10 11:00")
        assert world.schedule().next_session_time == at("06-10 11:00") + HOUR
