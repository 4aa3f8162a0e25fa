"""A schedule's time has come (scheduling.md section 8): start what is due by its item, in order, until nothing is.

Started first, stored second: whoever dies in between finds the session there (S-45) and only moves the schedule on.
A wake-up is a hint. It may come early, late, twice or never; the item says what is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from skydag.app.log import logger
from skydag.app.schedule_params import schedule_params
from skydag.errors import IllegalStepError, LimitError, NotFoundError, SkydagError, UnavailableError
from skydag.language.timetable import Firing, Timetable
from skydag.model.project import StoredSchedule, StoredWorkflow
from skydag.model.records import Protocol, dataclass, field, replace
from skydag.model.session import Attempt
from skydag.ports import Timers, Wakes
from skydag.store.attempts import AttemptStore, SessionExists
from skydag.store.projects import ProjectStore
from skydag.store.schedules import ScheduleStore, Skip, wake_at
from skydag.store.stale import Stale

FIRINGS_MAX: Final = 200                            # of one call; the rest is for the next one, at once
HOLD_MAX: Final = timedelta(minutes=2)              # due so soon: a timer holds to the second, a wake to the minute
LATE: Final = timedelta(seconds=90)                 # what `watch` takes for lost
LIMIT_WAIT: Final = timedelta(minutes=10)           # S-47
TROUBLE_WAIT: Final = timedelta(hours=1)

log = logger(__name__)


class StartCall(Protocol):
    """app/start.py."""

    def __call__(
        self, workflow: StoredWorkflow, session_time: datetime, *, params: Mapping[str, Any],
        retry_attempt_name: str | None = None, run_time: datetime | None = None, request: str | None = None,
        now: datetime,
    ) -> Attempt: ...


@dataclass(slots=True)
class Expanded:
    """What one call did."""

    started: list[Attempt] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    next_at: datetime | None = None                 # None: disabled, finished or gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Expand:
    schedules: ScheduleStore
    projects: ProjectStore
    attempts: AttemptStore
    wakes: Wakes
    timers: Timers
    start: StartCall

    def __call__(self, schedule_id: int, *, now: datetime) -> Expanded:
        """Everything of this schedule that is due, then its next wake-up. Does nothing when nothing is due."""
        now = now.replace(microsecond=0)
        done = Expanded()
        for _ in range(FIRINGS_MAX):
            try:
                schedule = self.schedules.get(schedule_id)
            except NotFoundError:
                self.wakes.arm(schedule_id, None)   # its workflow is gone
                return done
            done.next_at = wake_at(schedule)
            if done.next_at is None or done.next_at > now:
                break
            try:
                self._fire(schedule, done, now)
            except Stale:
                continue                            # somebody else moved it: look again
        self._wake_again(schedule_id, done.next_at, now)
        return done

    def late(self, now: datetime) -> list[Expanded]:
        """All schedules that should have run 90 seconds ago: their wake-up was lost. One that cannot be expanded does
        not hold up the others; the errors come out together at the end."""
        done, errors = [], []
        for schedule in self.schedules.late(now - LATE):
            try:
                done.append(self(schedule.id, now=now))
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup("schedules that could not be expanded", errors)
        return done

    def _fire(self, schedule: StoredSchedule, done: Expanded, now: datetime) -> None:
        """One session time: a session, a skip, or another try later (S-44, S-47)."""
        try:
            workflow = self.projects.workflow(schedule.workflow_id)
            timetable = Timetable(schedule.config, schedule.timezone)
            skip = self._skip(schedule, timetable, now)
            if skip is None:
                self._start(schedule, workflow, done, now)
        except (UnavailableError, IllegalStepError):
            raise
        except SkydagError as error:
            self._postpone(schedule, error, now)
            return
        last = schedule.next_session_time if skip is None else skip.last
        firing = timetable.next(last)
        new = _moved(schedule, firing, now)
        if skip is None:
            new = replace(new, last_session_time=schedule.next_session_time)
        self.schedules.replace(schedule, new, skip=skip)
        if skip is not None:
            done.skipped.append(skip)

    def _start(self, schedule: StoredSchedule, workflow: StoredWorkflow, done: Expanded, now: datetime) -> None:
        session_time = schedule.next_session_time
        params = schedule_params(workflow, session_time, last_executed=schedule.last_session_time)
        try:
            done.started.append(self.start(
                workflow, session_time, params=params, run_time=schedule.next_run_time,
                request=f"schedule-{schedule.id}-{int(session_time.timestamp())}", now=now))
        except SessionExists:
            return                                  # S-45: by hand, by a backfill, or by us before we died

    def _skip(self, schedule: StoredSchedule, timetable: Timetable, now: datetime) -> Skip | None:
        """Why this firing starts nothing, with those after it for which the same is known already; None: it starts."""
        first = Firing(schedule.next_session_time, schedule.next_run_time)
        delay = timetable.skip_delayed_by
        if delay is not None and now > first.run_time + delay and not self._is_started(schedule):
            last, count, following = first, 1, timetable.next(first.session_time)
            while now > following.run_time + delay:
                last, count, following = following, count + 1, timetable.next(following.session_time)
            return Skip(schedule_id=schedule.id, first=first.session_time, last=last.session_time, count=count,
                        reason="skip_delayed_by", at=now)
        if timetable.skip_on_overtime:
            active = self.attempts.latest_active(schedule.project_id, schedule.workflow_name)
            if active is not None and active.session_time != first.session_time:
                return Skip(schedule_id=schedule.id, first=first.session_time, last=first.session_time, count=1,
                            reason="skip_on_overtime", at=now)
        return None

    def _is_started(self, schedule: StoredSchedule) -> bool:
        """Whether this session is there already: then it counts as done (S-45), however late we are."""
        return self.attempts.session_at(
            schedule.project_id, schedule.workflow_name, schedule.next_session_time) is not None

    def _postpone(self, schedule: StoredSchedule, error: SkydagError, now: datetime) -> None:
        """S-47: the session time is never lost, it is tried again later."""
        if isinstance(error, LimitError):
            again = now + LIMIT_WAIT
        elif isinstance(error, NotFoundError):
            again = schedule.next_run_time + TROUBLE_WAIT
        else:
            again = now + TROUBLE_WAIT
        log.warning("a schedule could not start its session and will try again", extra={
            "action": "postpone", "schedule_id": schedule.id, "again_at": again.isoformat(), "reason": str(error)})
        self.schedules.replace(schedule, replace(schedule, next_run_time=again, updated_at=now))

    def _wake_again(self, schedule_id: int, at: datetime | None, now: datetime) -> None:
        if at is not None and at - now <= HOLD_MAX:
            self.timers.set(max(at, now), {"kind": "expand", "schedule_id": schedule_id}, now=now)
        else:
            self.wakes.arm(schedule_id, at)


def _moved(schedule: StoredSchedule, firing: Firing, now: datetime) -> StoredSchedule:
    return replace(schedule, next_session_time=firing.session_time, next_run_time=firing.run_time, updated_at=now)
