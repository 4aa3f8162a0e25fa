"""Times, blocks and YAML as commands show them (C-39 .. C-41)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from skydag.cli.output import block, compact, local_relative, local_time, relative, session_time, yaml_lines
from skydag.cli.times import instant, local, with_offset
from skydag.errors import InvalidError

NOW = datetime(2025, 6, 10, tzinfo=UTC)


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_session_times_keep_the_workflows_offset_and_others_take_the_machines(new_york: None) -> None:
    assert session_time("2024-01-01T00:00:00+09:00") == "2024-01-01 00:00:00 +0900"
    assert local_time("2031-01-09T22:00:00Z") == "2031-01-09 17:00:00 -0500"        # C-39
    assert local_time(None) == ""
    assert local_relative("2025-06-10T01:02:03Z", NOW) == "2025-06-09 21:02:03 -0400 (in 1h 2m 3s)"


@pytest.mark.parametrize(("seconds", "wanted"), [
    (3723, "(in 1h 2m 3s)"), (-310, "(5m 10s ago)"), (0, "(in 0s)"), (-5, "(5s ago)"), (3600, "(in 1h 0m 0s)"),
    (90000, "(in 25h 0m 0s)"),
])
def test_zero_hours_and_minutes_in_front_are_left_out(seconds: int, wanted: str) -> None:
    assert relative(NOW + timedelta(seconds=seconds), NOW) == wanted    # C-39


def test_a_block_ends_with_a_blank_line_and_shows_nothing_for_a_missing_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    block({"id": "5", "retry attempt name": None})
    assert capsys.readouterr().out == "  id: 5\n  retry attempt name: \n\n"         # C-41


def test_params_are_compact_json() -> None:
    assert compact({"k": "ü", "n": [1, None]}) == '{"k":"ü","n":[1,null]}'


def test_yaml_quotes_text_and_whatever_could_be_misread() -> None:
    value = {"daily>": "06:00:00", "+a": {"_env": {}, "l": [1, "x", {"k": True}, []]}, "yes": None, "1": 2.5, "a b": ""}
    lines = list(yaml_lines(value))
    assert lines == [
        'daily>: "06:00:00"', "+a:", "  _env: {}", "  l:", "  - 1", '  - "x"', "  - k: true", "  - []", '"yes": null',
        '"1": 2.5', '"a b": ""']
    import yaml

    assert yaml.safe_load("\n".join(lines)) == value
    assert list(yaml_lines({}, 4)) == ["    {}"]


def test_a_time_with_its_offset_or_unix_seconds_is_an_instant() -> None:
    assert instant(with_offset("2031-01-10 00:00:00 +0900", "--schedule-from")) == "2031-01-09T15:00:00Z"
    assert instant(with_offset("1924992000", "--schedule-from")) == "2031-01-01T00:00:00Z"


@pytest.mark.parametrize("text", ["2031-01-01", "2031-01-01 00:00:00", "2031-13-01 00:00:00 +0000", "now", "-5"])
def test_a_time_without_offset_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="--schedule-from takes a time like"):
        with_offset(text, "--schedule-from")                            # C-40


@pytest.mark.parametrize(("text", "wanted"), [
    ("2024-01-01", "2024-01-01T00:00:00"), ("2024-01-02 03:04:05", "2024-01-02T03:04:05"), ("2024-02-30", None),
    ("tomorrow", None), ("2024-01-01 3:4:5", None), ("20240101", None),
])
def test_a_session_is_a_local_date_or_date_and_time(text: str, wanted: str | None) -> None:
    assert local(text) == wanted                                        # C-40
