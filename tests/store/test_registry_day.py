"""A day of the registry on both tables: what the use cases do to DynamoDB's own limits, types and orders."""

from __future__ import annotations

from tests.app.registry_world import NOW, TASK, World, at, scheduled, times

from skydag.ports import Table


def test_a_day_of_pushes_uploads_ticks_and_ends(table: Table) -> None:
    world = World(table, attempt_limit=5)
    hourly = scheduled("hourly>: 00:00")
    world.push({"daily.dig": scheduled("daily>: 07:00:00"), "hourly.dig": hourly, "load.dig": TASK})
    assert [s.workflow_name for s in world.schedules.of_project(1)] == ["daily", "hourly"]
    assert times(world.tick(at("06-10 18:00"), 2).started) == [f"06-10 {hour}:00" for hour in range(13, 18)]
    assert world.schedule(2).next_run_time == at("06-10 18:10"), "the limit: the sixth waits ten minutes"
    for attempt in world.attempts.open_attempts():
        assert world.attempts.finish(attempt.id, success=attempt.id % 2 == 0, now=at("06-10 18:05"))
    assert times(world.tick(at("06-10 18:10"), 2).started) == ["06-10 18:00"]

    world.push({"hourly.dig": scheduled("hourly>: 00:00; skip_delayed_by: 10m")}, "r2", now=at("06-10 18:20"))
    assert [s.id for s in world.schedules.list()] == [2]
    done = world.tick(at("06-11 02:05"), 2)
    assert [skip.count for skip in done.skipped] == [7]
    assert times(done.started) == ["06-11 02:00"]
    assert done.started[0].revision == "r2", "S-48"
    assert done.started[0].params["last_executed_session_time"] == "2025-06-10T18:00:00+00:00"

    shown = world.attempts.attempts(1, "hourly", count=3)
    assert [attempt.status for attempt in shown] == ["running", "running", "error"]
    assert [session.last.id for session in world.attempts.sessions(1)] == [8, 7, 5, 4, 3, 2, 1], "6 was refused"
    assert [w.name for w in world.projects.all_workflows()] == ["hourly"]
    assert [w.name for w in world.projects.workflows(1, "r1")] == ["daily", "hourly", "load"]
    assert world.projects.list()[0].updated_at == at("06-10 18:20")
    assert world.projects.list()[0].created_at == NOW
