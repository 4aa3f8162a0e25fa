from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.app.archives import file, packed, project
from tests.app.registry_world import HOUR, NOW, TASK, World, at, scheduled
from tests.store.faults import every_crash

from skydag.errors import ArchiveError, ConflictError, InvalidError, NotFoundError, WorkflowError
from skydag.local.table import MemoryTable
from skydag.model.ids import WorkflowId
from skydag.model.project import StoredSchedule
from skydag.ports import Table
from skydag.store.times import END


def test_r32_a_push_stores_revision_archive_and_workflows() -> None:
    world = World()
    data = project({"b.dig": "timezone: Asia/Tokyo\nsla:\n  time: 09:00\n" + TASK, "a.dig": TASK, "sub/c.dig": TASK})
    stored = world.push_archive("sales", "r1", data, now=NOW, user_info={"name": "me"})
    md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
    assert (stored.id, stored.name, stored.revision, stored.archive_md5) == (1, "sales", "r1", md5)
    assert stored.created_at == stored.updated_at == NOW
    revision = world.projects.revision(1)
    assert (revision.number, revision.user_info, revision.archive_md5) == (1, {"name": "me"}, md5)
    assert revision.archive is not None and revision.archive.startswith("projects/1/1-")
    assert world.objects.get(revision.archive) == data
    first, second = world.projects.workflows(1)
    assert [(w.id, w.name, w.timezone, w.task_count) for w in (first, second)] == [
        (1, "a", "UTC", 2), (2, "b", "Asia/Tokyo", 2)]
    assert second.config == {"sla": {"time": "09:00"}, "+a": {"echo>": "hi"}}
    assert (second.sla, second.schedule, second.archive) == ({"time": "09:00"}, None, revision.archive)
    assert b"hi" in world.objects.get("data/pages/1/0.json")


def test_r38_every_problem_of_a_project_is_told_and_nothing_is_stored() -> None:
    world = World()
    with pytest.raises(WorkflowError) as caught:
        world.push({"b.dig": "+a:\n  echo>: 1\n  sh>: 2\n", "a.dig": "foo: 1\nschedule:\n  daily>: x\n", "c.dig": TASK})
    text = str(caught.value)
    assert [line.split(":")[0] for line in text.splitlines()] == ["a.dig", "a.dig", "b.dig"]
    assert "foo" in text and "hh:mm:ss" in text and "sh>" in text
    assert isinstance(world.table, MemoryTable) and world.table.items() == []
    assert list(world.objects.list("")) == []


@pytest.mark.parametrize(("name", "revision", "message"), [
    ("1a", "r", 'Validating project failed\nname must not start with a digit: "1a"'),
    ("+a", "r", "must not start with character '[+]'"),
    ("a.dig", "r", "must not end with .dig"),
    ("a/b", "r", "must not contain character '/'"),
    ("a" * 256, "r", "must not be longer than 255"),
    ("", "r", "must not be empty"),
    ("a", "", "Validating revision failed\nname must not be empty"),
    ("a", "r" * 256, "must not be longer than 255"),
    ("a", "r\n", "control characters"),
])
def test_r35_bad_names_are_refused(name: str, revision: str, message: str) -> None:
    world = World()
    with pytest.raises(InvalidError, match=message):
        world.push({}, revision, name=name)
    assert world.projects.list() == ()


def test_r35_odd_names_that_digdag_takes_are_taken() -> None:
    world = World()
    for name in ("a+b", "a" * 255, "売上 データ", "a:b", "-"):
        world.push({"w.dig": TASK}, "r/1 ü", name=name)
    assert len(world.projects.list()) == 5
    assert world.projects.revisions(1, "r/1 ü")[0].number == 1


def test_r39_the_same_revision_twice_is_a_conflict() -> None:
    world = World()
    world.push({"a.dig": TASK})
    with pytest.raises(ConflictError, match=r"^Resource already exists: revision=r1 in project id=1$"):
        world.push({"a.dig": TASK})


def test_r36_a_hostile_archive_is_refused() -> None:
    with pytest.raises(ArchiveError, match="leaves the project"):
        World().push_archive("sales", "r1", packed(file("../x", "")), now=NOW)


def test_s60_a_new_schedule_begins_now_or_at_schedule_from() -> None:
    world = World()
    world.push({"a.dig": scheduled("daily>: 07:00:00"), "b.dig": TASK, "c.dig": scheduled("hourly>: 15:00")})
    assert [(s.id, s.workflow_name, s.workflow_id) for s in world.schedules.list()] == [(1, "a", 1), (2, "c", 3)]
    schedule = world.schedule(1)
    assert (schedule.next_session_time, schedule.next_run_time) == (at("06-11 00:00"), at("06-11 07:00"))
    assert (schedule.last_session_time, schedule.disabled_at, schedule.project_name) == (None, None, "sales")
    assert world.wakes.next_at() == at("06-10 13:15")
    world.push({"a.dig": scheduled("daily>: 07:00:00")}, name="shop", schedule_from=at("06-01 07:00"))
    assert world.schedule(3).next_session_time == at("06-01 00:00")


def ran(world: World, last: str) -> StoredSchedule:
    """The schedule has started its session of that time."""
    old = world.schedule()
    return world.schedules.replace(old, replace(old, last_session_time=at(last)))


def test_s62_a_schedule_that_never_ran_begins_anew_and_keeps_its_id() -> None:
    world = World()
    world.push({"a.dig": scheduled("daily>: 07:00:00")})
    world.push({"a.dig": scheduled("hourly>: 00:00")}, "r2", schedule_from=at("06-01 00:30"))
    schedule = world.schedule()
    assert (schedule.id, schedule.workflow_id, schedule.next_session_time) == (1, 2, at("06-01 01:00"))
    assert schedule.config == {"hourly>": "00:00"}


def test_s63_a_schedule_that_ran_goes_on_after_its_last_session() -> None:
    world = World()
    world.push({"a.dig": scheduled("daily>: 07:00:00")})
    ran(world, "06-09 00:00")
    world.push({"a.dig": scheduled("hourly>: 15:00")}, "r2", schedule_from=at("01-01 00:00"))
    schedule = world.schedule()
    assert (schedule.next_session_time, schedule.next_run_time) == (at("06-09 01:00"), at("06-09 01:15"))
    assert schedule.last_session_time == at("06-09 00:00")
    world.attempt_limit = 100
    assert len(world.tick(at("06-10 12:40")).started) == 36, "scheduling.md test 42"
    assert world.schedule().last_session_time == at("06-10 12:00")


def test_s60_a_disabled_schedule_stays_disabled_and_s61_one_that_vanished_comes_back_as_another() -> None:
    world = World()
    world.push({"a.dig": scheduled("daily>: 07:00:00")})
    old = world.schedule()
    world.schedules.replace(old, replace(old, disabled_at=NOW))
    world.push({"a.dig": scheduled("daily>: 08:00:00")}, "r2")
    assert world.schedule().disabled_at == NOW
    assert world.wakes.next_at() is None
    world.push({"a.dig": TASK}, "r3")
    assert world.schedules.list() == ()
    with pytest.raises(NotFoundError):
        world.schedule()
    world.push({"a.dig": scheduled("daily>: 08:00:00")}, "r4")
    assert [(s.id, s.disabled_at) for s in world.schedules.list()] == [(2, None)]
    assert world.wakes.next_at() == at("06-11 08:00")


def test_s62_clear_empties_what_ran_of_the_named_workflows_only() -> None:
    world = World()
    files = {"a.dig": scheduled("daily>: 07:00:00"), "b.dig": scheduled("daily>: 07:00:00")}
    world.push(files)
    ran(world, "06-01 00:00")
    with pytest.raises(InvalidError, match=r"^nope does not exist$"):
        world.push(files, "r2", clear=["nope"])
    world.push(files, "r2", clear=["b"])
    assert world.schedule().next_session_time == at("06-02 00:00")
    world.push(files, "r3", clear=["a"])
    assert (world.schedule().last_session_time, world.schedule().next_session_time) == (None, at("06-11 00:00"))
    ran(world, "06-01 00:00")
    world.push(files, "r4", clear_all=True)
    assert world.schedule().last_session_time is None


def test_s41_a_finished_schedule_stays_and_wants_no_wake() -> None:
    world = World()
    world.push({"a.dig": scheduled("daily>: 07:00:00; end: 2025-06-01")})
    assert world.schedule().next_run_time == world.schedule().next_session_time == END
    assert world.wakes.next_at() is None


def test_s59_a_project_of_three_hundred_schedules_is_pushed_and_pushed_again() -> None:
    """More than a transaction holds: new ones come before it, old ones go after it, unchanged ones are not written."""
    world = World()
    files = {f"w{number:03}.dig": scheduled("hourly>: 15:00") for number in range(300)}
    world.push(files)
    assert len(world.schedules.list(count=1000)) == 300
    before = world.schedule(7)
    world.push(files, "r2", now=NOW + timedelta(minutes=1))
    assert world.schedule(7) == replace(before, workflow_id=WorkflowId(307))
    world.push({"w000.dig": scheduled("hourly>: 15:00")}, "r3", now=NOW + timedelta(minutes=2))
    assert [s.id for s in world.schedules.list()] == [1]
    assert world.wakes.due(at("06-30 00:00")) == [1]
    assert world.expand(1, now=at("06-10 13:15")).started[0].revision == "r3"


def test_a_push_builds_upon_a_schedule_that_fired_meanwhile() -> None:
    """The schedule fires between the push's reading it and its transaction."""
    world = World()
    world.push({"a.dig": scheduled("hourly>: 00:00")}, now=NOW - HOUR)
    transact = world.table.transact
    fired: list[bool] = []

    def meanwhile(writes: object, *, token: str) -> None:
        if not fired:
            fired.append(True)
            world.tick(at("06-10 12:00"))
        transact(writes, token=token)       # type: ignore[arg-type]

    world.table.transact = meanwhile        # type: ignore[method-assign]
    world.push({"a.dig": scheduled("hourly>: 30:00")}, "r2")
    schedule = world.schedule()
    assert (schedule.last_session_time, schedule.next_run_time) == (at("06-10 12:00"), at("06-10 13:30"))
    assert world.projects.get(1).revision == "r2"
    assert schedule.workflow_id == world.projects.workflows(1)[0].id


def test_f3_a_crash_at_any_call_of_a_push_repeated_ends_the_same_with_schedules_armed() -> None:
    files = {"a.dig": scheduled("daily>: 07:00:00"), "b.dig": scheduled("hourly>: 15:00")}

    def setting(table: Table) -> World:
        world = World(table)
        world.push({"a.dig": scheduled("daily>: 07:00:00"), "c.dig": scheduled("daily>: 01:00:00")},
                   now=NOW - timedelta(days=1))
        return world

    def act(world: World) -> None:
        world.objects.put("upload/sales/r2.tar.gz", project(files))
        assert world.register("upload/sales/r2.tar.gz", now=NOW) is not None

    ends = every_crash(setting, act, MemoryTable)
    assert len(ends) > 20
    for which, table, world in ends:
        fresh = World(table)
        assert [(s.workflow_name, s.next_run_time) for s in fresh.schedules.list()] == [
            ("a", at("06-11 07:00")), ("b", at("06-10 13:15"))], which
        assert [w.name for w in fresh.projects.all_workflows()] == ["a", "b"], which
        assert [s.workflow_id for s in fresh.schedules.list()] == [w.id for w in fresh.projects.workflows(1)], which
        armed = set(world.wakes.due(at("12-31 00:00")))
        assert armed >= {s.id for s in fresh.schedules.list()}, which
        for gone in armed - {s.id for s in fresh.schedules.list()}:
            assert fresh.tick(NOW, gone).next_at is None, "a wake left behind does nothing"
        assert world.alerts.published == {}, which
