"""What calls functions in an installation: streams, queues, uploads, schedules, the minute.

Every source answers two questions, asked over and over by the pump: `poll(now)` (do what is due; True if anything was)
and `next_at()` (when is the next thing due).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from skydag.embedded import inside
from skydag.embedded.functions import Function, QueueTrigger, StreamTrigger, TickTrigger, UploadTrigger
from skydag.embedded.lambdas import Lambdas
from skydag.embedded.streams import Answer, Discarded, Record, StreamMapping
from skydag.embedded.template import ACCOUNT, REGION

Send = Callable[[str, str], None]               # (queue ARN, body)
_QUEUE_BATCH_MAX: Final = 10                    # of one ReceiveMessage


class Source(Protocol):
    def poll(self, now: datetime) -> bool: ...

    def next_at(self) -> datetime | None: ...


class Stream:
    """A table's stream, read once for all mappings that follow it."""

    def __init__(
        self, table: str, readers: Sequence[tuple[StreamTrigger, Function]], lambdas: Lambdas, send: Send,
        now: Callable[[], datetime],
    ) -> None:
        self._table, self._now, self._position = table, now, 0
        self._mappings = [_mapping(trigger, function, lambdas, send, now) for trigger, function in readers]

    def poll(self, now: datetime) -> bool:
        self._read(now)
        done = [mapping.poll(now) for mapping in self._mappings]
        return any(done)

    def next_at(self) -> datetime | None:
        self._read(self._now())
        return earliest(mapping.next_at() for mapping in self._mappings)

    def _read(self, now: datetime) -> None:
        records = inside.stream_records(self._table, self._position, now)
        self._position += len(records)
        for mapping in self._mappings:
            mapping.add(records, now)


def _mapping(
    trigger: StreamTrigger, function: Function, lambdas: Lambdas, send: Send, now: Callable[[], datetime],
) -> StreamMapping:
    def call(records: Sequence[Record]) -> Answer:
        payload, failure = lambdas.call(function, {"Records": list(records)})
        return Answer(payload=payload, failed=failure is not None)

    def discard(gone: Discarded) -> None:
        if trigger.settings.on_failure is not None:
            send(trigger.settings.on_failure, json.dumps(_discarded(function, gone, now())))

    return StreamMapping(trigger.settings, call, discard)


def _discarded(function: Function, gone: Discarded, now: datetime) -> dict[str, Any]:
    """What the on-failure destination of a stream is told: where the records are, not what they were (A-22)."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in gone.records]
    return {
        "version": "1.0", "timestamp": _iso(now),
        "requestContext": {
            "requestId": str(uuid.uuid4()), "functionArn": function.arn, "condition": gone.condition,
            "approximateInvokeCount": gone.tries},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000001541626099285-f35f62ef", "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[-1], "batchSize": len(numbers),
            "streamArn": gone.records[0].get("eventSourceARN")}}


class Queue:
    """A queue and the function that takes its messages. What fails comes back after the visibility time (A-89)."""

    def __init__(
        self, name: str, url: str, trigger: QueueTrigger, function: Function, lambdas: Lambdas, sqs: Any,
    ) -> None:
        self._name, self._url, self._trigger, self._function = name, url, trigger, function
        self._lambdas, self._sqs = lambdas, sqs

    def next_at(self) -> datetime | None:
        return inside.next_message(self._name)

    def poll(self, now: datetime) -> bool:
        due = self.next_at()
        if due is None or due > now:
            return False
        messages = receive(self._sqs, self._url, min(_QUEUE_BATCH_MAX, self._trigger.batch_size))
        if not messages:
            return False
        records = [_record(message, self._trigger.queue_arn) for message in messages]
        answer, failure = self._lambdas.call(self._function, {"Records": records})
        for message in messages:
            if failure is None and message["MessageId"] not in self._failed(answer):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _failed(self, answer: Any) -> set[str]:
        if not self._trigger.reports_failures or not isinstance(answer, dict):
            return set()
        return {failure["itemIdentifier"] for failure in answer.get("batchItemFailures", [])}


def _record(message: dict[str, Any], arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
        "attributes": message.get("Attributes", {}), "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs", "eventSourceARN": arn, "awsRegion": REGION}


class Uploads:
    """S3's notifications, which moto puts into a queue of ours."""

    def __init__(
        self, name: str, url: str, triggers: Sequence[tuple[UploadTrigger, Function]], lambdas: Lambdas, sqs: Any,
    ) -> None:
        self._name, self._url, self._triggers, self._lambdas, self._sqs = name, url, tuple(triggers), lambdas, sqs

    def next_at(self) -> datetime | None:
        return inside.next_message(self._name)

    def poll(self, now: datetime) -> bool:
        due = self.next_at()
        if due is None or due > now:
            return False
        messages = receive(self._sqs, self._url, _QUEUE_BATCH_MAX)
        for message in messages:
            for record in json.loads(message["Body"]).get("Records", []):
                self._hand_on(record)
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)

    def _hand_on(self, record: dict[str, Any]) -> None:
        stored = record["s3"]["object"]
        stored["key"] = stored["key"].replace("%2F", "/")       # S3 leaves them as they are, moto does not
        for trigger, function in self._triggers:
            if record["s3"]["bucket"]["name"] == trigger.bucket:
                self._lambdas.invoke(function.name, json.dumps({"Records": [record]}).encode(), "Event")


class Schedules:
    """EventBridge Scheduler's one-off schedules."""

    def __init__(self, lambdas: Lambdas, scheduler: Any, send: Send) -> None:
        self._lambdas, self._scheduler, self._send = lambdas, scheduler, send
        self._fired: set[tuple[str, datetime]] = set()      # those that stay after they fired

    def next_at(self) -> datetime | None:
        return earliest(wake.at for wake in inside.wakes() if (wake.arn, wake.at) not in self._fired)

    def poll(self, now: datetime) -> bool:
        due = [wake for wake in inside.wakes() if wake.at <= now and (wake.arn, wake.at) not in self._fired]
        for wake in sorted(due, key=lambda wake: wake.at):
            event = wake.event.replace("<aws.scheduler.scheduled-time>", _iso(wake.at))
            event = event.replace("<aws.scheduler.execution-id>", str(uuid.uuid4()))
            if wake.is_deleted_after:
                self._scheduler.delete_schedule(Name=wake.name, GroupName=wake.group)
            else:
                self._fired.add((wake.arn, wake.at))
            if ":sqs:" in wake.target:
                self._send(wake.target, event)
            else:
                self._lambdas.invoke(wake.target, event.encode(), "Event")
        return bool(due)


class Tick:
    """A function that is called at a fixed rate, at whole minutes (or hours) of the clock."""

    def __init__(self, trigger: TickTrigger, function: Function, lambdas: Lambdas, start: datetime) -> None:
        self._every, self._event, self._function, self._lambdas = trigger.every, trigger.event, function, lambdas
        self._next = _next_whole(start, trigger.every)

    def next_at(self) -> datetime | None:
        return self._next

    def poll(self, now: datetime) -> bool:
        if self._next > now:
            return False
        event = self._event if self._event is not None else self._scheduled_event(self._next)
        self._lambdas.invoke(self._function.name, json.dumps(event).encode(), "Event")
        self._next = _next_whole(now, self._every)
        return True

    def _scheduled_event(self, time: datetime) -> dict[str, Any]:
        return {
            "version": "0", "id": str(uuid.uuid4()), "detail-type": "Scheduled Event", "source": "aws.events",
            "account": ACCOUNT, "time": _iso(time), "region": REGION, "detail": {},
            "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{self._function.name}"]}


def receive(sqs: Any, url: str, count: int) -> list[dict[str, Any]]:
    """Up to `count` messages, without waiting."""
    messages: list[dict[str, Any]] = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=count, AttributeNames=["All"]).get("Messages", [])
    return messages


def earliest(times: Any) -> datetime | None:
    """The first of the times that are there."""
    return min((time for time in times if time is not None), default=None)


def _next_whole(now: datetime, every: timedelta) -> datetime:
    since = now - datetime(1970, 1, 1, tzinfo=UTC)
    return now + every - since % every


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
