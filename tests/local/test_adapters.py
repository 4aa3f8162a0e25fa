"""Timers, wake-ups, alerts and secrets of a local run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from skydag.local.alerts import LocalAlerts
from skydag.local.secret_store import LocalSecrets
from skydag.local.timers import LocalTimers
from skydag.local.wakes import LocalWakes

NOW = datetime(2025, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_timers_come_when_due_in_order_and_once() -> None:
    timers = LocalTimers()
    assert timers.next_at() is None
    for name, after_s in [("late", 3), ("first", 1), ("second", 1), ("at once", -1)]:
        timers.set(NOW + after_s * SECOND, {"name": name}, now=NOW)
    assert timers.next_at() == NOW - SECOND
    assert [message["name"] for message in timers.due(NOW)] == ["at once"]
    assert timers.due(NOW) == []
    assert [message["name"] for message in timers.due(NOW + SECOND)] == ["first", "second"]
    assert timers.next_at() == NOW + 3 * SECOND


def test_a_schedule_has_one_wake_up_which_is_replaced_and_disarmed() -> None:
    wakes = LocalWakes()
    wakes.arm(1, NOW + 5 * SECOND)
    wakes.arm(2, NOW + SECOND)
    wakes.arm(1, NOW)
    wakes.arm(3, NOW)
    wakes.arm(3, None)
    wakes.arm(4, None)
    assert wakes.next_at() == NOW
    assert wakes.due(NOW) == [1]
    assert wakes.due(NOW + 9 * SECOND) == [2]
    assert wakes.next_at() is None


def test_an_alert_is_shown_and_kept_once() -> None:
    """G-9."""
    shown: list[str] = []
    alerts = LocalAlerts(shown.append)
    for _ in range(2):
        alerts.publish({"message": "SLA violation", "attempt_id": 1}, stable_id="1-sla")
    alerts.publish({"message": "done"}, stable_id="1-notify")
    assert shown == ["SLA violation", "done"]
    assert list(alerts.published) == ["1-sla", "1-notify"]
    assert alerts.published["1-sla"] == {"message": "SLA violation", "attempt_id": 1}


def test_secrets_are_looked_up_in_the_configuration_then_in_files_as_they_are(tmp_path: Path) -> None:
    """C-32, O-51."""
    (tmp_path / "pg.password").write_text("from the file\n")
    (tmp_path / "pg.user").write_text("hidden by the configuration")
    secrets = LocalSecrets({"pg.user": "configured"}, tmp_path)
    assert secrets.get(1, "pg.password") == "from the file\n"
    assert secrets.get(1, "pg.user") == "configured"
    assert secrets.get(1, "pg.port") is None
    assert LocalSecrets({}).get(1, "pg.password") is None
    assert LocalSecrets({}, tmp_path / "nowhere").get(1, "pg.password") is None


@pytest.mark.parametrize("key", ["../outside", "/etc/hostname", "a..b", ".", "", "a/b", "a" * 256])
def test_no_key_of_a_secret_reads_a_file_elsewhere(tmp_path: Path, key: str) -> None:
    """O-44."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "outside").write_text("x")
    assert LocalSecrets({}, folder).get(1, key) is None
