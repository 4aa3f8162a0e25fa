"""Shared parameters, in memory, on DynamoDB and in a file: one exam (O-79 .. O-82)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from skydag.errors import TaskError
from skydag.local.objects import MemoryObjects
from skydag.local.shared_params import FileParams
from skydag.ports import Table
from skydag.spi import SharedParams
from skydag.store.shared_params import TableParams
from skydag.store.values import Blobs


class Clock:
    now = datetime(2025, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


Make = Callable[[], SharedParams]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "dynamodb", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Make:
    """Makes it anew over the same store, as another function or run would."""
    if request.param == "file":
        return lambda: FileParams(tmp_path / ".digdag" / "params.json", clock)
    if request.param == "memory":
        from skydag.local.table import MemoryTable

        table: Table = MemoryTable()
    else:
        from tests.store.dynamo import create_table

        from skydag.aws.client import client
        from skydag.aws.table import DynamoTable

        dynamodb = client("dynamodb", region_name=request.getfixturevalue("aws"))
        table = DynamoTable(dynamodb, create_table(dynamodb), sleep=lambda seconds: None)
    objects = MemoryObjects()
    return lambda: TableParams(table, Blobs(objects), clock)


def test_what_was_set_is_found_by_others_and_what_was_not_is_left_out(make: Make) -> None:
    make().set({"a": "1", "b": "", "ä ö/#": "x\ny"})
    assert make().get(["a", "b", "ä ö/#", "c", "a"]) == {"a": "1", "b": "", "ä ö/#": "x\ny"}
    make().set({"a": "2"})
    assert make().get(["a", "b"]) == {"a": "2", "b": ""}


def test_f9_a_hundred_large_values_are_set_at_once(make: Make) -> None:
    values = {f"k{number}": f"{number}" * 40_000 for number in range(100)}
    make().set(values)
    assert make().get(values) == values


def test_o81_a_value_is_gone_90_days_after_it_was_last_set_whether_it_still_lies_there_or_not(
        make: Make, clock: Clock) -> None:
    make().set({"a": "1", "b": "1"})
    clock.now += timedelta(days=60)
    make().set({"b": "2"})
    clock.now += timedelta(days=30)
    assert make().get(["a", "b"]) == {"b": "2"}
    clock.now += timedelta(days=60)
    assert make().get(["a", "b"]) == {}


def test_the_same_again_is_harmless(make: Make) -> None:
    for _ in range(2):
        make().set({"a": "1", "b": "2"})
    assert make().get(["a", "b"]) == {"a": "1", "b": "2"}


# --- only a file -----------------------------------------------------------------------------------------------------

def test_a_file_that_is_damaged_is_named_and_left_as_it_is(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "params.json"
    for text in ("{", "[]", '{"a": 1}'):
        file.write_text(text)
        for act in (lambda: FileParams(file, clock).get(["a"]), lambda: FileParams(file, clock).set({"b": "1"})):
            with pytest.raises(TaskError, match=r"params\.json, where shared parameters are kept, is damaged"):
                act()
        assert file.read_text() == text


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "params.part").mkdir()
    with pytest.raises(TaskError, match="shared parameters cannot be kept in"):
        FileParams(tmp_path / "params.json", clock).set({"a": "1"})


def test_what_has_expired_leaves_the_file_with_the_next_write(tmp_path: Path, clock: Clock) -> None:
    params = FileParams(tmp_path / "params.json", clock)
    params.set({"old": "1"})
    clock.now += timedelta(days=100)
    params.set({"new": "1"})
    assert list(json.loads((tmp_path / "params.json").read_text())) == ["new"]
