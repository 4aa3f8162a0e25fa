"""Lambda, in this process: calls of the template's functions, at once or later, and what becomes of those that fail.

    lambdas = Lambdas(functions, run, clock=clock)
    lambdas.attach(session)                     # every `lambda` client of the session calls here
    lambdas.invoke("skydag-work", b"{}", "Event")
    lambdas.poll(now)                           # runs what is due

Asynchronous calls wait until `poll`. One that fails is tried again after a minute, then two (A-5), as often as the
template allows; then a record of it goes to the on-failure destination (A-6).
"""

from __future__ import annotations

import heapq
import json
import logging
import time
import traceback
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse

from skydag.embedded.functions import Function
from skydag.errors import NotFoundError
from skydag.model.records import dataclass
from skydag.ports import Clock

LOG = logging.getLogger(__name__)
EVENT_BYTES_MAX: Final = 1024 * 1024            # asynchronous
REQUEST_BYTES_MAX: Final = 6 * 1024 * 1024
RETRY_WAITS: Final = (timedelta(minutes=1), timedelta(minutes=2))

Duration = timedelta | Callable[[Any], timedelta]
Run = Callable[[Function, Any, "Context"], Any]     # what the handler returns; raises what it raises


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What Lambda hands to a handler beside the event."""

    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: int
    aws_request_id: str
    remaining_ms: Callable[[], int]
    function_version: str = "$LATEST"

    def get_remaining_time_in_millis(self) -> int:
        """Real time, as a command takes it; nothing is left once the installation ends."""
        return self.remaining_ms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A call that raised."""

    function: str
    error: str                  # "KeyError: 'x'"
    trace: str
    event: Any
    request_id: str             # what the handler saw as aws_request_id


@dataclass(frozen=True, slots=True, order=True)
class _Call:
    """Calls due at one time run by rounds, those of one round by payload: their maker may have used several threads."""

    due: datetime
    round: int
    function: str
    payload: bytes
    request_id: str             # the same for every try
    tries: int = 0


class Lambdas:
    """durations: function id -> how long a call takes before anything of it is seen, or what says so of its event.
    workers: None to run in `poll`."""

    def __init__(
        self, functions: Sequence[Function], run: Run, *, clock: Clock,
        durations: Mapping[str, Duration] | None = None, workers: Executor | None = None,
        send: Callable[[str, str], None] | None = None, awake: Callable[[], None] = lambda: None,
    ) -> None:
        self._by_name = {name: one for one in functions for name in (one.name, one.arn, one.id)}
        self._run, self._clock, self._workers, self._send, self._awake = run, clock, workers, send, awake
        self._durations = dict(durations or {})
        self._calls: list[_Call] = []
        self._lock = RLock()
        self._running = self._round = 0
        self._is_ending = False
        self.counts: Counter[str] = Counter()               # calls by function id
        self.failures: deque[Failure] = deque(maxlen=1000)

    def function(self, name: str) -> Function:
        """By id, name or ARN. Raises NotFoundError."""
        found = self._by_name.get(name.removesuffix(":$LATEST"))
        if found is None:
            raise NotFoundError(f"Function not found: {name}")
        return found

    def invoke(self, name: str, payload: bytes, kind: str = "RequestResponse") -> tuple[bytes, str | None]:
        """(answer, function error). An `Event` is put in the queue and answered with nothing."""
        function = self.function(name)
        if kind == "Event":
            self._later(function, payload, self._clock() + self._duration(function, payload))
            return b"", None
        answer, failure = self.call(function, json.loads(payload or b"{}"))
        if failure is None:
            return json.dumps(answer, default=str).encode(), None
        return json.dumps(_error_payload(failure)).encode(), "Unhandled"

    def _duration(self, function: Function, payload: bytes) -> timedelta:
        told = self._durations.get(function.id, timedelta(0))
        return told if isinstance(told, timedelta) else told(json.loads(payload or b"{}"))

    def call(
        self, function: Function, event: Any, request_id: str | None = None,
    ) -> tuple[Any, Failure | None]:
        """Run the handler now."""
        request_id = request_id or str(uuid.uuid4())
        self.next_round()
        with self._lock:
            self.counts[function.id] += 1
        context = Context(
            function_name=function.name, invoked_function_arn=function.arn, memory_limit_in_mb=function.memory_mb,
            aws_request_id=request_id, remaining_ms=self._remaining(function))
        try:
            return self._run(function, event, context), None
        except Exception as error:              # what Lambda does with a handler's exception
            LOG.exception("%s failed", function.name, extra={"action": "call_failed", "function": function.id})
            failure = Failure(
                function=function.id, error=f"{type(error).__name__}: {error}", trace=traceback.format_exc(),
                event=event, request_id=request_id)
            self.failures.append(failure)
            return None, failure

    def _remaining(self, function: Function) -> Callable[[], int]:
        ends_at = time.monotonic() + function.timeout_s
        return lambda: 0 if self._is_ending else max(int((ends_at - time.monotonic()) * 1000), 0)

    def end(self) -> None:
        """Calls that still run have no time left: commands are stopped at their next look."""
        self._is_ending = True

    def next_at(self) -> datetime | None:
        with self._lock:
            return self._calls[0].due if self._calls else None

    def next_round(self) -> None:
        """What is called from now on comes after all that was called before."""
        with self._lock:
            self._round += 1

    @property
    def is_busy(self) -> bool:
        """A call waits, or runs in a worker."""
        with self._lock:
            return bool(self._calls or self._running)

    def poll(self, now: datetime) -> bool:
        """Run every asynchronous call that is due; True if there was one."""
        found = False
        while (one := self._take(now)) is not None:
            found = True
            if self._workers is None:
                self._attempt(one)
            else:
                with self._lock:
                    self._running += 1
                self._workers.submit(self._attempt_in_worker, one)
        return found

    def _take(self, now: datetime) -> _Call | None:
        with self._lock:
            return heapq.heappop(self._calls) if self._calls and self._calls[0].due <= now else None

    def _later(
        self, function: Function, payload: bytes, due: datetime, request_id: str | None = None, tries: int = 0,
    ) -> None:
        with self._lock:
            one = _Call(due, self._round, function.id, payload, request_id or str(uuid.uuid4()), tries)
            heapq.heappush(self._calls, one)
        self._awake()

    def _attempt_in_worker(self, one: _Call) -> None:
        try:
            self._attempt(one)
        finally:
            with self._lock:
                self._running -= 1
            self._awake()

    def _attempt(self, one: _Call) -> None:
        function, event = self._by_name[one.function], json.loads(one.payload or b"{}")
        _, failure = self.call(function, event, one.request_id)
        if failure is None:
            return
        if one.tries < function.retries:
            wait = RETRY_WAITS[min(one.tries, len(RETRY_WAITS) - 1)]
            self._later(function, one.payload, self._clock() + wait, one.request_id, one.tries + 1)
        elif function.on_failure is not None:
            self._deliver(function.on_failure, _failure_record(function, event, failure, one.tries + 1, self._clock()))

    def _deliver(self, arn: str, record: Mapping[str, Any]) -> None:
        """To the on-failure destination: a function or a queue."""
        if ":lambda:" in arn:
            self.invoke(arn, json.dumps(record).encode(), "Event")
        elif self._send is not None:
            self._send(arn, json.dumps(record))

    # --- for boto3

    def attach(self, session: Any) -> None:
        """Clients for `lambda` made from this session from now on call here instead of moto."""
        session.events.register_first("before-send.lambda", self._before_send)

    def _before_send(self, request: Any, **_: Any) -> AWSResponse | None:
        status, headers, body = self.http(request.method, request.url, request.headers, request.body or b"")
        return AWSResponse(request.url, status, headers, _Raw(body))

    def http(self, method: str, url: str, headers: Mapping[str, Any], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Lambda's Invoke over HTTP: /2015-03-31/functions/NAME/invocations."""
        parts = urlsplit(url).path.split("/")
        if method != "POST" or len(parts) != 5 or parts[2] != "functions" or parts[4] != "invocations":
            return _refused(404, "ResourceNotFoundException", f"{method} {url} is no call of a function")
        kind = _text(headers.get("X-Amz-Invocation-Type", "RequestResponse"))
        body = body.encode() if isinstance(body, str) else bytes(body)
        limit = EVENT_BYTES_MAX if kind == "Event" else REQUEST_BYTES_MAX
        if len(body) > limit:
            return _refused(413, "RequestTooLargeException", f"{len(body)} byte payload is too large ({limit} at most)")
        try:
            answer, error = self.invoke(unquote(parts[3]), body, kind)
        except NotFoundError as missing:
            return _refused(404, "ResourceNotFoundException", str(missing))
        found = {"X-Amz-Executed-Version": "$LATEST", "Content-Type": "application/json"}
        if error is not None:
            found["X-Amz-Function-Error"] = error
        return 202 if kind == "Event" else 200, found, answer


class _Raw:
    """The body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Any:
        yield self._body

    def read(self, *_: Any, **__: Any) -> bytes:
        body, self._body = self._body, b""
        return body


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _refused(status: int, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    return status, headers, json.dumps({"Type": "User", "Message": message}).encode()


def _error_payload(failure: Failure) -> dict[str, Any]:
    kind, _, message = failure.error.partition(": ")
    return {"errorMessage": message, "errorType": kind, "stackTrace": failure.trace.splitlines()}


def _failure_record(
    function: Function, event: Any, failure: Failure, tries: int, now: datetime,
) -> dict[str, Any]:
    """What Lambda sends to an on-failure destination of an asynchronous call (A-6)."""
    return {
        "version": "1.0",
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "requestContext": {
            "requestId": failure.request_id, "functionArn": f"{function.arn}:$LATEST", "condition": "RetriesExhausted",
            "approximateInvokeCount": tries},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": _error_payload(failure),
    }
