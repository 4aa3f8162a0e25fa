"""When a workflow runs: the `schedule:` block and its arithmetic (scheduling.md sections 2 to 7).

Every type is a cron pattern for the session time, in the workflow's zone, and a delay in elapsed seconds until the run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from skydag.errors import ConfigError
from skydag.language.cron import Cron, wall_clock
from skydag.language.problems import did_you_mean
from skydag.model.patterns import pattern
from skydag.model.records import dataclass
from skydag.model.values import boolean, duration, long, optional, required, text
from skydag.model.zones import instant, zone

END: Final = datetime(9999, 1, 1, tzinfo=UTC)
OPTIONS: Final = ("start", "end", "skip_on_overtime", "skip_delayed_by", "delay", "at")
TYPES: Final = ("hourly", "daily", "weekly", "monthly", "minutes_interval", "cron")
DELAY_S_MAX: Final = 366 * 86_400
EXAMPLES: Final = {"hourly>": "hourly>: 30:00", "daily>": "daily>: 07:00:00", "weekly>": "weekly>: Mon,07:00:00",
                   "monthly>": "monthly>: 1,07:00:00", "minutes_interval>": "minutes_interval>: 30"}

_SECOND: Final = timedelta(seconds=1)
_DATE = pattern(r"\d{4}-\d\d-\d\d\Z")
_DIGITS = pattern(r"[+-]?[0-9]{1,9}\Z")

Fault = tuple[str | None, str, str | None]      # key of the block, what is wrong, hint


class Firing(NamedTuple):
    """Both are instants in UTC; both END when the schedule never fires again."""

    session_time: datetime
    run_time: datetime


_NEVER: Final = Firing(END, END)


@dataclass(frozen=True, slots=True)
class _Plan:
    cron: Cron
    delay: timedelta
    start: datetime | None          # instants: local midnight of the first day,
    end: datetime | None            # and of the day after the last
    skip_on_overtime: bool
    skip_delayed_by: timedelta | None


class Timetable:
    """The three questions of section 5. All times that go in are aware, all that come out are UTC."""

    def __init__(self, config: Mapping[str, Any], timezone: str) -> None:
        """config: the `schedule:` block. Raises ConfigError for the first thing that is wrong with it."""
        self._zone = zone(timezone)
        plan, found = _read(config, timezone)
        if plan is None:
            raise ConfigError(found[0][1])
        self._cron, self.delay = plan.cron, plan.delay
        self._start, self._end = plan.start, plan.end
        self.skip_on_overtime = plan.skip_on_overtime
        self.skip_delayed_by = plan.skip_delayed_by

    def first(self, at: datetime) -> Firing:
        """The first firing whose run time is at or after an instant (S-29)."""
        whole = at.replace(microsecond=0)
        return self.next((whole if at.microsecond else whole - _SECOND).astimezone(END.tzinfo) - self.delay)

    def next(self, after: datetime) -> Firing:
        """The first firing after the minute of a session time (S-28), within start and end (S-39, S-40)."""
        if after >= END:
            return _NEVER
        session_time = self._cron.next(after, self._zone)
        if self._start is not None and session_time is not None and session_time + self.delay < self._start:
            session_time = self._cron.next(self._start - _SECOND, self._zone)
        if session_time is None:
            return _NEVER
        run_time = session_time + self.delay
        return _NEVER if self._end is not None and run_time >= self._end else Firing(session_time, run_time)

    def last(self, before: datetime) -> Firing:
        """The last firing before a session time (S-30), whatever start and end say (S-42)."""
        session_time = self._cron.last(before, self._zone)
        return Firing(session_time, session_time + self.delay)


def faults(config: Mapping[str, Any], timezone: str) -> list[Fault]:
    """Everything that is wrong with a `schedule:` block."""
    return _read(config, timezone)[1]


def _read(config: Mapping[str, Any], timezone: str) -> tuple[_Plan | None, list[Fault]]:
    found: list[Fault] = []
    options: dict[str, Any] = {}
    type_key = "_type" if "_type" in config else next((key for key in config if key.endswith(">")), None)
    timing: tuple[Cron, timedelta] | None = None
    try:
        timing = _timing(config, type_key)
    except ConfigError as wrong:
        example = EXAMPLES.get(type_key or "")
        found.append((type_key, str(wrong), f"write for example '{example}'" if example else None))
    for key, read in (("start", _day), ("end", _day), ("skip_on_overtime", boolean), ("skip_delayed_by", duration)):
        try:
            options[key] = optional(config, key, read, default=None)
        except ConfigError as wrong:
            found.append((key, str(wrong), None))
    for key in config:
        if key not in OPTIONS and key != type_key and not (type_key == "_type" and key == "_command"):
            hint = ("tasks stand beside 'schedule:', not below it" if key.startswith("+")
                    else did_you_mean(key, OPTIONS))
            found.append((key, f"Parameter '{key}' is not used at schedule", hint))
    first_day, last_day = options.get("start"), options.get("end")
    if first_day and last_day and first_day > last_day:
        found.append(("end", f"The schedule of end is earlier than start: {last_day} is before {first_day}", None))
    if found or timing is None:
        return None, found
    return _Plan(
        cron=timing[0], delay=timing[1],
        start=_midnight(first_day, timezone) if first_day else None,
        end=_midnight(last_day + timedelta(days=1), timezone) if last_day else None,
        skip_on_overtime=bool(options.get("skip_on_overtime")), skip_delayed_by=options.get("skip_delayed_by"),
    ), found


def _midnight(day: date, timezone: str) -> datetime:
    return instant(wall_clock(day), zone(timezone))


def _timing(config: Mapping[str, Any], type_key: str | None) -> tuple[Cron, timedelta]:
    """The pattern and the delay of the block's type (section 3)."""
    if type_key is None:
        raise ConfigError("Schedule config requires 'type>: at' parameter; write for example 'daily>: 07:00:00'")
    kind = required(config, "_type", text) if type_key == "_type" else type_key[:-1]
    if kind == "seconds_interval":
        raise ConfigError("seconds_interval> is not supported: nothing fires more often than once a minute; "
                          "use minutes_interval>")
    if kind not in TYPES:
        near = did_you_mean(kind, TYPES)
        raise ConfigError(f"Unknown scheduler type: {kind}" + (f"; {near}" if near else ""))
    command = _command(config, type_key, kind)
    if kind == "hourly":
        return Cron("0 * * * *"), _offset(command, 2, f"hourly>: scheduler requires mm:ss format: {command}")
    if kind == "daily":
        return Cron("0 0 * * *"), _offset(command, 3, f"daily> scheduler requires hh:mm:ss format: {command}")
    if kind == "weekly":
        return _weekly(command)
    if kind == "monthly":
        return _monthly(command)
    delay = timedelta(seconds=_bounded(optional(config, "delay", long, default=0)))
    if kind == "cron":
        return Cron(command), delay
    if not _DIGITS.match(command) or int(command) < 1:
        raise ConfigError(f"minutes_interval> scheduler requires a number of minutes, 1 or more: {command}")
    minutes = int(command)
    return Cron(f"*/{min(minutes, 60)} * * * *"), delay


def _command(config: Mapping[str, Any], type_key: str, kind: str) -> str:
    key = "_command" if type_key == "_type" else type_key
    if config.get(key) is None and config.get("at") is not None and kind in ("hourly", "daily", "weekly", "monthly"):
        key = "at"
    value = config.get(key)
    if kind == "minutes_interval" and isinstance(value, float):
        raise ConfigError(f"minutes_interval> scheduler requires a number of minutes, 1 or more: {value}")
    return required(config, key, text)


def _weekly(command: str) -> tuple[Cron, timedelta]:
    day, comma, time = (part.strip() for part in command.partition(","))
    wrong = f"weekly>: scheduler requires day,hh:mm:ss format: {command}"
    if not comma or not day or any(letter.isspace() or letter == "|" for letter in day):
        raise ConfigError(wrong)
    try:
        return Cron(f"0 0 * * {day}"), _offset(time, 3, f"weekly> scheduler requires hh:mm:ss format: {command}")
    except ConfigError as error:
        raise ConfigError(wrong if "day of week" in str(error) else str(error)) from None


def _monthly(command: str) -> tuple[Cron, timedelta]:
    day, comma, time = command.partition(",")
    wrong = f"monthly>: scheduler requires day,hh:mm:ss format: {command}"
    if not comma or not re.match(r"[0-9]{1,2}\Z", day) or not 1 <= int(day) <= 31:
        raise ConfigError(wrong)
    return Cron(f"0 0 {int(day)} * *"), _offset(time, 3, f"monthly> scheduler requires hh:mm:ss format: {command}")


def _offset(value: str, parts: int, wrong: str) -> timedelta:
    """hh:mm:ss or mm:ss as a delay; not range-checked (S-12), trailing empty parts dropped (S-11)."""
    pieces = value.split(":")
    while pieces and not pieces[-1]:
        pieces.pop()
    if len(pieces) != parts or not all(_DIGITS.match(piece) for piece in pieces):
        raise ConfigError(wrong)
    total_s = 0
    for unit_s, piece in zip((3600, 60, 1)[-parts:], pieces, strict=True):
        total_s += unit_s * int(piece)
    return timedelta(seconds=_bounded(total_s))


def _bounded(delay_s: int) -> int:
    if abs(delay_s) > DELAY_S_MAX:
        raise ConfigError(f"a delay of {delay_s} seconds is longer than a year")
    return delay_s


def _day(key: str, value: Any) -> date:
    if isinstance(value, str) and _DATE.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ConfigError(f"Invalid {key}: {value}; write it as YYYY-MM-DD")
