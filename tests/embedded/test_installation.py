"""The embedded installation with small handlers of the test's own: what calls what, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Handler, Installation
from skydag.embedded.lambdas import Context

START = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)


class Seen:
    """Remembers every call; fails those it is told to fail."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any, datetime]] = []
        self.failures: dict[str, int] = {}
        self.answers: dict[str, Any] = {}
        self.clock = VirtualClock(START)
        self.request_ids: dict[str, str] = {}

    def handler(self, name: str) -> Handler:
        def handle(event: Any, context: Context) -> Any:
            self.calls.append((name, event, self.clock()))
            self.request_ids[name] = context.aws_request_id
            if self.failures.get(name, 0) > 0:
                self.failures[name] -= 1
                raise RuntimeError("planned")
            return self.answers.get(name)

        return handle

    def of(self, name: str) -> list[Any]:
        return [event for called, event, _ in self.calls if called == name]

    def times(self, name: str) -> list[datetime]:
        return [time for called, _, time in self.calls if called == name]


FUNCTIONS = ("Register", "Expand", "Advance", "Work", "Script", "Finish", "ContainerEnded", "Timer", "Watch", "Api")


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def installation(seen: Seen) -> Iterator[Installation]:
    handlers = {name: seen.handler(name) for name in FUNCTIONS}
    with Installation(clock=seen.clock, handlers=handlers) as running:
        yield running


def put(installation: Installation, sk: str, act: str) -> None:
    installation.client("dynamodb").put_item(
        TableName=installation.ref("Table"), Item={"pk": {"S": "p"}, "sk": {"S": sk}, "act": {"S": act}})


def changed(event: Any) -> list[str]:
    return [record["dynamodb"]["Keys"]["sk"]["S"] for record in event["Records"]]


def test_an_upload_calls_register_with_the_form_encoded_key(installation: Installation, seen: Seen) -> None:
    bucket = installation.ref("ProjectBucket")
    installation.client("s3").put_object(Bucket=bucket, Key="upload/a b.tar.gz", Body=b"x")
    installation.client("s3").put_object(Bucket=bucket, Key="projects/1/1.tar.gz", Body=b"x")
    installation.settle()
    (event,) = seen.of("Register")
    assert [(r["s3"]["bucket"]["name"], r["s3"]["object"]["key"]) for r in event["Records"]] == [
        (bucket, "upload/a+b.tar.gz")]


def test_an_upload_that_register_cannot_take_comes_again_and_then_lies_in_the_dead_letters(
    installation: Installation, seen: Seen,
) -> None:
    seen.failures["Register"] = 3
    installation.client("s3").put_object(Bucket=installation.ref("ProjectBucket"), Key="upload/a.tar.gz", Body=b"x")
    installation.settle()
    assert len(seen.of("Register")) == 3
    first, second, third = seen.times("Register")
    assert (second - first, third - second) == (timedelta(minutes=1), timedelta(minutes=2))
    message, = installation.client("sqs").receive_message(QueueUrl=installation.ref("DeadLetters"))["Messages"]
    assert json.loads(message["Body"])["requestPayload"]["Records"][0]["s3"]["object"]["key"] == "upload/a.tar.gz"


def test_changes_that_call_for_action_reach_advance_together_and_the_safety_net_waits_half_a_minute(
    installation: Installation, seen: Seen,
) -> None:
    for sk, act in (("1", "a"), ("2", "n"), ("3", "s"), ("4", "a"), ("5", "s")):
        put(installation, sk, act)
    installation.settle()
    assert [changed(event) for event in seen.of("Advance")] == [["1", "4"], ["3", "5"]]
    assert seen.times("Advance") == [START, START + timedelta(seconds=30)]


def test_a_crash_of_advance_brings_its_records_again(installation: Installation, seen: Seen) -> None:
    seen.failures["Advance"] = 1
    put(installation, "1", "a")
    installation.settle()
    assert [changed(event) for event in seen.of("Advance")] == [["1"], ["1"]]


def test_a_worker_that_dies_is_told_to_finish_with_its_job(installation: Installation, seen: Seen) -> None:
    seen.failures["Work"] = 1
    client = installation.session.client("lambda")
    assert client.invoke(FunctionName="skydag-work", InvocationType="Event", Payload=b'{"job": 7}')["StatusCode"] == 202
    assert seen.calls == [], "nothing runs before the pump is asked"
    installation.settle()
    (record,) = seen.of("Finish")
    assert record["requestPayload"] == {"job": 7}
    assert record["requestContext"]["requestId"] == seen.request_ids["Work"], "it names the claim"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responsePayload"]["errorMessage"] == "planned"
    assert len(seen.of("Work")) == 1, "the engine owns retries"


def test_a_call_that_waits_gets_the_answer_or_the_error(installation: Installation, seen: Seen) -> None:
    client = installation.session.client("lambda")
    seen.answers["Finish"] = {"taken": True}
    assert json.load(client.invoke(FunctionName="skydag-finish", Payload=b"{}")["Payload"]) == {"taken": True}
    seen.failures["Finish"] = 1
    failed = client.invoke(FunctionName="skydag-finish", Payload=b"{}")
    assert failed["FunctionError"] == "Unhandled"
    with pytest.raises(ClientError, match="Function not found"):
        client.invoke(FunctionName="nobody", Payload=b"{}")


def test_an_asynchronous_payload_above_1_mb_is_refused(installation: Installation) -> None:
    """A-2."""
    with pytest.raises(ClientError, match="too large"):
        installation.session.client("lambda").invoke(
            FunctionName="skydag-work", InvocationType="Event", Payload=json.dumps("x" * 1024 * 1024).encode())


def test_a_timer_rings_after_its_delay_on_the_virtual_clock(installation: Installation, seen: Seen) -> None:
    installation.client("sqs").send_message(
        QueueUrl=installation.ref("TimerQueue"), MessageBody='{"look": "there"}', DelaySeconds=600)
    installation.settle()
    (event,) = seen.of("Timer")
    assert event["Records"][0]["body"] == '{"look": "there"}'
    assert timedelta(seconds=600) <= seen.times("Timer")[0] - START < timedelta(seconds=601)
    installation.settle()
    assert len(seen.of("Timer")) == 1, "a message that was taken is gone"


def test_a_timer_whose_handler_fails_rings_again_and_ends_in_the_dead_letters(
    installation: Installation, seen: Seen,
) -> None:
    seen.failures["Timer"] = 100
    installation.client("sqs").send_message(QueueUrl=installation.ref("TimerQueue"), MessageBody="{}")
    installation.settle()
    assert len(seen.of("Timer")) == 5, "maxReceiveCount of the template"
    assert len(installation.client("sqs").receive_message(QueueUrl=installation.ref("DeadLetters"))["Messages"]) == 1


def test_a_one_off_schedule_fires_once_when_time_reaches_it(installation: Installation, seen: Seen) -> None:
    scheduler = installation.client("scheduler")
    scheduler.create_schedule(
        Name="w1", GroupName="skydag", ScheduleExpression="at(2025-03-01T13:00:00)", FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE", Target={
            "Arn": installation.functions["Expand"].arn, "RoleArn": "arn:aws:iam::123456789012:role/r",
            "Input": '{"schedule_id": 1}'})
    installation.settle()
    assert seen.of("Expand") == [], "settle does not wait for schedules"
    installation.run_until(START + timedelta(hours=2))
    assert seen.of("Expand") == [{"schedule_id": 1}]
    assert seen.times("Expand") == [datetime(2025, 3, 1, 13, 0, tzinfo=UTC)]
    assert scheduler.list_schedules(GroupName="skydag")["Schedules"] == []


def test_watch_looks_each_whole_minute(installation: Installation, seen: Seen) -> None:
    installation.run_until(START + timedelta(minutes=3))
    assert [time.second for time in seen.times("Watch")] == [0, 0, 0]
    assert seen.of("Watch")[0]["source"] == "aws.events"


def test_calls_take_the_time_they_are_given(seen: Seen) -> None:
    handlers = {name: seen.handler(name) for name in FUNCTIONS}
    with Installation(clock=seen.clock, handlers=handlers, durations={"Work": timedelta(milliseconds=50)}) as running:
        for _ in range(3):
            running.session.client("lambda").invoke(FunctionName="skydag-work", InvocationType="Event", Payload=b"{}")
        running.settle()
    assert seen.times("Work") == [START + timedelta(milliseconds=50)] * 3


def test_who_uses_moto_after_an_installation_finds_it_as_it_was(seen: Seen) -> None:
    from moto.ecs.responses import EC2ContainerServiceResponse as Ecs

    before = Ecs.run_task
    with Installation(clock=seen.clock, handlers={name: seen.handler(name) for name in FUNCTIONS}):
        assert Ecs.run_task is not before
    assert Ecs.run_task is before


def test_every_function_gets_the_environment_that_the_template_says(installation: Installation) -> None:
    work = installation.functions["Work"].environment
    assert work["SKYDAG_TABLE"] == installation.ref("Table")
    assert work["SKYDAG_DIRECT"] == "true"
    assert work["SKYDAG_TASK_LIMIT"] == "10000"
    assert (work["SKYDAG_ATTEMPT_TTL"], work["SKYDAG_TASK_TTL"]) == ("7d", "1d")
    assert work["SKYDAG_SUBNETS"].startswith("subnet-")
    assert installation.client("sqs").get_queue_attributes(
        QueueUrl=work["SKYDAG_TIMER_QUEUE_URL"], AttributeNames=["QueueArn"],
    )["Attributes"]["QueueArn"] == work["SKYDAG_TIMER_QUEUE_ARN"]


def test_hooks_on_the_session_see_the_applications_requests_only(seen: Seen) -> None:
    import boto3

    requests: list[str] = []
    session = boto3.Session(region_name="us-east-1")
    session.events.register("before-call", lambda model, **_: requests.append(model.name))
    handlers = {name: seen.handler(name) for name in FUNCTIONS}
    with Installation(clock=seen.clock, handlers=handlers, session=session) as running:
        put(running, "1", "a")
        running.settle()
        running.session.client("lambda").invoke(FunctionName="skydag-work", InvocationType="Event", Payload=b"{}")
    assert requests == ["Invoke"]
