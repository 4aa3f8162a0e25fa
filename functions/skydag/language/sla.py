"""The `sla:` block: when an attempt is late, and what happens then (scheduling.md section 16)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from skydag.errors import ConfigError
from skydag.language.problems import did_you_mean
from skydag.model.patterns import pattern
from skydag.model.values import boolean, optional, text
from skydag.model.zones import instant, zone

OWN_KEYS: Final = ("time", "duration", "alert", "fail")
HOURS_MAX: Final = 100_000

_CLOCK = pattern(r"([+-]?\d{1,6}):([+-]?\d{1,6})(?::([+-]?\d{1,6}))?\Z")

Fault = tuple[str | None, str, str | None]      # key of the block, what is wrong, hint


def sla_time(sla: Mapping[str, Any], run_time: datetime, timezone: str) -> datetime:
    """The instant (UTC) at which an attempt that runs from `run_time` on is late (S-93). ConfigError."""
    found = faults(sla, timezone)
    if found:
        raise ConfigError(found[0][1])
    base = run_time.replace(microsecond=0).astimezone(_UTC)
    if sla.get("duration") is not None:
        return base + _clock("duration", sla["duration"])
    local = base.astimezone(zone(timezone)).replace(tzinfo=None)
    at = instant(local.replace(hour=0, minute=0, second=0) + _clock("time", sla["time"]), zone(timezone))
    return at if at >= base else at + timedelta(hours=24)


def sla_alert(sla: Mapping[str, Any]) -> bool:
    """Whether a notification goes out: unless `alert: false`."""
    return _flag(sla, "alert", default=True)


def sla_fails(sla: Mapping[str, Any]) -> bool:
    """Whether the attempt ends as failed: with `fail: true` only."""
    return _flag(sla, "fail", default=False)


def sla_body(sla: Mapping[str, Any]) -> dict[str, Any]:
    """The remaining keys: the body of the task `^sla`."""
    return {key: value for key, value in sla.items() if key not in OWN_KEYS}


def sla_tasks(sla: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the root's pages need to know of the block (engine/pages.build): {"alert", "fail", "body"}; None without."""
    return None if sla is None else {"alert": sla_alert(sla), "fail": sla_fails(sla), "body": sla_body(sla)}


def faults(sla: Mapping[str, Any], timezone: str) -> list[Fault]:
    """Everything that is wrong with the times of an `sla:` block; its tasks are the tree's business."""
    found: list[Fault] = []
    given = [key for key in ("time", "duration") if sla.get(key) is not None]
    if len(given) != 1:
        unknown = [] if given else [key for key in sla if key not in OWN_KEYS]
        near = next((hint for key in unknown if (hint := did_you_mean(key, ("time", "duration")))), None)
        found.append((None, "SLA must be specified using either the 'time' or 'duration' option", near))
    for key in given:
        try:
            _clock(key, sla[key])
        except ConfigError as wrong:
            found.append((key, str(wrong), "ten in the evening is 22:00" if key == "time" else "half an hour is 00:30"))
    return found


_UTC: Final = UTC


def _clock(key: str, value: Any) -> timedelta:
    """HH:MM or HH:MM:SS, not range-checked."""
    found = _CLOCK.match(text(key, value).strip())
    if found is None:
        raise ConfigError(f"SLA {key} option needs to be HH:MM or HH:MM:SS format: {value}")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    if abs(hours) > HOURS_MAX:
        raise ConfigError(f"SLA {key} option is too large: {value}")
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _flag(sla: Mapping[str, Any], key: str, *, default: bool) -> bool:
    """A value that is no boolean counts as the default (S-95)."""
    try:
        return optional(sla, key, boolean, default=default)
    except ConfigError:
        return default
