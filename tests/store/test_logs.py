"""Logs of tasks, by name and by parts (R-65 to R-69)."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import pytest

from skydag.errors import NotFoundError
from skydag.local.objects import MemoryObjects
from skydag.store.log_files import LogName
from skydag.store.logs import ObjectLogs

NOW = datetime(2025, 6, 10, 13, 0, 1, 500_000, tzinfo=UTC)


class World:
    def __init__(self) -> None:
        self.now, self.objects = NOW, MemoryObjects()
        self.logs = ObjectLogs(self.objects, agent="lambda", clock=lambda: self.now)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def text(self, name: str) -> str:
        return gzip.decompress(self.logs.read(12, name)).decode()


@pytest.fixture
def world() -> World:
    return World()


def test_a_log_file_is_named_as_digdag_names_it() -> None:
    """R-66."""
    time = datetime.fromtimestamp(0x684815C1, UTC) + timedelta(microseconds=500_000)
    name = LogName(task_name="+daily+load", time=time, agent="ip-10-0-0-7")
    assert str(name) == "+daily+load@684815c11dcd6500.ip-10-0-0-7.log.gz"
    assert LogName.parse(str(name)) == name


def test_a_task_name_may_hold_an_at_sign() -> None:
    """Errata R-66."""
    name = LogName(task_name="+wf+mail@example.com", time=NOW, agent="a")
    assert LogName.parse(str(name)) == name


@pytest.mark.parametrize("name", [
    "", "x", "+wf@684815c1.a.log.gz", "+wf@684815c11dcd6500.a.log", "+wf@684815c11dcd6500a.log.gz"])
def test_what_is_not_so_named_is_no_log_file(name: str) -> None:
    assert LogName.parse(name) is None


def test_full_names_without_limit_make_file_names_within_it() -> None:
    """Errata L-50: full names have no limit, file names have 255 bytes."""
    long = "+wf" + "+größe" * 200
    names = {str(LogName(task_name=long + end, time=NOW, agent="lambda-12000001-1")) for end in ("+a", "+b")}
    assert len(names) == 2
    assert all(len(name.encode()) <= 255 and name.startswith("+wf+größe") for name in names)
    assert all((told := LogName.parse(name)) is not None and told.time == NOW for name in names)


def test_a_short_log_is_one_part_and_one_file(world: World) -> None:
    writer = world.logs.open(12, "+wf+load", 12000001, 1, now=NOW)
    writer.write("hello\n")
    writer.write("wörld\n")
    assert world.logs.files(12) == []
    writer.close()
    (file,) = world.logs.files(12)
    assert (file.task_name, file.time, file.agent) == ("+wf+load", NOW, "lambda-12000001-1")
    assert file.size == len(world.logs.read(12, file.name))
    assert world.text(file.name) == "hello\nwörld\n"


def test_a_long_log_can_be_read_while_it_is_written(world: World) -> None:
    """R-67; design.md section 4, Logs."""
    writer = world.logs.open(12, "+wf+load", 1, 1, now=NOW)
    writer.write("first\n")
    world.wait(5)
    writer.write("second\n")
    (file,) = world.logs.files(12)
    assert world.text(file.name) == "first\nsecond\n"
    writer.write("third\n")
    writer.flush_old()
    assert world.text(file.name) == "first\nsecond\n"
    world.wait(6)
    writer.flush_old()
    assert world.text(file.name) == "first\nsecond\nthird\n"
    writer.close()
    assert len(list(world.objects.list("logs/12/"))) == 2


def test_much_text_at_once_goes_in_parts_by_size(world: World) -> None:
    writer = world.logs.open(12, "+wf+load", 1, 1, now=NOW)
    for _ in range(20):
        writer.write("x" * 100_000 + "\n")
    writer.close()
    (file,) = world.logs.files(12)
    assert len(world.text(file.name)) == 20 * 100_001
    assert 5 <= len(list(world.objects.list("logs/12/"))) <= 8


def test_a_task_of_hours_writes_less_often(world: World) -> None:
    writer = world.logs.open(12, "+wf+load", 1, 1, now=NOW)
    for _ in range(3600):
        writer.write("tick\n")
        world.wait(1)
    writer.close()
    assert len(list(world.objects.list("logs/12/"))) < 150


def test_parts_beyond_nine_stay_in_order(world: World) -> None:
    writer = world.logs.open(12, "+wf+load", 1, 1, now=NOW)
    for number in range(12):
        writer.write(f"{number} ")
        world.wait(5)
        writer.flush_old()
    writer.close()
    assert world.text(world.logs.files(12)[0].name) == "0 1 2 3 4 5 6 7 8 9 10 11 "


def test_files_of_an_attempt_are_by_name_and_only_its_own(world: World) -> None:
    """R-65."""
    for attempt, task in [(12, "+wf+b"), (12, "+wf+a"), (1, "+wf+c"), (120, "+wf+d")]:
        writer = world.logs.open(attempt, task, 1, 1, now=NOW)
        writer.write("x")
        writer.close()
    assert [file.task_name for file in world.logs.files(12)] == ["+wf+a", "+wf+b"]
    assert world.logs.files(13) == []


def test_a_task_that_prints_nothing_leaves_no_file(world: World) -> None:
    writer = world.logs.open(12, "+wf+a", 1, 1, now=NOW)
    writer.write("")
    writer.close()
    assert world.logs.files(12) == []


@pytest.mark.parametrize("name", ["../13/+wf@684815c11dcd6500.a.log.gz", "+wf@684815c11dcd6500.a.log.gz", "", ".."])
def test_a_file_that_is_not_there_is_not_found(world: World, name: str) -> None:
    """R-67."""
    with pytest.raises(NotFoundError):
        world.logs.read(12, name)


def test_half_a_surrogate_pair_does_not_stop_the_log(world: World) -> None:
    writer = world.logs.open(12, "+wf+a", 1, 1, now=NOW)
    writer.write("a\ud800b")
    writer.close()
    assert world.text(world.logs.files(12)[0].name) == "a\\ud800b"
