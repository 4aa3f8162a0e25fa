"""An installation over memory: the template's functions with their real handlers, a table that counts, virtual time.

    cloud = Cloud()                                     # nothing takes time but the tasks
    cloud = Cloud(latencies=AWS, chance=Random(1))      # as long as AWS takes
    cloud.push_and_run(text)

Batch sizes, windows, filters and parallelization of the stream are the template's. It counts what 10,000 tasks cost,
where moto would take too long; tests hold that it counts what the meter on moto does.
"""

from __future__ import annotations

import importlib
import io
import itertools
import json
import math
import random
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

from tests.counting.latency import INSTANT, Latencies, Spread
from tests.counting.loop import Loop
from tests.counting.meter import MeteredTable
from tests.counting.tally import Tally

from skydag import bootstrap
from skydag.app.application import Application, Ports
from skydag.app.operators import find_operator
from skydag.app.places import CloudPlaces
from skydag.aws.expressions import item_to_wire
from skydag.aws.invoke import to_bytes
from skydag.embedded.functions import Function, StreamTrigger, functions
from skydag.embedded.lambdas import Context
from skydag.embedded.streams import Answer, Discarded, StreamMapping
from skydag.embedded.template import Template
from skydag.errors import IllegalStepError
from skydag.local.alerts import LocalAlerts
from skydag.local.objects import MemoryObjects
from skydag.local.secret_store import LocalSecrets
from skydag.local.table import Change, MemoryTable
from skydag.local.wakes import LocalWakes
from skydag.model.session import Attempt
from skydag.ports import Payload
from skydag.spi import Operator, TaskRequest, TaskResult
from skydag.store.logs import ObjectLogs

START = datetime(2025, 6, 10, tzinfo=UTC)
TASK = timedelta(milliseconds=50)


@dataclass(slots=True)
class Step:
    """One call of a function, and what it moved. Reads and writes are of items; the bytes too."""

    function: str
    event_bytes: int = 0
    reads: int = 0
    writes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    sent: list[int] = field(default_factory=list)       # bytes of each payload handed over
    objects_read: int = 0                               # bytes


class Cloud:
    def __init__(
        self, *, parameters: Mapping[str, str] | None = None, latencies: Latencies = INSTANT,
        chance: random.Random | None = None, task: timedelta = TASK,
        around: Callable[[Step, Callable[[], Any]], Any] | None = None,
    ) -> None:
        self.latencies, self._random, self._task = latencies, chance or random.Random(0), task.total_seconds()
        self._around = around or (lambda step, call: call())
        self.loop, self.tally, self.objects = Loop(START), Tally(), MemoryObjects()
        self.counts: Counter[str] = Counter()
        self.steps: list[Step] = []
        self._current: dict[Any, Step] = {}
        self._ids = itertools.count(1)
        template = Template.load(parameters=parameters)
        for table in template.of("AWS::DynamoDB::Table"):
            template.learn(table.id, "StreamArn", f"arn:aws:dynamodb:r:a:table/{template.name(table)}/stream/1")
        self._functions = {one.id: one for one in functions(template)}
        self._environments: dict[str, list[Application]] = {}
        self._running, self._queued = 0, list[Callable[[], None]]()
        self._memory = MemoryTable(self._changed)
        self.table = _Timed(MeteredTable(self._memory, self.tally), self)
        self._readers = [_Reader(self, *reader) for reader in self._streams(template)]

    # --- use

    def push(self, text: str) -> int:
        """The id of the workflow."""
        api = self._application("Api")
        project = api.push("p", "r", archive(text), now=self.loop.clock())
        self.loop.run()
        return int(api.projects.workflows(project.id)[0].id)

    def start(self, workflow_id: int) -> Attempt:
        """Starts it, and comes back when nothing moves any more; the attempt as it was started."""
        started: list[Attempt] = []

        def start() -> None:
            application = self._environment("Api")
            started.append(application.start(workflow_id, START, params={}))
            self._environments["Api"].append(application)

        self.loop.at(0, partial(self._step, Step("Api"), start))
        self.loop.run()
        return started[0]

    def attempt(self, attempt_id: int) -> Attempt:
        return self._application("Api").attempts.get(attempt_id)

    def close(self) -> None:
        self.loop.close()

    # --- functions

    def call_later(self, function_id: str, payload: bytes, delay_s: float) -> None:
        self.loop.at(delay_s, partial(self._admit, partial(self._called, function_id, payload)))

    def _admit(self, call: Callable[[], Any]) -> None:
        """At most so many at once (A-4): the rest waits in Lambda's queue."""
        if self._running >= self.latencies.concurrency:
            self._queued.append(call)
            return
        self._running += 1
        try:
            call()
        finally:
            self._running -= 1
            if self._queued:
                self.loop.at(0, partial(self._admit, self._queued.pop(0)))

    def _called(self, function_id: str, payload: bytes) -> Any:
        self.counts[function_id] += 1
        return self._step(Step(function_id, len(payload)), partial(self._handle, function_id, json.loads(payload)))

    def _handle(self, function_id: str, event: Any) -> Any:
        function = self._functions[function_id]
        application = self._environment(function_id)
        begin_s = self.loop.now_s
        context = Context(
            function_name=function.name, invoked_function_arn=function.arn, memory_limit_in_mb=function.memory_mb,
            aws_request_id=self.uuid(),
            remaining_ms=lambda: int((function.timeout_s - (self.loop.now_s - begin_s)) * 1000))
        module = importlib.import_module(function.handler.rpartition(".")[0])
        try:
            return module.handle(event, context, application)
        finally:
            self._environments[function_id].append(application)

    def _step(self, step: Step, call: Callable[[], Any]) -> Any:
        self.steps.append(step)
        worker = self.loop.current
        self._current[worker] = step
        try:
            return self._around(step, call)
        finally:
            del self._current[worker]

    @property
    def step(self) -> Step:
        """The call that is going on; what is done between calls counts for nobody."""
        return self._current.get(self.loop.current) or Step("")

    def _environment(self, function_id: str) -> Application:
        """One that is free, or a new one. Where nothing takes time one serves all, as in the embedded installation."""
        free = self._environments.setdefault(function_id, [])
        if self.latencies is INSTANT:
            return free[0] if free else self._application(function_id)
        if free:
            return free.pop()
        self.loop.spend(self.latencies.cold_s)
        return self._application(function_id)

    def _application(self, function_id: str) -> Application:
        environment, clock = self._functions[function_id].environment, self.loop.clock
        settings = bootstrap.aws_application(environment, clock=clock, chance=self, session=object()).settings
        objects = _TimedObjects(self.objects, self)
        ports = Ports(
            table=self.table, objects=cast(Any, objects), dispatch=_Dispatch(self), timers=_Timers(self),
            stored_logs=ObjectLogs(cast(Any, objects), agent="aws", clock=clock), alerts=LocalAlerts(),
            wakes=LocalWakes(), secrets=LocalSecrets({}), now=clock, chance=self)
        return Application(ports, settings, CloudPlaces, find=self._find)

    def token(self) -> str:
        return f"{next(self._ids):024d}"

    def uuid(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._ids):012d}"

    def _find(self, name: str) -> Operator | None:
        real = find_operator(name)
        return None if real is None else cast(Operator, _Lasting(real, self))

    def pass_task(self) -> None:
        self.loop.spend(self._task)

    def spend(self, spread: Spread) -> None:
        self.loop.spend(spread.draw_s(self._random))

    def draw_s(self, spread: Spread) -> float:
        return spread.draw_s(self._random)

    def where_in_a_poll(self) -> float:
        return self._random.random()

    # --- the stream

    def _streams(self, template: Template) -> Iterator[tuple[Function, StreamTrigger, int]]:
        """(function, mapping, batches at once a shard)."""
        for function in self._functions.values():
            events = template.properties(template.resources[function.id]).get("Events", {}).values()
            factors = [int(event["Properties"].get("ParallelizationFactor", 1)) for event in events
                       if event["Type"] == "DynamoDB"]
            streams = [trigger for trigger in function.triggers if isinstance(trigger, StreamTrigger)]
            for trigger, factor in zip(streams, factors, strict=True):
                lanes = 1 if self.latencies is INSTANT else factor
                yield function, trigger, lanes

    def _changed(self, change: Change) -> None:
        if change.new is None or "act" not in change.new:
            return
        image = item_to_wire(change.new)
        record = {
            "eventID": str(change.sequence), "eventName": "MODIFY" if change.old else "INSERT",
            "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "dynamodb": {"Keys": {"pk": image["pk"], "sk": image["sk"]}, "NewImage": image,
                         "SequenceNumber": f"{change.sequence:021d}", "StreamViewType": "NEW_AND_OLD_IMAGES"}}
        for reader in self._readers:
            reader.note(change.new["pk"], record)


class _Reader:
    """One mapping of the stream: shards that are polled, and lanes by partition key in which batches follow each other
    (A-15, A-16)."""

    def __init__(self, cloud: Cloud, function: Function, trigger: StreamTrigger, lanes: int) -> None:
        self._cloud, self._function, self._lanes = cloud, function, lanes
        shards = cloud.latencies.shards
        self._phase = [cloud.where_in_a_poll() for _ in range(shards)]
        self._arrives: list[float] = [0.0] * shards
        self._mappings = [StreamMapping(trigger.settings, self._call, _given_up) for _ in range(shards * lanes)]
        self._is_busy = [False] * len(self._mappings)
        self._poll_of: list[float] = [-1.0] * shards

    def note(self, key: str, record: Mapping[str, Any]) -> None:
        hashed = zlib.crc32(key.encode())
        shard = hashed % len(self._phase)
        lane = shard * self._lanes + hashed // len(self._phase) % self._lanes
        loop, poll_s = self._cloud.loop, self._cloud.latencies.poll_s
        if not poll_s:
            self._add(lane, record)
            return
        phase = self._phase[shard] * poll_s
        poll = (math.floor((loop.now_s - phase) / poll_s) + 1) * poll_s + phase
        if poll != self._poll_of[shard]:                    # all records of one look come together, in order
            self._poll_of[shard] = poll
            self._arrives[shard] = max(self._arrives[shard], poll + self._cloud.draw_s(self._cloud.latencies.deliver))
        loop.at(self._arrives[shard] - loop.now_s, partial(self._add, lane, record))

    def _add(self, lane: int, record: Mapping[str, Any]) -> None:
        mapping = self._mappings[lane]
        had = mapping.next_at()
        mapping.add([record], self._cloud.loop.clock())
        if not self._is_busy[lane] and (due := mapping.next_at()) is not None and due != had:
            self._cloud.loop.at((due - self._cloud.loop.clock()).total_seconds(), partial(self._poll, lane),
                                is_last=True)

    def _poll(self, lane: int) -> None:
        if self._is_busy[lane]:
            return
        mapping, loop = self._mappings[lane], self._cloud.loop
        self._is_busy[lane] = True
        mapping.poll(loop.clock())
        self._is_busy[lane] = False
        if (due := mapping.next_at()) is not None:
            loop.at(max((due - loop.clock()).total_seconds(), 0), partial(self._poll, lane), is_last=True)

    def _call(self, records: Sequence[Mapping[str, Any]]) -> Answer:
        payload = json.dumps({"Records": list(records)}).encode()
        return Answer(payload=self._cloud._called(self._function.id, payload))


def _given_up(gone: Discarded) -> None:
    raise IllegalStepError(f"records were given up: {gone.condition}")


class _Dispatch:
    """As aws/dispatch.py: one asynchronous call a job, some at once."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def work(self, jobs: Sequence[Payload]) -> None:
        cloud, at_once = self._cloud, self._cloud.latencies.calls_at_once
        for start in range(0, len(jobs), at_once):
            accept = max(cloud.draw_s(cloud.latencies.accept) for _ in range(at_once if len(jobs) > 1 else 1))
            for job in jobs[start:start + at_once]:
                data = to_bytes(job.to_json())
                cloud.step.sent.append(len(data))
                cloud.tally.payload_bytes += len(data)
                cloud.call_later("Work", data, cloud.draw_s(cloud.latencies.invoke))
            cloud.loop.spend(accept)

    def script(self, job: Mapping[str, Any]) -> None:
        raise IllegalStepError("the shapes run no user code")

    def secrets(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        raise IllegalStepError("the shapes run no user code")

    def container(self, job: Mapping[str, Any], *, token: str) -> str:
        raise IllegalStepError("the shapes run no user code")

    def stop_container(self, container: str, reason: str) -> None:
        raise IllegalStepError("the shapes run no user code")

    def report(self, report: Mapping[str, Any]) -> None:
        raise IllegalStepError("the shapes run no user code")


class _Timers:
    """As aws/timers.py: whole seconds, never early."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def set(self, at: datetime, message: Mapping[str, Any], *, now: datetime) -> None:
        cloud = self._cloud
        delay_s = max(math.ceil((at - now).total_seconds()), 0) + cloud.draw_s(cloud.latencies.queue)
        body = json.dumps({"Records": [{"messageId": cloud.uuid(), "body": json.dumps(message)}]}).encode()
        cloud.call_later("Timer", body, delay_s)


class _Lasting:
    """An operator that takes as long as a task takes here."""

    def __init__(self, real: Operator, cloud: Cloud) -> None:
        self._real, self._cloud = real, cloud
        self.retries, self.runs_code = real.retries, real.runs_code
        self.is_small = getattr(real, "is_small", False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def run(self, request: TaskRequest) -> TaskResult:
        self._cloud.pass_task()
        return self._real.run(request)


class _Timed:
    """ports.Table: each request takes its time, and counts for the call that makes it."""

    def __init__(self, table: MeteredTable, cloud: Cloud) -> None:
        self._table, self._cloud = table, cloud

    def __getattr__(self, method: str) -> Any:
        inner, cloud = getattr(self._table, method), self._cloud

        def request(*args: Any, **more: Any) -> Any:
            cloud.spend(cloud.latencies.table)
            before, step = len(cloud.tally.uses), cloud.step
            try:
                return inner(*args, **more)
            finally:
                for use in cloud.tally.uses[before:]:
                    if use.write_units:
                        step.writes += len(use.keys)
                        step.written_bytes += use.bytes
                    else:
                        step.reads += len(use.keys)
                        step.read_bytes += use.bytes
        self.__dict__[method] = request
        return request


class _TimedObjects:
    def __init__(self, objects: MemoryObjects, cloud: Cloud) -> None:
        self._objects, self._cloud = objects, cloud

    def __getattr__(self, method: str) -> Any:
        inner, cloud = getattr(self._objects, method), self._cloud

        def request(*args: Any, **more: Any) -> Any:
            cloud.spend(cloud.latencies.objects)
            found = inner(*args, **more)
            if method == "get":
                cloud.step.objects_read += len(found)
            return found
        return request


def archive(text: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        entry = tarfile.TarInfo("w.dig")
        entry.size = len(text.encode())
        tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()
