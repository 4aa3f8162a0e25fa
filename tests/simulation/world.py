"""An installation in memory where every outside call can be the last one of its caller.

One invocation runs at a time, as a Lambda would: it is given its records, job, report or timer, and if it dies, what
AWS does happens: records and messages come again, a failed call of `work` goes to `finish`, expand is called again. A
cold start follows every death: what the process remembered is gone.
"""

from __future__ import annotations

import itertools
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from tests.simulation.modes import MODES

from skydag.app import execute
from skydag.app.advance import Settings
from skydag.app.application import Application, Ports
from skydag.app.job import Job
from skydag.app.operators import find_operator
from skydag.app.stream import Record
from skydag.app.task_log import TaskLog
from skydag.app.work import CONTAINER, HERE, SCRIPT
from skydag.app.workspace import Folder
from skydag.local.alerts import LocalAlerts
from skydag.local.commands import LocalCommands
from skydag.local.objects import MemoryObjects
from skydag.local.secret_store import LocalSecrets
from skydag.local.table import Change, MemoryTable
from skydag.local.timers import LocalTimers
from skydag.local.wakes import LocalWakes
from skydag.model.project import StoredWorkflow
from skydag.model.session import Attempt
from skydag.ports import Payload
from skydag.spi import Operator, TaskRequest, TaskResult
from skydag.store.attempts import from_json
from skydag.store.logs import ObjectLogs
from skydag.store.starts import SessionExists
from skydag.store.task_items import ACT, SAFETY

START = datetime(2025, 6, 10, 5, tzinfo=UTC)
WINDOW = timedelta(seconds=30)
NAPS_MAX = 3_000                    # of a world that settles: each is five minutes at most


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Fault:
    """The call with this number kills its caller: before it took effect, or after."""

    at: int | None = None
    is_after: bool = False
    calls: int = 0
    log: list[str] = field(default_factory=list)

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        self.calls += 1
        if self.calls != self.at:
            return call(*args, **more)
        self.log.append(name)
        if self.is_after:
            call(*args, **more)
        raise Crash(name)


class Faulty:
    """Every method of the thing behind it is an outside call."""

    def __init__(self, inner: Any, name: str, fault: Fault) -> None:
        self._inner, self._name, self._fault = inner, name, fault

    def __getattr__(self, method: str) -> Any:
        inner = getattr(self._inner, method)

        def call(*args: Any, **more: Any) -> Any:
            return self._fault.around(f"{self._name}.{method}", inner, *args, **more)
        return call


class Chance:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def token(self) -> str:
        return f"token-{next(self._numbers):020d}"

    def uuid(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._numbers):012d}"


class Replay:
    """Operators whose results are remembered: a task run once need not run for each of a thousand faults."""

    def __init__(self) -> None:
        self._known: dict[str, TaskResult | Exception] = {}
        self._operators: dict[str, Operator | None] = {}

    def find(self, name: str) -> Operator | None:
        if name not in self._operators:
            real = find_operator(name)
            replayed = real if real is None or name == "notify" else _Replayed(real, self._known)
            self._operators[name] = cast(Operator | None, replayed)
        return self._operators[name]


class _Replayed:
    def __init__(self, real: Operator, known: dict[str, TaskResult | Exception]) -> None:
        self._real, self._known = real, known
        self.retries, self.runs_code = real.retries, real.runs_code
        self.is_small = getattr(real, "is_small", False)

    def run(self, request: TaskRequest) -> TaskResult:
        if request.task_name not in self._known:
            try:
                self._known[request.task_name] = self._real.run(request)
            except Exception as error:
                self._known[request.task_name] = error
        result = self._known[request.task_name]
        if isinstance(result, Exception):
            raise result
        return result

    def cleanup(self, request: TaskRequest) -> None:
        self._real.cleanup(request)


class _NoWriter:
    def write(self, text: str) -> None:
        return None

    def flush_old(self) -> None:
        return None

    def close(self) -> None:
        return None


class World:
    """Dispatch, places and pump. has_script: user code goes to `script` and reports to `finish`, as on AWS. is_fused,
    is_inline: small tasks are run on the way, by `work` and by `advance`."""

    def __init__(self, project: Path, *, fault: Fault | None = None, mode: str = "direct",
                 replay: Replay | None = None, has_script: bool = True, task_limit: int = 1000,
                 **settings: timedelta | int) -> None:
        self.fault, self.replay, self.project = fault or Fault(), replay or Replay(), project
        self.settings = Settings(**MODES[mode], task_limit=task_limit, **settings)      # type: ignore[arg-type]
        self.has_script = has_script
        self.now, self.chance = START, Chance()
        self.records: deque[tuple[datetime, Record]] = deque()
        self.calls: deque[tuple[str, dict[str, Any]]] = deque()
        self.timers, self.alerts, self.objects = LocalTimers(), LocalAlerts(), MemoryObjects()
        self.results: dict[tuple[str, int], list[str]] = {}
        self.table = MemoryTable(self._changed)
        self._ids = itertools.count(1)
        self.application = self._cold_start()

    def _cold_start(self) -> Application:
        def faulty(inner: Any, name: str) -> Any:
            return Faulty(inner, name, self.fault)

        objects = faulty(self.objects, "objects")
        ports = Ports(
            table=faulty(self.table, "table"), objects=objects,
            stored_logs=ObjectLogs(objects, agent="sim", clock=self.clock),
            dispatch=faulty(self._dispatch, "dispatch"), timers=faulty(self.timers, "timers"),
            alerts=faulty(self.alerts, "alerts"), wakes=LocalWakes(), secrets=LocalSecrets({}), now=self.clock,
            chance=self.chance)
        return Application(ports, self.settings, lambda _: self, find=self.replay.find)

    def clock(self) -> datetime:
        return self.now

    # --- what the application asks of the world ---

    @property
    def _dispatch(self) -> Any:
        world = self

        class Dispatch:
            def work(self, jobs: Sequence[Payload]) -> None:
                world.calls.extend(("work", {**job.to_json(), "call": f"call-{next(world._ids)}"}) for job in jobs)

            def script(self, job: Mapping[str, Any]) -> None:
                world.calls.append(("script", dict(job)))

            def container(self, job: Mapping[str, Any], *, token: str) -> str:
                world.calls.append(("script", dict(job)))
                return f"container-{token}"

            def stop_container(self, container: str, reason: str) -> None:
                return None
        return Dispatch()

    def place(self, operator: Operator, config: Mapping[str, Any]) -> str:
        if not self.has_script or not operator.runs_code:
            return HERE
        return CONTAINER if "docker" in config else SCRIPT

    def surroundings(self, attempt: Attempt, config: Mapping[str, Any], name: str, number: int,
                     log: TaskLog) -> execute.Surroundings:
        return execute.Surroundings(
            files=Folder(self.project), log=log.write, echo=log.write, secrets=lambda key: None, now=self.clock,
            properties={}, template=self.application.evaluator(attempt.timezone).text,
            commands=LocalCommands(log.write, dict(os.environ)),
            notify=lambda message: self.application.notify(attempt, name, message, number))

    # --- the pump ---

    def _changed(self, change: Change) -> None:
        new, old = change.new, change.old
        if new is None:
            return
        if new.get("k") == "l" and new.get("st") in ("s", "e", "c") and (old is None or old.get("st") != new["st"]):
            self.results.setdefault((new["sk"], new["run"]), []).append(new["st"])
        if new.get("act") in (ACT, SAFETY):
            at = self.now if new["act"] == ACT else self.now + WINDOW
            self.records.append((at, Record(id=f"{change.sequence:012d}", image=new)))

    def start(self, workflow: StoredWorkflow, session_time: datetime = START) -> int:
        """As `expand` does: called again until it comes through, always for the same firing."""
        for _ in range(10):
            try:
                attempt = self.application.starter(
                    workflow, session_time, params={}, request="schedule-1-1", now=self.now)
                return attempt.id
            except SessionExists as there:
                return there.attempt.id
            except Crash:
                self.application = self._cold_start()
        raise AssertionError("the attempt does not start")

    def settle(self, *, hours: int = 3) -> None:
        """Until nothing moves; then the clock goes on, `watch` looks each minute, and it moves no more for hours."""
        end, naps = self.now + timedelta(hours=hours), 0
        while True:
            if self._step():
                continue
            naps += 1
            assert naps < NAPS_MAX, "it goes on for ever"
            times = [at for at, _ in self.records] + ([due] if (due := self.timers.next_at()) else [])
            tick = self.now + timedelta(minutes=5)
            if not times and self.now >= end:
                return
            self.now = max(self.now + timedelta(milliseconds=1), min([*times, tick]))
            if self.now >= tick:
                self._invoke(lambda: self.application.watch(self.now))

    def _step(self) -> bool:
        due = [record for at, record in self.records if at <= self.now][:100]
        if due:
            again: set[str] = set()
            if self._invoke(lambda: again.update(self.application.stream(due, self.now))):
                gone = {record.id for record in due} - again
                self.records = deque(entry for entry in self.records if entry[1].id not in gone)
            return True
        if messages := self.timers.due(self.now):
            for message in messages:
                if not self._invoke(lambda message=message: self.application.timer(message)):  # type: ignore[misc]
                    self.timers.set(self.now, message, now=self.now)
            return True
        if self.calls:
            self._call(*self.calls.popleft())
            return True
        return False

    def _call(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "work":
            token = payload.pop("call")
            if not self._invoke(lambda: self.application.work(Job.from_json(payload), token)):
                self.calls.append(("lost", {"job": payload, "token": token}))
        elif kind == "script":
            operator = self.replay.find(payload["operator"])
            assert operator is not None
            log = TaskLog(lambda: _NoWriter())
            around = self.surroundings(self.application.attempt_of(payload), payload["config"], "", 0, log)
            self.calls.append(("finish", execute.execute(payload, from_json(payload["attempt"]), operator, around)))
        elif kind == "finish":
            if not self._invoke(lambda: self.application.record.report(payload, self.now)):
                self.calls.append((kind, payload))
        elif kind == "lost":
            job = payload["job"]
            if not self._invoke(lambda: self.application.record.lost(
                    int(job["attempt"]["id"]), job["path"], job["run"], payload["token"], "crashed", self.now,
                    is_crash=True, seat=job.get("seat", ""))):
                self.calls.append((kind, payload))

    def _invoke(self, call: Callable[[], Any]) -> bool:
        try:
            call()
        except Crash:
            self.application = self._cold_start()
            return False
        return True


def outcome(world: World, attempt_id: int) -> dict[str, Any]:
    """What must be the same, whoever died: all rows, the attempt's end, the alerts."""
    calm = World.__new__(World)
    calm.__dict__.update(world.__dict__)
    calm.fault = Fault()
    application = calm._cold_start()
    names = {row.id: row.full_name for row in application.task_rows(attempt_id)}
    rows = sorted(
        (row.full_name, str(row.state), sorted(names[u] for u in row.upstreams), _plain(row.store_params),
         row.error.get("message", "")) for row in application.task_rows(attempt_id))
    attempt = application.attempts.get(attempt_id)
    alerts = sorted((notice["task_name"], notice["message"]) for notice in world.alerts.published.values())
    return {"rows": rows, "status": attempt.status, "alerts": alerts}


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def faults(count: int) -> Iterator[tuple[int, bool]]:
    for at in range(1, count + 1):
        for is_after in (False, True):
            yield at, is_after
