"""When an attempt is late (S-92 to S-95)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from skydag.errors import ConfigError
from skydag.language.sla import HOURS_MAX, faults, sla_alert, sla_body, sla_fails, sla_time

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(("sla", "run_time", "timezone", "due"), [
    ({"duration": "01:30"}, "2025-06-10T00:00:00+00:00", "UTC", "2025-06-10T01:30:00+00:00"),
    ({"duration": "00:00:05"}, "2025-06-10T00:00:00.9+00:00", "UTC", "2025-06-10T00:00:05+00:00"),
    ({"duration": "03:00"}, "2025-03-30T00:30:00+01:00", BERLIN, "2025-03-30T02:30:00+00:00"),
    ({"time": "12:00"}, "2025-06-10T07:00:00+09:00", "Asia/Tokyo", "2025-06-10T03:00:00+00:00"),
    ({"time": "07:00"}, "2025-06-10T07:00:00+09:00", "Asia/Tokyo", "2025-06-09T22:00:00+00:00"),
    ({"time": "06:59:59"}, "2025-06-10T07:00:00+09:00", "Asia/Tokyo", "2025-06-10T21:59:59+00:00"),
    ({"time": "26:30"}, "2025-06-10T07:00:00+00:00", "UTC", "2025-06-11T02:30:00+00:00"),
    ({"time": "01:00"}, "2025-10-25T12:00:00+02:00", BERLIN, "2025-10-25T23:00:00+00:00"),
    ({"time": "02:30"}, "2025-03-30T00:00:00+01:00", BERLIN, "2025-03-30T01:30:00+00:00"),
])
def test_the_due_time_follows_from_the_run_time_s_93(
    sla: dict[str, Any], run_time: str, timezone: str, due: str,
) -> None:
    assert sla_time(sla, datetime.fromisoformat(run_time), timezone).isoformat() == due


@pytest.mark.parametrize("sla", [
    {}, {"time": "10:00", "duration": "01:00"}, {"time": "10"}, {"time": "a:b"}, {"duration": "1:2:3:4"},
    {"duration": 90}, {"time": ["10:00"]}, {"duration": "999999:00"},
])
def test_a_block_without_one_readable_time_is_refused_s_92(sla: dict[str, Any]) -> None:
    assert faults(sla, "UTC")
    with pytest.raises(ConfigError):
        sla_time(sla, datetime.fromisoformat("2025-06-10T00:00:00+00:00"), "UTC")


def test_a_time_that_is_none_is_explained_by_an_example_of_its_kind() -> None:
    assert faults({"time": "10pm"}, "UTC")[0][2] == "ten in the evening is 22:00"
    assert faults({"duration": "30m"}, "UTC")[0][2] == "half an hour is 00:30"


def test_the_hours_have_a_limit_that_is_itself_allowed() -> None:
    assert faults({"duration": f"{HOURS_MAX}:00"}, "UTC") == []
    assert faults({"duration": f"{HOURS_MAX + 1}:00"}, "UTC")


def test_alert_is_on_and_fail_is_off_unless_they_say_otherwise_s_94() -> None:
    assert (sla_alert({}), sla_fails({})) == (True, False)
    assert (sla_alert({"alert": "false"}), sla_fails({"fail": True})) == (False, True)
    assert (sla_alert({"alert": "perhaps"}), sla_fails({"fail": [1]})) == (True, False)


def test_the_remaining_keys_are_the_body_of_the_task() -> None:
    sla = {"time": "10:00", "alert": True, "+notice": {"echo>": "late"}, "fail": False}
    assert sla_body(sla) == {"+notice": {"echo>": "late"}}
