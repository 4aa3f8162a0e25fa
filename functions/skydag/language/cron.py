"""Cron patterns as Digdag reads them, which is cron4j's grammar, not the usual one (scheduling.md sections 4 and 5).

Day of month and day of week must both match; `5/20` is 5 alone; `22-2` wraps; `|` separates alternatives.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from skydag.errors import ConfigError
from skydag.model.patterns import pattern
from skydag.model.records import dataclass
from skydag.model.zones import instant

SEARCH_YEARS_MAX: Final = 40
PATTERN_LENGTH_MAX: Final = 2_000
LAST_DAY: Final = 32                    # stands for `L` in a set of days
_UTC: Final = UTC
_MINUTE: Final = timedelta(minutes=1)
_YEAR_MAX: Final = 9_990

_NUMBER = pattern(r"\+?[0-9]{1,9}\Z")
_MONTHS: Final = dict(zip(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), range(1, 13), strict=True))
_WEEKDAYS: Final = dict(zip(("sun", "mon", "tue", "wed", "thu", "fri", "sat"), range(7), strict=True))


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: dict[str, int]


_FIELDS: Final = (
    _Field("minute", 0, 59, {}), _Field("hour", 0, 23, {}), _Field("day of month", 1, 31, {"l": LAST_DAY}),
    _Field("month", 1, 12, _MONTHS), _Field("day of week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class _Alternative:
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def has(self, at: datetime) -> bool:
        return (at.minute in self.minutes and at.hour in self.hours and at.month in self.months
                and self.has_day(at.year, at.month, at.day) and self.has_weekday(at))

    def has_day(self, year: int, month: int, day: int) -> bool:
        return day in self.days or (LAST_DAY in self.days and day == calendar.monthrange(year, month)[1])

    def has_weekday(self, day: date) -> bool:
        return day.isoweekday() % 7 in self.weekdays

    def time_from(self, hour: int, minute: int) -> tuple[int, int] | None:
        """The first matching time of a day at or after hour:minute."""
        if hour in self.hours:
            later = next((known for known in self.minutes if known >= minute), None)
            if later is not None:
                return hour, later
        later = next((known for known in self.hours if known > hour), None)
        return None if later is None else (later, self.minutes[0])


class Cron:
    """A pattern, checked. ConfigError says what is wrong with it; one that never fires is wrong, too (S-26)."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > PATTERN_LENGTH_MAX:
            raise ConfigError(f"Invalid cron pattern: it has {len(pattern):,} characters, "
                              f"more than {PATTERN_LENGTH_MAX:,}")
        parts = [part for part in pattern.split("|") if part.strip()]
        if not parts:
            raise ConfigError(f"Invalid cron pattern: '{pattern}' is empty")
        self._alternatives = tuple(_alternative(part, pattern) for part in parts)
        for part, alternative in zip(parts, self._alternatives, strict=True):
            if _first_from(alternative, wall_clock(date(2000, 1, 1)), _UTC) is None:
                raise ConfigError(f"Invalid cron pattern: '{part.strip()}' never fires")

    def next(self, after: datetime, zone: tzinfo) -> datetime | None:
        """The first firing after the minute that holds `after`, as an instant in UTC (S-27); None if there is none
        within 40 years, or before the year 9990."""
        minute = after.astimezone(_UTC).replace(second=0, microsecond=0) + _MINUTE
        local = minute.astimezone(zone).replace(tzinfo=None)
        if any(alternative.has(local) for alternative in self._alternatives):
            return minute
        found = (_first_from(alternative, local, zone) for alternative in self._alternatives)
        return min((firing for firing in found if firing is not None), default=None)

    def last(self, before: datetime, zone: tzinfo) -> datetime:
        """The largest firing before an instant (S-30): back in ever larger steps, then forward by firings."""
        back = timedelta(hours=1)
        found = self.next(before - back, zone)
        while found is None or found >= before:
            back *= 2
            found = self.next(before - back, zone)
        while (following := self.next(found, zone)) is not None and following < before:
            found = following
        return found


def wall_clock(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """What a clock on the wall shows; `instant` says when that is."""
    return datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001


def _first_from(alternative: _Alternative, local: datetime, zone: tzinfo) -> datetime | None:
    """The instant of the first matching wall-clock time at or after `local`; None if there is none within 40 years.

    As in cron4j a day that does not exist rolls over (February 31 is March 3) and the search goes on from there: after
    `*/10` found February 31, March 1 is not looked at. The same for a day that a zone left out.
    """
    year, month, day, hour, minute = local.year, local.month, local.day, local.hour, local.minute
    year_max = min(year + SEARCH_YEARS_MAX, _YEAR_MAX)
    while True:
        time = alternative.time_from(hour, minute)
        if time is None:
            day, hour, minute = day + 1, 0, 0
            continue
        hour, minute = time
        if day > 31 or month not in alternative.months:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            day, hour, minute = 1, 0, 0
            if year > year_max:
                return None
            continue
        if not alternative.has_day(year, month, day):
            day, hour, minute = day + 1, 0, 0
            continue
        length = calendar.monthrange(year, month)[1]
        wanted = wall_clock(date(year, month, min(day, length)) + timedelta(days=max(0, day - length)), hour, minute)
        firing = instant(wanted, zone)
        real = firing.astimezone(zone)
        if (real.month, real.day) != (month, day):
            year, month, day = real.year, real.month, real.day
        elif alternative.has_weekday(real):
            return firing
        else:
            day, hour, minute = day + 1, 0, 0


def _alternative(part: str, pattern: str) -> _Alternative:
    fields = part.split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(f"Invalid cron pattern: '{pattern}' has {len(fields)} fields; there must be five: "
                          "minute, hour, day of month, month, day of week")
    minutes, hours, days, months, weekdays = (
        _values(text, field, pattern) for text, field in zip(fields, _FIELDS, strict=True))
    return _Alternative(tuple(sorted(minutes)), tuple(sorted(hours)), frozenset(days), frozenset(months),
                        frozenset(weekdays))


def _values(text: str, field: _Field, pattern: str) -> set[int]:
    elements = [element for element in text.split(",") if element]
    out = {value for element in elements for value in _element(element, field, pattern)}
    if not out:
        raise _invalid(text, field, pattern)
    return out


def _element(element: str, field: _Field, pattern: str) -> list[int]:
    expansion, slash, step_text = element.partition("/")
    values = _range(expansion, field, pattern)
    if not slash:
        return values
    step = int(step_text) if _NUMBER.match(step_text) else 0
    if step < 1:
        raise _invalid(element, field, pattern)
    return values[::step]


def _range(text: str, field: _Field, pattern: str) -> list[int]:
    if text == "*":
        return list(range(field.low, field.high + 1))
    low_text, dash, high_text = text.partition("-")
    low = _value(low_text, field, pattern)
    if not dash:
        return [low]
    high = _value(high_text, field, pattern)
    if low <= high:
        return list(range(low, high + 1))
    if low == LAST_DAY:
        raise _invalid(text, field, pattern)
    return [*range(low, field.high + 1), *range(field.low, high + 1)]


def _value(text: str, field: _Field, pattern: str) -> int:
    named = field.names.get(text.lower())
    if named is not None:
        return named
    value = int(text) if _NUMBER.match(text) else -1
    if not field.low <= value <= field.high:
        raise _invalid(text, field, pattern)
    return value % 7 if field.names is _WEEKDAYS else value         # 7 is Sunday, before a range is built (S-23)


def _invalid(text: str, field: _Field, pattern: str) -> ConfigError:
    return ConfigError(f"Invalid cron pattern: '{text}' is no {field.name} (in '{pattern}')")
