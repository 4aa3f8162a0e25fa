"""Wake-ups of schedules: one one-off per scheduled workflow, `wake-<schedule id>`, that calls `expand`.

It fires in the minute before the one in which the session is due (A-53), and `expand` holds to the second. Where that
minute has begun already, it fires in the next minute that has not.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from skydag.aws.one_off import OneOff
from skydag.ports import Clock

MINUTE = timedelta(minutes=1)


class ScheduleWakes:
    """ports.Wakes. one_off: one-offs whose target is the function `expand`."""

    def __init__(self, one_off: OneOff, *, clock: Clock) -> None:
        self._one_off, self._clock = one_off, clock

    def arm(self, schedule_id: int, at: datetime | None) -> None:
        name = f"wake-{schedule_id}"
        if at is None:
            self._one_off.delete(name)
            return
        first = _minute(self._clock()) + MINUTE
        self._one_off.replace(name, max(_minute(at) - MINUTE, first), json.dumps({"schedule_id": schedule_id}))


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)
