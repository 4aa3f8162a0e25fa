"""Timers, wake-ups, alerts, secrets on moto."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.aws.answers import answer_first, error

from skydag.aws.alerts import TopicAlerts
from skydag.aws.client import client
from skydag.aws.one_off import OneOff
from skydag.aws.secret_store import ParameterSecrets
from skydag.aws.timers import QueueTimers
from skydag.aws.wakes import ScheduleWakes

NOW = datetime(2025, 6, 10, 13, 0, 30, tzinfo=UTC)
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:timers"
EXPAND_ARN = "arn:aws:lambda:us-east-1:123456789012:function:expand"
ROLE_ARN = "arn:aws:iam::123456789012:role/scheduler"


class Scheduler:
    def __init__(self, region: str, group: str) -> None:
        self.client, self.group = client("scheduler", region_name=region), group
        self.client.create_schedule_group(Name=group)

    def one_off(self, target: str) -> OneOff:
        return OneOff(self.client, group=self.group, role_arn=ROLE_ARN, target_arn=target)

    def names(self) -> list[str]:
        return [entry["Name"] for entry in self.client.list_schedules(GroupName=self.group)["Schedules"]]

    def get(self, name: str) -> Any:
        return self.client.get_schedule(GroupName=self.group, Name=name)


@pytest.fixture
def scheduler(aws: str, request: pytest.FixtureRequest) -> Scheduler:
    return Scheduler(aws, f"g-{abs(hash(request.node.name)):x}")


class Timers:
    def __init__(self, region: str, scheduler: Scheduler) -> None:
        self.sqs, self.scheduler = client("sqs", region_name=region), scheduler
        self.url = self.sqs.create_queue(QueueName=scheduler.group)["QueueUrl"]
        self.sent = answer_first(self.sqs, "SendMessage")
        self.timers = QueueTimers(self.sqs, self.url, scheduler.one_off(QUEUE_ARN))

    def set(self, after: timedelta, message: Any) -> None:
        self.timers.set(NOW + after, message, now=NOW)

    def delays(self) -> list[int]:
        return [json.loads(request["body"])["DelaySeconds"] for request in self.sent]


@pytest.fixture
def timers(aws: str, scheduler: Scheduler) -> Timers:
    return Timers(aws, scheduler)


@pytest.mark.parametrize(("after", "delay_s"), [
    (timedelta(seconds=-5), 0), (timedelta(0), 0), (timedelta(milliseconds=1), 1), (timedelta(seconds=9.2), 10),
    (timedelta(minutes=15), 900),
])
def test_a_timer_of_up_to_15_minutes_is_a_message_that_is_never_early(
    timers: Timers, after: timedelta, delay_s: int,
) -> None:
    """A-86, A-116."""
    timers.set(after, {"attempt": 1})
    assert timers.delays() == [delay_s]
    assert timers.scheduler.names() == []


def test_a_timer_that_is_due_arrives_as_the_message_that_was_set(timers: Timers) -> None:
    timers.set(timedelta(0), {"attempt": 1, "path": "ü"})
    body = timers.sqs.receive_message(QueueUrl=timers.url)["Messages"][0]["Body"]
    assert json.loads(body) == {"attempt": 1, "path": "ü"}


def test_a_longer_timer_is_one_schedule_however_often_it_is_set(timers: Timers) -> None:
    """A-117: it sends the same message to the same queue, and deletes itself (A-60)."""
    for _ in range(2):
        timers.set(timedelta(hours=2, milliseconds=1), {"attempt": 1})
    timers.set(timedelta(hours=2, milliseconds=1), {"attempt": 2})
    assert timers.delays() == []
    names = timers.scheduler.names()
    assert len(names) == 2
    assert all(name.startswith("timer-") and len(name) <= 64 for name in names)
    schedules = [timers.scheduler.get(name) for name in names]
    assert {schedule["ScheduleExpression"] for schedule in schedules} == {"at(2025-06-10T15:00:31)"}
    assert sorted(schedule["Target"]["Input"] for schedule in schedules) == ['{"attempt":1}', '{"attempt":2}']
    assert {schedule["Target"]["Arn"] for schedule in schedules} == {QUEUE_ARN}
    assert {schedule["ActionAfterCompletion"] for schedule in schedules} == {"DELETE"}


@pytest.fixture
def wakes(scheduler: Scheduler) -> ScheduleWakes:
    return ScheduleWakes(scheduler.one_off(EXPAND_ARN), clock=lambda: NOW)


@pytest.mark.parametrize(("at", "expression"), [
    ("2025-06-11T00:00:00", "at(2025-06-10T23:59:00)"),
    ("2025-06-11T00:00:59", "at(2025-06-10T23:59:00)"),
    ("2025-06-10T13:02:00", "at(2025-06-10T13:01:00)"),
    ("2025-06-10T13:01:00", "at(2025-06-10T13:01:00)"),
    ("2025-06-09T00:00:00", "at(2025-06-10T13:01:00)"),
], ids=["tomorrow", "seconds", "in two minutes", "in half a minute", "past"])
def test_a_schedule_wakes_expand_in_the_minute_before(
    wakes: ScheduleWakes, scheduler: Scheduler, at: str, expression: str,
) -> None:
    """A-53; where that minute has begun, in the first that has not."""
    wakes.arm(7, datetime.fromisoformat(at).replace(tzinfo=UTC))
    schedule = scheduler.get("wake-7")
    assert schedule["ScheduleExpression"] == expression
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert json.loads(schedule["Target"]["Input"]) == {"schedule_id": 7}
    assert schedule["Target"]["Arn"] == EXPAND_ARN
    assert schedule["ActionAfterCompletion"] == "DELETE"


def test_arming_again_replaces_and_disarming_twice_is_fine(wakes: ScheduleWakes, scheduler: Scheduler) -> None:
    wakes.arm(7, NOW + timedelta(days=1))
    wakes.arm(7, NOW + timedelta(days=2))
    assert scheduler.names() == ["wake-7"]
    assert scheduler.get("wake-7")["ScheduleExpression"] == "at(2025-06-12T12:59:00)"
    for _ in range(2):
        wakes.arm(7, None)
    assert scheduler.names() == []


def test_a_wake_up_that_deletes_itself_between_two_looks_is_made_anew(
    wakes: ScheduleWakes, scheduler: Scheduler,
) -> None:
    answer_first(scheduler.client, "CreateSchedule", error("ConflictException"))
    wakes.arm(7, NOW + timedelta(days=1))
    assert scheduler.names() == ["wake-7"]


class Topic:
    def __init__(self, region: str, name: str) -> None:
        self.sns, self.sqs = client("sns", region_name=region), client("sqs", region_name=region)
        self.arn = self.sns.create_topic(Name=name)["TopicArn"]
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue)

    def delivered(self) -> Any:
        return json.loads(self.sqs.receive_message(QueueUrl=self.url)["Messages"][0]["Body"])


@pytest.fixture
def topic(aws: str, request: pytest.FixtureRequest) -> Topic:
    return Topic(aws, f"t-{abs(hash(request.node.name)):x}")


NOTICE = {
    "timestamp": "2025-06-10T13:00:05Z", "message": "Workflow session attempt failed", "site_id": 0, "project_id": 3,
    "project_name": "daily", "workflow_name": "verkäufe", "revision": "r1", "attempt_id": 12, "session_id": 4,
    "task_name": "+verkäufe^failure-alert", "timezone": None, "workflow_definition_id": 5,
}


def test_an_alert_arrives_with_subject_body_and_attributes(topic: Topic) -> None:
    """S-99, S-102, G-9."""
    TopicAlerts(topic.sns, topic.arn).publish(NOTICE, stable_id="12-failure")
    got = topic.delivered()
    assert got["Subject"] == "Workflow session attempt failed"
    assert list(json.loads(got["Message"])) == list(NOTICE)
    assert json.loads(got["Message"]) == NOTICE
    assert {name: attribute["Value"] for name, attribute in got["MessageAttributes"].items()} == {
        "project_name": "daily", "workflow_name": "verkäufe", "message": "Workflow session attempt failed",
        "id": "12-failure"}


@pytest.mark.parametrize(("message", "subject"), [
    ("two\nlines\tand\x00more", "two lines and more"),
    ("x" * 200, "x" * 98 + "…"),
    ("", "skydag"),
    (" \n ", "skydag"),
])
def test_any_message_makes_a_subject_that_sns_takes(topic: Topic, message: str, subject: str) -> None:
    """A-82."""
    TopicAlerts(topic.sns, topic.arn).publish({**NOTICE, "message": message, "workflow_name": None}, stable_id="1")
    got = topic.delivered()
    assert got["Subject"] == subject
    assert json.loads(got["Message"])["message"] == message
    assert "workflow_name" not in got["MessageAttributes"]


def test_a_huge_message_is_cut_rather_than_refused(topic: Topic) -> None:
    TopicAlerts(topic.sns, topic.arn).publish({**NOTICE, "message": "\x01" * 300_000}, stable_id="1")
    got = topic.delivered()
    assert len(got["Message"].encode()) < 256 * 1024
    assert json.loads(got["Message"])["message"].endswith("… (cut)")


class Secrets:
    def __init__(self, region: str, name: str) -> None:
        self.ssm, self.now = client("ssm", region_name=region), NOW
        self.reads = answer_first(self.ssm, "GetParameter")
        self.prefix = f"/skydag/{name}/"
        self.store = ParameterSecrets(self.ssm, self.prefix, clock=lambda: self.now)

    def stored(self, path: str) -> Any:
        return self.ssm.get_parameter(Name=self.prefix + path, WithDecryption=True)["Parameter"]


@pytest.fixture
def secrets(aws: str, request: pytest.FixtureRequest) -> Secrets:
    return Secrets(aws, f"s-{abs(hash(request.node.name)):x}")


@pytest.mark.parametrize(("value", "plain"), [
    ("hunter2", True), ("ü" * 2048, True), ("ü" * 2049, False), ("{{resolve:x}}", False), ("base64:x:1", False),
    ("", False), ("x" * 16_384, False), ("line\nline", True), ("k" * 40_000, False),
], ids=["short", "4 KB", "above 4 KB", "braces", "like ours", "empty", "16 KB", "lines", "11 parts and more"])
def test_every_secret_comes_back_as_it_was(secrets: Secrets, value: str, plain: bool) -> None:
    """F-7, A-104, R-72."""
    secrets.store.put(3, "db.password", value, version="v1")
    assert secrets.store.get(3, "db.password") == value
    head = secrets.stored("3/db.password")
    assert (head["Value"] == value) is plain
    assert head["Type"] == "SecureString"


def test_a_secret_of_another_project_or_name_is_not_there(secrets: Secrets) -> None:
    secrets.store.put(3, "db.password", "x", version="v1")
    assert secrets.store.get(4, "db.password") is None
    assert secrets.store.get(3, "db.user") is None


def test_a_secret_is_cached_for_a_minute_and_no_longer(secrets: Secrets) -> None:
    """F-7."""
    writer = ParameterSecrets(secrets.ssm, secrets.prefix, clock=lambda: secrets.now)
    assert secrets.store.get(3, "key") is None
    writer.put(3, "key", "old", version="v1")
    assert secrets.store.get(3, "key") == "old"         # that there was none is not cached
    writer.put(3, "key", "new {{", version="v2")
    secrets.now += timedelta(seconds=59)
    assert secrets.store.get(3, "key") == "old"
    secrets.now += timedelta(seconds=1)
    assert secrets.store.get(3, "key") == "new {{"
    assert len(secrets.reads) == 4                      # the first looked in the default scope, too


def test_o45_what_a_project_has_not_is_looked_for_in_the_default_scope(secrets: Secrets) -> None:
    secrets.ssm.put_parameter(Name=f"{secrets.prefix}default/key", Value="everybody's", Type="SecureString")
    assert secrets.store.get(3, "key") == "everybody's"
    ParameterSecrets(secrets.ssm, secrets.prefix, clock=lambda: secrets.now).put(4, "key", "own", version="v1")
    assert secrets.store.get(4, "key") == "own"
