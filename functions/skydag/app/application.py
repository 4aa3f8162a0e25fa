"""Everything put together over ports: what bootstrap makes for AWS, and the local world for a laptop."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from skydag.app.advance import Advance, Settings
from skydag.app.flights import Flights
from skydag.app.hands import Hands
from skydag.app.notice import notice
from skydag.app.operators import cleans_up, find_operator, is_small, named
from skydag.app.record import Record
from skydag.app.start import Start
from skydag.app.stream import Stream
from skydag.app.task_log import TaskLog
from skydag.app.work import Observer, Places, Work
from skydag.engine.pages import Child
from skydag.errors import ConfigError
from skydag.language.evaluate import Evaluator
from skydag.model.records import dataclass
from skydag.model.session import Attempt, Resume
from skydag.ports import Alerts, Chance, Clock, Dispatch, Logs, Objects, SecretStore, Table, Timers, Wakes
from skydag.spi import Operator, SharedParams
from skydag.store import attempts
from skydag.store.aside import Aside
from skydag.store.attempts import AttemptStore
from skydag.store.definitions import Definitions
from skydag.store.flights import CONTAINER, WORK, FlightStore
from skydag.store.resumes import Resumes
from skydag.store.shared_params import TableParams
from skydag.store.tasks import TaskStore
from skydag.store.values import Blobs

if TYPE_CHECKING:                               # loaded when asked for: a local run, and most functions, need few
    from skydag.app.expand import Expand
    from skydag.app.heal import Heal
    from skydag.app.log_files import LogFiles
    from skydag.app.push import Push
    from skydag.app.register import Register
    from skydag.app.tasks import TaskRow
    from skydag.app.watch import Watch
    from skydag.store.projects import ProjectStore
    from skydag.store.schedules import ScheduleStore

FUSED_MAX: Final = 1_000                        # small tasks that one call of `work` runs in a row
INLINE_MAX: Final = 20                          # and `advance`, for one attempt of a delivery
INLINE_TIME: Final = timedelta(seconds=5)
CONTAINER_GRACE: Final = timedelta(hours=1)     # a container that lasts too long is killed before it counts as lost


@dataclass(frozen=True, kw_only=True)
class Ports:
    table: Table
    objects: Objects                # the project bucket
    stored_logs: Logs
    dispatch: Dispatch
    timers: Timers
    alerts: Alerts
    wakes: Wakes
    secrets: SecretStore
    now: Clock
    chance: Chance


class Application:
    def __init__(
        self, ports: Ports, settings: Settings, places: Callable[[Application], Places], *, attempt_limit: int = 100,
        observer: Observer | None = None, find: Callable[[str], Operator | None] = find_operator,
        properties: Mapping[str, str] | None = None, shared_params: SharedParams | None = None,
        logs_are_live: bool = False,
    ) -> None:
        """properties: what operators may ask of the configuration (C-13). shared_params: where those are that all
        workflows share, by default in the table."""
        self.ports, self.settings, self.attempt_limit = ports, settings, attempt_limit
        self._find, self._places, self._observer = find, places, observer
        self.properties = properties or {}
        self._logs_are_live = logs_are_live
        self._evaluators: dict[str, Evaluator] = {}
        self.blobs = Blobs(ports.objects)
        self.tasks = TaskStore(ports.table, self.blobs)
        self.definitions = Definitions(ports.objects, self.tasks)
        self.attempts = AttemptStore(ports.table, self.blobs)
        self.flights = Flights(
            FlightStore(ports.table), {WORK: settings.tasks_in_flight, CONTAINER: settings.containers_in_flight},
            chance=ports.chance, now=ports.now)
        self.advance = Advance(tasks=self.tasks, definitions=self.definitions, attempts=self.attempts,
                               resumes=Resumes(ports.objects), dispatch=ports.dispatch, timers=ports.timers,
                               flights=self.flights, settings=settings, cleans_up=self._cleans_up)
        self.record = Record(self.advance)
        self.aside = Aside(ports.table)
        self.stream = Stream(self.advance, self.aside, ports.alerts, self._stream_hands,
                             lambda hands: self.work.go_on(hands))
        self.now = ports.now
        self.shared_params = shared_params or TableParams(ports.table, self.blobs, ports.now)
        self.objects, self.wakes = ports.objects, ports.wakes

    @cached_property
    def projects(self) -> ProjectStore:
        from skydag.store.projects import ProjectStore

        return ProjectStore(self.ports.table, self.blobs)

    @cached_property
    def schedules(self) -> ScheduleStore:
        from skydag.store.schedules import ScheduleStore

        return ScheduleStore(self.ports.table, self.blobs)

    @cached_property
    def starter(self) -> Start:
        return Start(self.advance, self.ports.chance, attempt_limit=self.attempt_limit)

    @cached_property
    def watch(self) -> Watch:
        from skydag.app.time_limits import TimeLimits
        from skydag.app.watch import Watch

        return Watch(self.advance, self.record, TimeLimits(
            self.advance, self.ports.alerts, attempt_ttl=self.settings.attempt_ttl, task_ttl=self.settings.task_ttl))

    @cached_property
    def healer(self) -> Heal:
        from skydag.app.heal import Heal

        return Heal(self.advance, self.watch, self.aside, self.ports.timers)

    @cached_property
    def push(self) -> Push:
        from skydag.app.push import Push

        return Push(projects=self.projects, schedules=self.schedules, objects=self.objects, wakes=self.wakes)

    @cached_property
    def register(self) -> Register:
        from skydag.app.register import Register

        return Register(push=self.push, objects=self.objects, alerts=self.ports.alerts)

    @cached_property
    def expand(self) -> Expand:
        from skydag.app.expand import Expand

        return Expand(schedules=self.schedules, projects=self.projects, attempts=self.attempts, wakes=self.wakes,
                      timers=self.ports.timers, start=self.starter)

    @cached_property
    def logs(self) -> LogFiles:
        from skydag.app.log_files import LogFiles

        return LogFiles(self.ports.stored_logs, self.task_rows)

    @cached_property
    def work(self) -> Work:
        return Work(tasks=self.tasks, blobs=self.blobs, record=self.record, dispatch=self.ports.dispatch,
                    places=self._places(self), find_operator=self._find, open_log=self.open_log,
                    evaluator=self.evaluator, now=self.now, task_limit=self.settings.task_limit,
                    container_lease=self.settings.task_ttl + CONTAINER_GRACE, hands=self._work_hands,
                    flights=self.flights, turns=self.advance.turns,
                    observer=self._observer)

    def evaluator(self, timezone: str) -> Evaluator:
        if timezone not in self._evaluators:
            self._evaluators[timezone] = Evaluator(timezone)
        return self._evaluators[timezone]

    def _work_hands(self, token: str, is_over: Callable[[], bool]) -> Hands | None:
        """Where children go on by themselves, small ones are run on the way. Not under a limit of tasks in flight: the
        seat of the first would be free while the call goes on."""
        if not (self.settings.is_fused and self.settings.is_direct) or self.settings.tasks_in_flight:
            return None
        return Hands(token=token, hops=FUSED_MAX, is_over=is_over, is_small=self._is_small)

    def _stream_hands(self) -> Hands | None:
        """For one attempt of a delivery; others wait behind it, so not for long."""
        if not self.settings.is_inline:
            return None
        end = self.now() + INLINE_TIME
        return Hands(token=self.ports.chance.token(), hops=INLINE_MAX, is_over=lambda: self.now() > end,
                     is_small=self._is_small)

    def _is_small(self, child: Child) -> bool:
        return self.names_small(child.config)

    def names_small(self, config: Mapping[str, Any]) -> bool:
        """Whether a task's own text names a small operator."""
        operator = self._named(config)
        return operator is not None and is_small(operator)

    def _cleans_up(self, config: Mapping[str, Any]) -> bool:
        operator = self._named(config)
        return operator is not None and cleans_up(operator)

    def _named(self, config: Mapping[str, Any]) -> Operator | None:
        """The operator that a task's own text names, if it is there and can be used."""
        name = named(config)
        try:
            return None if name is None else self._find(name)
        except ConfigError:                     # whoever runs it says so
            return None

    def open_log(self, attempt: Attempt, name: str, number: int, run: int) -> TaskLog:
        return TaskLog(lambda: self.ports.stored_logs.open(attempt.id, name, number, run, now=self.now()),
                       is_live=self._logs_are_live)

    def notify(self, attempt: Attempt, task_name: str, message: str, number: int) -> None:
        """The id is the task's: a repeated run of the task repeats the same notice (G-9)."""
        self.ports.alerts.publish(notice(attempt, task_name, message, self.now()), stable_id=f"{attempt.id}-{number}")

    def start(
        self, workflow_id: int, session_time: datetime, *, params: Mapping[str, Any],
        retry_attempt_name: str | None = None, resume: Resume | None = None,
    ) -> Attempt:
        workflow = self.projects.workflow(workflow_id)
        self.projects.get(workflow.project_id)              # E-100: a deleted project starts nothing
        return self.starter(workflow, session_time, params=params, retry_attempt_name=retry_attempt_name,
                            resume=resume, now=self.now())

    def secrets_of(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """For the worker of a handed-over run."""
        from skydag.app.grants import answer

        return answer(question, self.tasks, self.attempts, self.ports.secrets)

    def timer(self, message: Mapping[str, Any]) -> None:
        """A hint that came by the timer queue."""
        if message["kind"] == "expand":
            self.expand(int(message["schedule_id"]), now=self.now())
        elif message["kind"] == "heal":
            self.healer(message, self.now())
        else:
            self.advance.timer(message, self.now())

    def attempt_of(self, job: Mapping[str, Any]) -> Attempt:
        """The attempt that a job carries."""
        return attempts.from_json(job["attempt"])

    def unspilled(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """A job or report as it was sent: a large one lies in the bucket (F-9)."""
        if event.keys() == {"spilled"}:
            return self.job_at(event["spilled"])
        return event

    def job_at(self, key: str) -> Mapping[str, Any]:
        loaded: Mapping[str, Any] = json.loads(self.objects.get(key))
        return loaded

    def kill(self, attempt_id: int) -> Attempt:
        from skydag.app.kill import kill

        return kill(attempt_id, advance=self.advance, now=self.now())

    def heal(self, attempt_id: int) -> Attempt:
        return self.healer.request(attempt_id, self.now())

    def task_rows(self, attempt_id: int) -> Sequence[TaskRow]:
        from skydag.app.tasks import Rows

        return Rows(self.tasks, self.definitions)(self.attempts.get(attempt_id))
