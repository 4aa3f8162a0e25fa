"""From an upload to tasks to an alert, through the real handlers on moto."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.functions import Function
from skydag.embedded.installation import Installation, new_session
from skydag.embedded.rest import Rest

START = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)
CHAIN = """
+one: {echo>: one}
+two: {sh>: 'echo "two $word"'}
+three: {echo>: 'three ${word}'}
_export: {word: said}
"""


def archive(files: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


class House:
    """An installation with a project in it."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.rest = Rest(installation.application("Api"))
        sqs = installation.client("sqs")
        self.queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        installation.client("sns").subscribe(TopicArn=installation.ref("Topic"), Protocol="sqs", Endpoint=arn)

    def upload(self, data: bytes, key: str = "upload/p.tar.gz") -> None:
        self.installation.client("s3").put_object(Bucket=self.installation.ref("ProjectBucket"), Key=key, Body=data)
        self.installation.settle()

    def start(self, workflow: str) -> str:
        project = self.rest.get("/api/project", name="p")["id"]
        found = self.rest.get(f"/api/projects/{project}/workflows/{workflow}")
        body = {"workflowId": found["id"], "sessionTime": "2025-03-01T00:00:00Z", "params": {}}
        return str(self.rest.put("/api/attempts", body)["id"])

    def run(self, workflow: str) -> dict[str, str]:
        """Task name -> state, once nothing is under way."""
        attempt = self.start(workflow)
        self.installation.settle()
        return self.states(attempt)

    def states(self, attempt: str) -> dict[str, str]:
        tasks = self.rest.get(f"/api/attempts/{attempt}/tasks")["tasks"]
        return {task["fullName"]: task["state"] for task in tasks}

    def alerts(self) -> list[dict[str, Any]]:
        found = self.installation.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(json.loads(message["Body"])["Message"]) for message in found.get("Messages", [])]


@pytest.fixture
def house() -> Iterator[House]:
    with Installation(clock=VirtualClock(START)) as installation:
        yield House(installation)


def test_an_uploaded_chain_runs_to_its_end(house: House) -> None:
    house.upload(archive({"chain.dig": CHAIN}))
    attempt = house.start("chain")
    house.installation.settle()
    assert house.states(attempt) == {
        "+chain": "success", "+chain+one": "success", "+chain+two": "success", "+chain+three": "success"}
    logs = house.rest.logs(attempt)
    assert (logs["+chain+two"], logs["+chain+three"]) == (["two said"], ["three said"])
    assert house.alerts() == []
    assert not house.installation.lambdas.failures


def test_stream_only_gives_the_same_end() -> None:
    with Installation(clock=VirtualClock(START), parameters={"DirectContinuation": "false"}) as installation:
        house = House(installation)
        house.upload(archive({"chain.dig": CHAIN}))
        assert set(house.run("chain").values()) == {"success"}
        assert installation.functions["Work"].environment["SKYDAG_DIRECT"] == "false"


def test_a_failing_task_alerts_once_and_error_runs(house: House) -> None:
    bad = "+a: {fail>: on purpose}\n+b: {echo>: b}\n_error: {echo>: 'saw ${error.message}'}\n"
    house.upload(archive({"bad.dig": bad}))
    states = house.run("bad")
    assert (states["+bad+a"], states["+bad+b"], states["+bad^error"]) == ("error", "blocked", "success")
    (alert,) = house.alerts()
    assert (alert["message"], alert["workflow_name"]) == ("Workflow session attempt failed", "bad")


def test_a_broken_archive_leaves_its_reason_beside_it_and_nothing_is_lost(house: House) -> None:
    house.upload(archive({"chain.dig": CHAIN}))
    house.upload(b"no archive")
    bucket = house.installation.ref("ProjectBucket")
    body = house.installation.client("s3").get_object(Bucket=bucket, Key="upload/p.tar.gz.error.json")["Body"].read()
    assert json.loads(body)
    assert set(house.run("chain").values()) == {"success"}


@pytest.mark.parametrize("function", ["Work", "Advance", "Finish", "Script"])
def test_a_function_that_crashes_once_after_its_work_changes_nothing(function: str) -> None:
    """Redelivery, or the on-failure destination, and then the safety net and watch: the end is the same."""
    crashes = [True]

    def around(called: Function, call: Callable[[], Any]) -> Any:
        answer = call()
        if called.id == function and crashes:
            crashes.clear()
            raise RuntimeError("planned")
        return answer

    with Installation(clock=VirtualClock(START), around=around) as installation:
        house = House(installation)
        house.upload(archive({"chain.dig": CHAIN}))
        attempt = house.start("chain")
        installation.run_until(START + timedelta(minutes=20))
        assert not crashes, "the crash happened"
        assert set(house.states(attempt).values()) == {"success"}


def test_a_schedule_comes_due_when_time_reaches_it(house: House) -> None:
    house.upload(archive({"each.dig": "schedule: {hourly>: '05:00'}\n+a: {echo>: a}\n"}))
    (schedule,) = house.rest.get("/api/schedules")["schedules"]
    assert schedule["nextRunTime"] == "2025-03-01T12:05:00Z"
    house.installation.run_until(START + timedelta(minutes=4))
    assert house.rest.get("/api/attempts")["attempts"] == []
    house.installation.run_until(START + timedelta(minutes=6))
    house.installation.settle()
    (attempt,) = house.rest.get("/api/attempts")["attempts"]
    assert (attempt["status"], attempt["sessionTime"]) == ("success", "2025-03-01T12:00:00+00:00")


def test_the_applications_requests_can_be_counted_from_outside() -> None:
    requests: list[str] = []
    session = new_session()
    session.events.register("before-call", lambda model, **_: requests.append(model.name))
    with Installation(clock=VirtualClock(START), session=session) as installation:
        house = House(installation)
        house.upload(archive({"chain.dig": CHAIN}))
        house.run("chain")
    assert {"PutItem", "Invoke"} <= set(requests)
