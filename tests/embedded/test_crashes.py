"""The demo's workflow on moto, where a call of AWS kills the function that made it: before it took effect, or after.

Forty out of all calls (tests/simulation has them all, in memory). Whatever AWS does then happens: records come
again, failed calls are repeated or told to `finish`, `watch` looks. The end must be the same (design.md, section
7: G-3, G-4, G-5, G-9). Scripts run once; in the runs with a fault their reports are replayed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from skydag.app.packing import pack
from skydag.embedded import inside
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.functions import Function
from skydag.embedded.installation import Installation, new_session
from skydag.embedded.rest import Rest
from skydag.embedded.template import example_path
from skydag_operators.workers import on_lambda

START = datetime(2025, 6, 10, 4, 57, 30, tzinfo=UTC)        # seven in Berlin is at five
SEVEN = START + timedelta(minutes=2, seconds=30)
END = START + timedelta(minutes=40)                         # at the latest
SAMPLE = 20                                                 # of each mode


@dataclass
class Fault:
    """The call with this number kills its function."""

    at: int | None = None
    is_after: bool = False
    calls: int = 0
    killed: str = ""
    _due: str = ""

    def before(self, name: str) -> None:
        self.calls += 1
        if self.calls == self.at:
            if not self.is_after:
                self._kill(name)
            self._due = name

    def after(self, name: str) -> None:
        if self._due == name:
            self._due = ""
            self._kill(name)

    def _kill(self, name: str) -> None:
        self.killed = name
        raise Killed(name)


class Killed(BaseException):
    """The function's process is gone."""


@dataclass
class Run:
    """One whole run of the demo's scheduled workflow."""

    fault: Fault
    reports: dict[str, Any]                         # task -> how its script ended, as reported; empty: scripts run
    is_direct: bool
    is_armed: bool = False
    inside_function: list[str] = field(default_factory=list)

    def __call__(self) -> dict[str, Any]:
        session = new_session()
        session.events.register("before-call", self._before)
        session.events.register("after-call", self._after)
        handlers = {"Script": self._replayed if self.reports else self._recorded}
        self.installation = Installation(
            clock=VirtualClock(START), session=session, around=self._around, handlers=handlers,
            parameters={"DirectContinuation": "true" if self.is_direct else "false"})
        with self.installation as running:
            queue = running.client("sqs").create_queue(QueueName="subscriber")["QueueUrl"]
            arn = "arn:aws:sqs:us-east-1:123456789012:subscriber"
            running.client("sns").subscribe(TopicArn=running.ref("Topic"), Protocol="sqs", Endpoint=arn)
            project = pack(example_path("daily_sales"))
            running.client("s3").put_object(
                Bucket=running.ref("ProjectBucket"), Key="upload/daily_sales.tar.gz", Body=project)
            running.settle()
            self.is_armed = True
            running.run_until(SEVEN)
            running.settle()
            self.is_armed = False
            self._wait_for_the_end(running)
            return self._outcome(running, queue)

    def _wait_for_the_end(self, running: Installation) -> None:
        """Watch finds what was lost; then two minutes in which nothing more may happen."""
        rest = Rest(running.application("Api"))
        while running.clock() < END and not all(one["done"] for one in rest.get("/api/attempts")["attempts"]):
            running.run_until(running.clock() + timedelta(minutes=1))
            running.settle()
        running.run_until(running.clock() + timedelta(minutes=2))

    def _around(self, function: Function, call: Callable[[], Any]) -> Any:
        """A script that dies is a failed task, not a fault that may leave no trace: scripts are left alone."""
        if function.id == "Script" or not self.is_armed:
            return call()
        self.inside_function.append(function.id)
        try:
            answer = call()
        except Killed as killed:
            self.installation.cold_start(function.id)
            raise ConnectionError(f"killed at {killed}") from None
        finally:
            self.inside_function.pop()
        return answer

    def _before(self, model: Any, **_: Any) -> None:
        if self.inside_function:
            self.fault.before(f"{self.inside_function[-1]}: {model.name}")

    def _after(self, model: Any, **_: Any) -> None:
        if self.inside_function:
            self.fault.after(f"{self.inside_function[-1]}: {model.name}")

    def _replayed(self, event: Any, context: Any) -> None:
        report = {"attempt_id": event["attempt"]["id"], "path": event["path"], "run": event["run"],
                  "token": event["token"], "ended": self.reports[event["task_name"]]}
        self.installation.lambdas.invoke("Finish", json.dumps(report).encode(), "Event")

    def _recorded(self, event: Any, context: Any) -> None:
        """The script runs; what it reports is kept on its way to Finish."""
        lambdas, plain = self.installation.lambdas, self.installation.lambdas.http

        def http(method: str, url: str, headers: Any, body: bytes) -> Any:
            self.reports[event["task_name"]] = json.loads(body)["ended"]
            return plain(method, url, headers, body)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lambdas, "http", http)
            on_lambda.handle(event, context, self.installation.application("Script"))

    def _outcome(self, running: Installation, queue: str) -> dict[str, Any]:
        rest = Rest(running.application("Api"))
        attempts = rest.get("/api/attempts")["attempts"]
        rows = [row for one in attempts for row in rest.get(f"/api/attempts/{one['id']}/tasks")["tasks"]]
        names = {row["id"]: row["fullName"] for row in rows}
        alerts = running.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return {
            "rows": sorted((row["fullName"], row["state"], json.dumps(row["storeParams"], sort_keys=True),
                            row["error"].get("message", ""), sorted(names[up] for up in row["upstreams"]))
                           for row in rows),
            "attempts": [(one["status"], one["sessionTime"]) for one in attempts],
            "alerts": sorted({json.loads(json.loads(one["Body"])["Message"])["message"] for one in alerts}),
            "twice": _recorded_twice(running),
        }


def _recorded_twice(running: Installation) -> list[str]:
    """Leaves (key and run) whose end was recorded more than once, read from the table's whole stream."""
    ends: Counter[str] = Counter()
    for record in inside.stream_records(running.ref("Table"), 0, END):
        new, old = record["dynamodb"].get("NewImage", {}), record["dynamodb"].get("OldImage", {})
        state = new.get("st", {}).get("S")
        if new.get("k", {}).get("S") == "l" and state in ("s", "e", "c") and old.get("st", {}).get("S") != state:
            ends[f"{new['sk']['S']} run {new['run']['N']}"] += 1
    return sorted(key for key, count in ends.items() if count > 1)


def calm(is_direct: bool) -> tuple[dict[str, Any], int, dict[str, Any]]:
    """The end without a fault, how many calls there are, and what scripts reported."""
    first = Run(Fault(), {}, is_direct)
    outcome = first()
    assert len(first.reports) == 9
    again = Run(Fault(), first.reports, is_direct)
    assert again() == outcome, "replayed reports give the same end"
    return outcome, again.fault.calls, first.reports


@pytest.mark.parametrize("is_direct", [True, False], ids=["direct", "stream-only"])
def test_whoever_dies_at_whatever_call_the_end_is_the_same(is_direct: bool) -> None:
    expected, count, reports = calm(is_direct)
    assert expected["attempts"] == [("success", "2025-06-10T00:00:00+02:00")]
    assert expected["twice"] == []
    wrong = []
    for number in range(SAMPLE):
        at, is_after = 1 + number * count // SAMPLE, number % 2 == 1
        fault = Fault(at=at, is_after=is_after)
        found = Run(fault, reports, is_direct)()
        where = f"call {at} of {count} ({fault.killed}) {'after' if is_after else 'before'} its effect"
        assert fault.killed, where
        if found != expected:
            differs = [f"{key} {value}" for key, value in found.items() if value != expected[key]]
            wrong.append(f"{where}: {'; '.join(differs)}")
    assert not wrong, "\n".join(wrong)
