"""The whole installation in one process: template.yaml's resources on moto, its functions, and what calls them.

    with Installation(clock=VirtualClock(start)) as installation:
        installation.client("s3").put_object(...)       # an upload, as anybody would do it
        installation.settle()                           # everything that follows from it, in a fixed order
        installation.run_until(tomorrow)                # time is handed in: schedules come due, `watch` looks

With a VirtualClock one thread does everything, one thing after the other: calls of functions first, then the streams,
queues and schedules; time moves to the next due thing when nothing is left at the present. With any other clock `serve`
keeps a thread on it. One installation a process at a time: moto is global.
"""

from __future__ import annotations

import importlib
import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final, Self, TypeVar

import boto3
from moto import mock_aws

from skydag.embedded import inside, moto_patches, resources
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.containers import Containers
from skydag.embedded.endpoint import Endpoint
from skydag.embedded.functions import (
    Function,
    QueueTrigger,
    RuleTrigger,
    StreamTrigger,
    TickTrigger,
    UploadTrigger,
    functions,
)
from skydag.embedded.lambdas import Context, Duration, Lambdas
from skydag.embedded.patterns import matches
from skydag.embedded.resources import Created
from skydag.embedded.sessions import SharedClients, own_environment
from skydag.embedded.sessions import new_session as new_session
from skydag.embedded.sources import Queue, Schedules, Source, Stream, Tick, Uploads, earliest
from skydag.embedded.template import ACCOUNT, REGION, Template
from skydag.errors import IllegalStepError
from skydag.ports import Clock

LOG = logging.getLogger(__name__)
T = TypeVar("T")
Handler = Callable[[Any, Context], Any]
Around = Callable[[Function, Callable[[], Any]], Any]
ROUNDS_MAX: Final = 1_000_000
SETTLE_MAX: Final = timedelta(days=2)       # of the clock: whatever is still under way then goes round in circles
_TICK: Final = timedelta(milliseconds=1)
_LOOK_S: Final = 0.05                       # how often a running installation looks for what others brought


class Installation:
    """A running installation.

    parameters    the template's, by name ({"DirectContinuation": "false"})
    session       handed to every application: hooks on its events see every request the application makes
    handlers      function id -> what to call instead of the template's handler
    around        called for every call of a function with the function and the call itself: a place to let it fail
    durations     function id -> how long a call takes on the clock before anything of it is seen, or what says so of
                  the call's event
    workers       how many asynchronous calls run at once in threads of their own; 0: in turn, where `step` is called
    """

    def __init__(
        self, *, clock: Clock, parameters: Mapping[str, Any] | None = None, template: Template | None = None,
        session: boto3.Session | None = None, handlers: Mapping[str, Handler] | None = None,
        durations: Mapping[str, Duration] | None = None, workers: int = 0, around: Around | None = None,
    ) -> None:
        self.clock, self._handlers = clock, dict(handlers or {})
        self._around: Around = around or (lambda function, call: call())
        self._awake = Event()
        self._closing = ExitStack()
        try:
            self._start(template, parameters, session, durations, workers)
        except BaseException:
            self._closing.close()
            raise

    def _start(
        self, template: Template | None, parameters: Mapping[str, Any] | None, session: boto3.Session | None,
        durations: Mapping[str, Duration] | None, workers: int,
    ) -> None:
        self._closing.enter_context(own_environment())
        moto_patches.install()
        inside.one_call_at_a_time()
        inside.keep_containers_running()
        self._closing.callback(inside.let_containers_be)
        mock = mock_aws()
        mock.start()
        self._closing.callback(mock.stop)
        inside.use_clock(self.clock)
        self._closing.callback(inside.use_clock, None)

        self._own = new_session()
        self._clients: dict[str, Any] = {}
        self.session = session or new_session()
        self._shared = SharedClients(self.session)
        self.template = template or Template.load(parameters=self._parameters(parameters))
        self.created: tuple[Created, ...] = resources.create(self.template, self.client)
        self.functions: dict[str, Function] = {one.id: one for one in functions(self.template)}
        self._applications: dict[str, Any] = {}

        pool: Executor | None = None
        if workers:
            pool = self._closing.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="skydag-function"))
        self.lambdas = Lambdas(
            tuple(self.functions.values()), self._run, clock=self.clock, durations=durations, workers=pool,
            send=self._send, awake=self._awake.set)
        self._closing.callback(self.lambdas.end)
        self.lambdas.attach(self._own)
        self.lambdas.attach(self.session)
        self._endpoint: Endpoint | None = None
        self.containers = self._containers()
        self._closing.callback(self.containers.close)
        self._sources, self._background = self._all_sources()

    def _parameters(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        subnet, group = inside.network()
        return {"SubnetIds": subnet, "SecurityGroupIds": group, **(given or {})}

    # --- use

    def client(self, service: str) -> Any:
        """A boto3 client of the installation's own: its requests are not the application's."""
        if service not in self._clients:
            self._clients[service] = self._own.client(service)
        return self._clients[service]

    def ref(self, logical_id: str) -> str:
        """The name, URL or ARN that `Ref` gives for a resource of the template."""
        return str(self.template.ref(logical_id))

    def application(self, function_id: str) -> Any:
        """The application that a function's handler works with, made from the function's own environment."""
        if function_id not in self._applications:
            from skydag import bootstrap

            self._applications[function_id] = bootstrap.aws_application(
                self.functions[function_id].environment, clock=self.clock, chance=bootstrap.SystemChance(),
                session=self._shared)
        return self._applications[function_id]

    def cold_start(self, function_id: str) -> None:
        """The function's next call finds nothing of what earlier ones remembered."""
        self._applications.pop(function_id, None)

    def call(self, function_id: str, event: Any) -> Any:
        """Call a function and wait for its answer; raises IllegalStepError with the trace if it fails."""
        answer, failure = self.lambdas.call(self.functions[function_id], event)
        if failure is not None:
            raise IllegalStepError(failure.trace)
        return answer

    def wake(self) -> None:
        """Let `serve` look at once."""
        self._awake.set()

    # --- the pump

    def step(self) -> bool:
        """Do what is due at the present, calls of functions before all else; True if there was anything."""
        now = self.clock()
        if self.lambdas.poll(now):
            return True
        done = [source.poll(now) for source in (*self._sources, *self._background)]
        return any(done)

    def settle(self, each: Callable[[], None] = lambda: None) -> None:
        """Until nothing is under way: no call, record, message or container. Time moves as far as that takes.

        each: called before every round, to look on.
        """
        until = self.clock() + SETTLE_MAX
        for _ in range(ROUNDS_MAX):
            each()
            if self.clock() > until:
                break
            if self.step():
                continue
            work = earliest(source.next_at() for source in (self.lambdas, *self._sources))
            if work is None and not self.lambdas.is_busy and not self.containers.is_busy:
                return
            self._pass_time(earliest([work, *(source.next_at() for source in self._background)]))
        raise IllegalStepError(f"the installation does not come to rest: {self._busy_with()}")

    def run_until(self, time: datetime, each: Callable[[], None] = lambda: None) -> None:
        """Everything that happens until then, schedules and the minutely watch included."""
        for _ in range(ROUNDS_MAX):
            each()
            if self.step():
                continue
            due = earliest(source.next_at() for source in (self.lambdas, *self._sources, *self._background))
            if self.clock() >= time:
                return
            self._pass_time(time if due is None else min(due, time))
        raise IllegalStepError(f"the installation does not get to {time}: {self._busy_with()}")

    def _busy_with(self) -> str:
        """What is due next, for a message."""
        due = {type(source).__name__: source.next_at() for source in (self.lambdas, *self._sources)}
        told = ", ".join(f"{name} at {time}" for name, time in due.items() if time is not None)
        return f"it is {self.clock()}, next are {told or 'containers'}; calls so far: {dict(self.lambdas.counts)}"

    def serve(self, stop: Event) -> None:
        """Keep going on a real clock until `stop` is set, whatever fails in between."""
        while not stop.is_set():
            try:
                is_quiet = not self.step()
            except Exception:
                LOG.exception("something failed beside the functions", extra={"action": "pump_failed"})
                is_quiet = True
            if is_quiet:
                self._pass_time(None)

    def _pass_time(self, due: datetime | None) -> None:
        """On a virtual clock the next thing is due at once; on a real one we wait for it, or for news."""
        if isinstance(self.clock, VirtualClock) and due is not None:
            self.clock.move_to(max(due, self.clock() + _TICK))
            return
        wait_s = _LOOK_S if due is None else min(max((due - self.clock()).total_seconds(), 0.001), _LOOK_S)
        self._awake.wait(wait_s)
        self._awake.clear()

    # --- its parts

    def _run(self, function: Function, event: Any, context: Context) -> Any:
        def call() -> Any:
            own = self._handlers.get(function.id)
            if own is not None:
                return own(event, context)
            module = importlib.import_module(function.handler.rpartition(".")[0])
            return module.handle(event, context, self.application(function.id))

        return self._around(function, call)

    def _send(self, queue_arn: str, body: str) -> None:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=body)

    def _containers(self) -> Containers:
        definition = next(self.template.of("AWS::ECS::TaskDefinition"))
        container = self.template.properties(definition)["ContainerDefinitions"][0]
        return Containers(
            cluster=self.template.name(next(self.template.of("AWS::ECS::Cluster"))),
            environment={entry["Name"]: str(entry["Value"]) for entry in container.get("Environment", [])},
            endpoint=self._endpoint_url, ended=self._container_ended, is_waiting=isinstance(self.clock, VirtualClock))

    def _endpoint_url(self) -> str:
        """Where a child process finds our AWS; opened when the first one needs it."""
        if self._endpoint is None:
            self._endpoint = Endpoint(self.lambdas.http)
            self._closing.callback(self._endpoint.close)
        return self._endpoint.url

    def _container_ended(self, detail: dict[str, Any]) -> None:
        event = {
            "version": "0", "id": str(uuid.uuid4()), "detail-type": "ECS Task State Change", "source": "aws.ecs",
            "account": ACCOUNT, "time": self.clock().strftime("%Y-%m-%dT%H:%M:%SZ"), "region": REGION,
            "resources": [detail["taskArn"]], "detail": detail}
        self.lambdas.next_round()
        for trigger, function in self._triggers(RuleTrigger):
            if matches(trigger.pattern, event):
                self.lambdas.invoke(function.name, json.dumps(event, default=str).encode(), "Event")

    def _triggers(self, kind: type[T]) -> Iterator[tuple[T, Function]]:
        for function in self.functions.values():
            for trigger in function.triggers:
                if isinstance(trigger, kind):
                    yield trigger, function

    def _all_sources(self) -> tuple[tuple[Source, ...], tuple[Source, ...]]:
        """(what is work under way, what time brings anyway)."""
        sqs, now = self.client("sqs"), self.clock
        work: list[Source] = [self.containers]
        streams = tuple(self._triggers(StreamTrigger))
        for table in sorted({trigger.table for trigger, _ in streams}):
            mine = [(trigger, function) for trigger, function in streams if trigger.table == table]
            work.append(Stream(table, mine, self.lambdas, self._send, now))
        for queue, function in self._triggers(QueueTrigger):
            name = queue.queue_arn.rpartition(":")[2]
            work.append(Queue(name, sqs.get_queue_url(QueueName=name)["QueueUrl"], queue, function, self.lambdas, sqs))
        uploads = tuple(self._triggers(UploadTrigger))
        if uploads:
            rules: dict[str, list[tuple[str, str]]] = {}
            for upload, _ in uploads:
                rules.setdefault(upload.bucket, []).append((upload.prefix, upload.suffix))
            name = resources.notify_uploads(self.client, rules)
            work.append(Uploads(name, sqs.get_queue_url(QueueName=name)["QueueUrl"], uploads, self.lambdas, sqs))
        ticks = [Tick(trigger, function, self.lambdas, now()) for trigger, function in self._triggers(TickTrigger)]
        return tuple(work), (Schedules(self.lambdas, self.client("scheduler"), self._send), *ticks)

    def close(self) -> None:
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
