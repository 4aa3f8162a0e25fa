"""A world in which everything goes wrong that can: from a plan, so that a run can be repeated and its faults dropped.

What AWS guarantees is kept (design.md section 4; spec/aws.md): a record or message is delivered at least once, in order
within a partition and a mapping; asynchronous calls and timers may be lost, late or come twice. An invocation may be
held up at any outside call while others run, each with a process of its own.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.simulation.generate import KEYS, Workload
from tests.simulation.mishaps import (
    ANSWER_LOST,
    ASLEEP,
    DIES_AFTER,
    HELD_UP,
    KILL,
    LATE,
    LOST,
    THROTTLED,
    TWICE,
    Mishap,
    Plan,
)
from tests.simulation.promises import Promises
from tests.simulation.reference import Seen, shown
from tests.simulation.world import START, Crash, Fault, Replay, World

from skydag.app.application import Application
from skydag.app.job import Job
from skydag.app.operators import find_operator
from skydag.app.stream import Record
from skydag.errors import ConflictError, SkydagError, TaskError, UnavailableError
from skydag.local.table import Change
from skydag.spi import Again, Operator, TaskRequest, TaskResult
from skydag.store.task_items import ACT, DUE_SHARDS

VISIBLE: Final = (*KEYS, "x", "i", "range", "error")         # parameters that tasks are asked about
LOST_RUNS_MAX: Final = 2                            # of one task: a third would rightly fail it (E-130)
STEPS_MAX: Final = 20_000
HELD_UP_MAX: Final = timedelta(minutes=14)          # an invocation ends after a quarter of an hour
TTL: Final = timedelta(hours=1)
TICK: Final = timedelta(minutes=5)


class Wrong(AssertionError):
    """A promise is broken, while the run goes on."""


class Died(Crash):
    """A run ends without a report, and its service says why: out of time, out of memory, no such image."""


class Storm(World):
    def __init__(self, project: Path, work: Workload, plan: Plan) -> None:
        self.plan, self.chance_of = plan, random.Random(f"order {plan.seed}")
        self._mishaps = {(m.what, m.number): m.how for m in plan.mishaps}
        self._counts: Counter[str] = Counter()
        self.trace: list[str] = []
        self.happened: set[Mishap] = set()
        limits = {"work": plan.tasks_in_flight, "container": 1} if plan.tasks_in_flight else {}
        self.promises = Promises(START + _duration(work.definition["sla"]) if "sla" in work.definition else None,
                                 limits=limits)
        self.victims: Counter[str] = Counter()
        self.attempt_id: int | None = None
        self.depth, self._path, self.died = 0, "", ""
        self._reported: tuple[str, int] | None = None   # whose run the report or event at hand is about
        self.containers: dict[str, bool] = {}       # by token: whether it was stopped
        self.events: list[Event] = []
        self._busy: set[str] = set()
        self._watched = START
        self._processes: list[Application | None] = []
        self.operator = Scripted(self, work)
        more: dict[str, Any] = {"attempt_ttl": TTL} if plan.is_limited else {}
        more |= {"tasks_in_flight": limits["work"], "containers_in_flight": limits["container"]} if limits else {}
        super().__init__(project, fault=_StormFault(self), mode=plan.mode, replay=self.operator,
                         has_script=plan.has_script, task_limit=work.task_limit or 1000, **more)

    # --- what goes wrong ---

    @property
    def calls_made(self) -> int:
        """Outside calls so far."""
        return self._counts["outside call"]

    def mishap(self, what: str) -> str:
        self._counts[what] += 1
        number = self._counts[what]
        how = self._mishaps.get((what, number), "")
        if how:
            self.happened.add(Mishap(what, number, how))
            self.trace.append(f"{self._now()} {what} {number}: {how}")
        return how

    def _now(self) -> str:
        return f"+{(self.now - START).total_seconds():.0f}s"

    def may_lose_run(self, path: str = "") -> bool:
        """The task at this path, else the one that is being run, may vanish once more."""
        path = path or self._path
        if not path:
            return True
        self.victims[path] += 1
        return self.victims[path] <= LOST_RUNS_MAX

    def others_run(self, *, long: bool) -> None:
        """Whoever is held up here sees the world go on without him: other invocations, in other processes."""
        if self.depth >= 2:
            return
        self.depth += 1
        mine, path, reported, self._path, self._reported = self.application, self._path, self._reported, "", None
        while len(self._processes) <= self.depth:
            self._processes.append(None)
        self.application = self._processes[self.depth] or self._cold_start()
        end = self.now + HELD_UP_MAX
        for _ in range(60 if long else self.chance_of.randint(1, 4)):
            if not self._next() and not (long and self._wait(end)):
                break
        self._processes[self.depth] = self.application
        self.application, self._path, self._reported = mine, path, reported
        self.depth -= 1

    # --- the pump ---

    def _changed(self, change: Change) -> None:
        before = len(self.records)
        super()._changed(change)
        if change.new is not None:
            self.promises(change.old, change.new, self.now, self._reported)
        if len(self.records) == before:
            return
        at, record = self.records.pop()
        queue = "stream" if change.new is not None and change.new["act"] == ACT else "safety net"
        how = self.mishap("record")
        self.events.append(Event(f"{queue} {record.image['pk']}", at + _delay(self, how), record))
        if how == TWICE:
            self.events.append(Event("again", at + _delay(self, LATE), record))

    @property
    def _dispatch(self) -> Any:
        world = self

        class Dispatch:
            def work(self, jobs: Any) -> None:
                for job in jobs:
                    world.send("work", {**job.to_json(), "call": f"call-{next(world._ids)}"})

            def script(self, job: Mapping[str, Any]) -> None:
                world.send("report", {"script": dict(job)})

            def container(self, job: Mapping[str, Any], *, token: str) -> str:
                if token not in world.containers:   # RunTask with a client token starts one
                    world.containers[token] = False
                    world.send("report", {"script": dict(job), "container": token})
                return token

            def stop_container(self, container: str, reason: str) -> None:
                world.stop(container)
        return Dispatch()

    def stop(self, container: str) -> None:
        """Its state change says that it ended, with or without a report of its own."""
        if self.containers.get(container) is not False:
            return
        self.containers[container] = True
        for event in [e for e in self.events if e.queue == "report" and e.payload.get("container") == container]:
            self.events.remove(event)
            self.lose(event.payload["script"], event.payload["script"]["token"], "it was stopped", is_crash=False)

    def lose(self, job: Mapping[str, Any], token: str, reason: str, *, is_crash: bool) -> None:
        """The event that tells of a run without a report: a failed call's destination, a container's state change."""
        payload = {"job": dict(job), "token": token, "reason": reason, "is_crash": is_crash}
        if is_crash:                                # who calls `work` is told in any case
            self.events.append(Event("lost", self.now, payload))
        else:
            self.send("event", payload)

    def send(self, kind: str, payload: dict[str, Any]) -> None:
        how = self.mishap(kind)
        job = payload.get("script", payload.get("job", {}))
        if how == LOST and "docker" in job.get("config", {}):
            how = ""                                # a container's lease is days long: its state change tells
        if kind in ("report", "event") and how in (LOST, LATE) and not self.may_lose_run(job["path"]):
            how = ""                                # late by more than the lease is lost, too
        if how == LOST:
            return
        self.events.append(Event(kind, self.now + _delay(self, how), payload))
        if how == TWICE:
            self.events.append(Event(kind, self.now + _delay(self, self.chance_of.choice((LATE, ""))), payload))

    def set_timer(self, at: datetime, message: Mapping[str, Any]) -> None:
        how = self.mishap("timer")
        if how != LOST:
            self.events.append(Event("timer", at + _delay(self, how), dict(message)))
        if how == TWICE:
            self.events.append(Event("timer", at + _delay(self, LATE), dict(message)))

    def _cold_start(self) -> Application:
        self.timers = _Timers(self)                 # type: ignore[assignment]
        return super()._cold_start()

    def _next(self) -> bool:
        """One event that is due, whichever: but a queue of the stream in its order."""
        due: dict[str, list[Event]] = {}
        for event in self.events:
            if event.at <= self.now and event.queue not in self._busy:
                due.setdefault(event.queue, []).append(event)
        if not due:
            return False
        queue = self.chance_of.choice(sorted(due))
        if queue == "again" or isinstance(due[queue][0].payload, Record):
            self._deliver(queue, due[queue][:self.chance_of.randint(1, len(due[queue]))])
        else:
            event = self.chance_of.choice(due[queue])
            self.events.remove(event)
            self._handle(event)
        return True

    def _deliver(self, queue: str, batch: list[Event]) -> None:
        self._busy.add(queue)                       # one reader a shard, and he may be held up
        records = [event.payload for event in batch]
        again: set[str] = set()
        is_done = self._invoke(lambda: again.update(self.application.stream(records, self.now)))
        gone = [event for event in batch if is_done and event.payload.id not in again]
        self.events = [event for event in self.events if event not in gone]
        self._busy.discard(queue)

    def _handle(self, event: Event) -> None:
        payload = event.payload
        if event.queue == "timer":
            if not self._invoke(lambda: self.application.timer(payload)):
                self.events.append(Event("timer", self.now + timedelta(seconds=30), payload))
        elif event.queue == "work":
            job = {key: value for key, value in payload.items() if key != "call"}
            self._path, path = job["path"], self._path
            if not self._invoke(lambda: self.application.work(Job.from_json(job), payload["call"])):
                reason, self.died = self.died, ""
                self.lose(job, payload["call"], reason or "crashed", is_crash=not reason)
            self._path = path
        elif event.queue == "report":
            try:
                report = self._executed(payload["script"])
            except Died as died:
                self.died = ""
                self.lose(payload["script"], payload["script"]["token"], str(died), is_crash=False)
                return
            if not self._told_of(report, lambda: self.application.record.report(report, self.now)):
                self.events.append(Event("report", self.now + timedelta(seconds=1), payload))
        elif not self._told_of(payload["job"], lambda: self.application.record.lost(
                int(payload["job"]["attempt"]["id"]), payload["job"]["path"], payload["job"]["run"], payload["token"],
                payload["reason"], self.now, is_crash=payload["is_crash"],
                seat=payload["job"].get("seat", ""))):
            self.events.append(Event("lost", self.now + timedelta(seconds=1), payload))

    def _told_of(self, job: Mapping[str, Any], call: Callable[[], object]) -> bool:
        self._reported = job["path"], job["run"]
        try:
            return self._invoke(call)
        finally:
            self._reported = None

    def _executed(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """What `script` or a container reports; it dies only as its task's behaviour says, since only its report
        matters."""
        self.calls.clear()
        self._call("script", dict(job))
        return self.calls.pop()[1]

    def _invoke(self, call: Callable[[], Any]) -> bool:
        self.trace.append(f"{self._now()} {'  ' * self.depth}{self._path}")
        try:
            return super()._invoke(call)
        except UnavailableError:
            return False

    def _wait(self, end: datetime) -> bool:
        """Nothing is due: the clock goes on to whatever comes next (False: not before the end), and `watch` looks each
        five minutes."""
        times = [event.at for event in self.events if event.at > self.now]
        marks = [self.table._due[f"due#{n}"][0][0] for n in range(DUE_SHARDS) if self.table._due.get(f"due#{n}")]
        tick = None
        if marks and self._watches():
            second = timedelta(seconds=1)
            tick = max(self._watched + TICK, self.now + second, _parsed(min(marks)) + second)
        at = min([*times, *([tick] if tick else [])], default=None)
        if at is None or at > end:
            return False
        self.now = at
        if at == tick:
            self._watched = at
            self._invoke(lambda: self.application.watch(self.now))
        return True

    def _watches(self) -> bool:
        """An attempt that was set aside is not the stream's any more."""
        return self.plan.has_watch or self.promises.was_set_aside

    # --- from the start to the end ---

    def until_rest(self, *, days: int = 3) -> None:
        """G-5: until the attempt is done and nothing is pending, a bound after the last mishap."""
        assert self.attempt_id is not None
        end = self.now + timedelta(days=days)
        for _ in range(STEPS_MAX):
            if self.mishap("step") == KILL:
                self._kill()
            if self._next():
                continue
            if not self.events and self.is_done():
                return
            if (not self.events and not self._watches()) or not self._wait(end):
                break
        raise Wrong("G-5: the attempt does not end" if self.events or self.plan.has_watch else
                    "F-4: the attempt would not end without watch")

    def seats_left(self) -> list[str]:
        """Seats still taken although nothing runs, once `watch` has looked twice."""
        for _ in range(2):
            self.now += HELD_UP_MAX
            self.calm().watch(self.now)
        return [f"G-7: {item['h']} run {item['run']} keeps its seat" for item in self.table.items()
                if item["pk"].startswith("seats#")]

    def calm(self) -> Application:
        """The application over the same tables, to which nothing happens."""
        calm = World.__new__(World)
        calm.__dict__.update(self.__dict__)
        calm.fault = Fault()
        return calm._cold_start()

    def is_done(self) -> bool:
        item = self.table.get(f"attempt#{self.attempt_id:012d}", "attempt")
        return bool(item and item.get("done"))

    def _kill(self) -> None:
        assert self.attempt_id is not None
        for _ in range(20):
            try:
                if self._invoke(lambda: self.application.kill(self.attempt_id)):    # type: ignore[arg-type]
                    return
            except ConflictError:
                return                              # it had ended


@dataclass(frozen=True, eq=False)
class Event:
    queue: str
    at: datetime
    payload: Any


class _Timers:
    def __init__(self, world: Storm) -> None:
        self._world = world

    def set(self, at: datetime, message: Mapping[str, Any], *, now: datetime) -> None:
        self._world.set_timer(at, message)


class _StormFault(Fault):
    def __init__(self, world: Storm) -> None:
        super().__init__()
        self._world = world

    def around(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        world = self._world
        how = world.mishap("outside call")
        if not how:
            return call(*args, **more)
        world.trace[-1] += f" {name}"
        if how in (HELD_UP, ASLEEP):
            world.others_run(long=how == ASLEEP and name != "table.transact")
            return call(*args, **more)
        if not world.may_lose_run():
            return call(*args, **more)
        if how in (DIES_AFTER, ANSWER_LOST):
            call(*args, **more)
        if how in (THROTTLED, ANSWER_LOST):
            raise UnavailableError(f"{name}: {how}")
        raise Crash(name)


class Scripted(Replay):
    """`do` and `do_once` as the workload says; what each run saw is noted, and must not depend on timing (G-6)."""

    def __init__(self, world: Storm, work: Workload) -> None:
        super().__init__()
        self.seen: Seen = {}
        self._tries: dict[str, list[int]] = {}
        self._do, self._do_once = _Do(self, world, work, retries=True), _Do(self, world, work, retries=False)

    def find(self, name: str) -> Operator | None:
        return {"do": self._do, "do_once": self._do_once}.get(name) or find_operator(name)

    def turn(self, request: TaskRequest) -> int:
        """Which of its name's rows this is, of those that ran."""
        tries = self._tries.setdefault(request.task_name, [])
        if request.task_id not in tries:
            tries.append(request.task_id)
        return tries.index(request.task_id)


class _Do:
    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = True

    def __init__(self, script: Scripted, world: Storm, work: Workload, *, retries: bool) -> None:
        self._script, self._world, self._work = script, world, work
        self.retries = retries                      # type: ignore[misc]
        # `do` may be run on the way; then it must not go to `script`. A task that ends its own invocation is not small:
        # whose end that was nobody could say.
        self.is_small = world.plan.has_small and not any(one.dies for one in work.behaviours.values())
        self.runs_code = not self.is_small          # type: ignore[misc]

    def run(self, request: TaskRequest) -> TaskResult:
        behaviour = self._work.behaviours[int(request.config["_command"])]
        turn = self._script.turn(request)
        retried, polls = request.state.get("retry_count", 0), request.state.get("polls", 0)
        what = shown({key: request.config[key] for key in VISIBLE if key in request.config})
        before = self._script.seen.setdefault((request.task_name, turn, retried, polls), what)
        if before != what:
            self._world.promises.wrong.append(f"G-6: {request.task_name} saw {before}, then {what}")
        if polls < behaviour.polls:
            raise Again(behaviour.wait_s, {**request.state, "polls": polls + 1})
        if turn + retried < behaviour.fails:
            reason = f"{request.task_name} {turn} {retried}"
            if behaviour.dies:
                self._world.died = reason
                raise Died(reason)
            raise TaskError(reason)
        return TaskResult(subtasks=behaviour.subtasks, store=behaviour.store, reset=behaviour.reset,
                          export=behaviour.export)

    def cleanup(self, request: TaskRequest) -> None:
        return None


class Bugs(logging.Handler):
    """The stream and `watch` go on after any error; here one that is not a service's is a bug of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, SkydagError):
            self.found.append(f"{record.getMessage()}: {error!r}")


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _duration(sla: Mapping[str, Any]) -> timedelta:
    hours, minutes, seconds = map(int, sla["duration"].split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _delay(world: Storm, how: str) -> timedelta:
    if how != LATE:
        return timedelta()
    return timedelta(seconds=world.chance_of.choice((1, 3, 40, 600, 1500, 4000)))
