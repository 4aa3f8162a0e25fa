"""Time zones by the names that `timezone:` may have (L-31): tz database names, UTC, Z, offsets, UTC+9."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from skydag.errors import ConfigError
from skydag.model.patterns import pattern

OFFSET_HOURS_MAX = 18

_NAME = pattern(r"[A-Za-z][A-Za-z0-9~/._+-]*\Z")
_OFFSET = pattern(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d\d)(?::?(\d\d))?)?\Z")
# In the tz database, but no zones in Java, or no zones at all.
_NOT_ZONES = frozenset({"EST", "MST", "HST", "Factory", "localtime", "posixrules", "tzdata.zi", "leapseconds",
                        "leap-seconds.list", "zone.tab", "zone1970.tab", "iso3166.tab", "tzdata"})


@functools.lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The zone of that name; ConfigError for abbreviations (PST, JST) and whatever else is none."""
    if name in ("UTC", "Z", "GMT", "UT"):
        return UTC
    offset = _OFFSET.match(name)
    if offset:
        return _fixed(name, *offset.groups())
    if not _NAME.match(name) or name in _NOT_ZONES or name.startswith(("posix/", "right/")):
        raise _unknown(name)
    from zoneinfo import ZoneInfo  # most workflows run in UTC

    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise _unknown(name) from None


def instant(local: datetime, zone: tzinfo) -> datetime:
    """A wall-clock time as an instant in UTC: the later one of two, shifted forward by the gap where there is none."""
    earlier, later = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = earlier.utcoffset(), later.utcoffset()
    if before is None or after is None or before >= after:      # unambiguous, or set back: fold=1 is the later one
        return later.astimezone(UTC)
    return earlier.astimezone(UTC)                             # a gap: the offset before it shifts forward


def _fixed(name: str, sign: str, hours: str, minutes: str | None, seconds: str | None) -> tzinfo:
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    if offset > timedelta(hours=OFFSET_HOURS_MAX) or int(minutes or 0) > 59 or int(seconds or 0) > 59:
        raise _unknown(name)
    return timezone(-offset if sign == "-" else offset)


def _unknown(name: str) -> ConfigError:
    return ConfigError(f"Unknown time zone name: {name}")
