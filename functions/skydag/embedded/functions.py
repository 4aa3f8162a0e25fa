"""The functions of template.yaml: handler, environment, what calls them, and where failed calls go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from skydag.embedded.streams import StreamSettings
from skydag.embedded.template import Resource, Template
from skydag.errors import InvalidError
from skydag.model.records import dataclass

_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTrigger:
    """An event source mapping on a table's stream. `table`: the table's name."""

    table: str
    settings: StreamSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTrigger:
    """An event source mapping on a queue."""

    queue_arn: str
    batch_size: int
    reports_failures: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTrigger:
    """Objects created in a bucket whose key begins and ends so."""

    bucket: str
    prefix: str
    suffix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrigger:
    """An EventBridge pattern."""

    pattern: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TickTrigger:
    """A schedule at a fixed rate. `event`: what the function is called with, None for EventBridge's own event."""

    every: timedelta
    event: Any = None


Trigger = StreamTrigger | QueueTrigger | UploadTrigger | RuleTrigger | TickTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One Lambda function. `retries`: after a failed asynchronous call; then the event goes to `on_failure`, an ARN."""

    id: str
    name: str
    arn: str
    handler: str
    environment: Mapping[str, str]
    timeout_s: int
    memory_mb: int
    retries: int
    on_failure: str | None
    triggers: tuple[Trigger, ...]


def functions(template: Template) -> tuple[Function, ...]:
    """Every function, in the template's order."""
    return tuple(_function(template, resource) for resource in template.of("AWS::Serverless::Function"))


def _function(template: Template, resource: Resource) -> Function:
    spec = template.properties(resource)
    calls = spec.get("EventInvokeConfig", {})
    variables = spec.get("Environment", {}).get("Variables", {})
    return Function(
        id=resource.id,
        name=template.name(resource),
        arn=str(template.attribute(resource.id, "Arn")),
        handler=spec["Handler"],
        environment={key: _text(value) for key, value in variables.items()},
        timeout_s=int(spec.get("Timeout", 3)),
        memory_mb=int(spec.get("MemorySize", 128)),
        retries=int(calls.get("MaximumRetryAttempts", 2)),
        on_failure=calls.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
        triggers=tuple(trigger for event in spec.get("Events", {}).values() for trigger in _triggers(event)),
    )


def _text(value: Any) -> str:
    """A variable as Lambda shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    return str(value)


def _triggers(event: Mapping[str, Any]) -> Iterator[Trigger]:
    kind, spec = event["Type"], event.get("Properties", {})
    if kind == "DynamoDB":
        yield StreamTrigger(table=spec["Stream"].split("/")[1], settings=stream_settings(spec))
    elif kind == "SQS":
        yield QueueTrigger(
            queue_arn=spec["Queue"], batch_size=int(spec.get("BatchSize", 10)),
            reports_failures=_reports_failures(spec),
        )
    elif kind == "S3":
        rules = spec.get("Filter", {}).get("S3Key", {}).get("Rules", [])
        ends = {rule["Name"].lower(): rule["Value"] for rule in rules}
        yield UploadTrigger(bucket=spec["Bucket"], prefix=ends.get("prefix", ""), suffix=ends.get("suffix", ""))
    elif kind in ("EventBridgeRule", "CloudWatchEvent"):
        yield RuleTrigger(pattern=spec["Pattern"])
    elif kind in ("Schedule", "ScheduleV2"):
        given = spec.get("Input")
        yield TickTrigger(
            every=_rate(spec.get("Schedule") or spec["ScheduleExpression"]), event=json.loads(given) if given else None)
    elif kind != "HttpApi":                         # the API is served by `skydag server`, or called by a test
        raise InvalidError(f"the embedded installation does not know events of type {kind}")


def stream_settings(spec: Mapping[str, Any]) -> StreamSettings:
    """From the properties of an event source mapping; the defaults are AWS's (A-14, A-18)."""
    return StreamSettings(
        batch_size=int(spec.get("BatchSize", 100)),
        window=timedelta(seconds=int(spec.get("MaximumBatchingWindowInSeconds", 0))),
        patterns=tuple(json.loads(entry["Pattern"]) for entry in spec.get("FilterCriteria", {}).get("Filters", [])),
        reports_failures=_reports_failures(spec),
        bisects=bool(spec.get("BisectBatchOnFunctionError", False)),
        retries=int(spec.get("MaximumRetryAttempts", -1)),
        max_age=_seconds(spec.get("MaximumRecordAgeInSeconds", -1)),
        on_failure=spec.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
    )


def _reports_failures(spec: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in spec.get("FunctionResponseTypes", [])


def _seconds(value: Any) -> timedelta | None:
    return timedelta(seconds=int(value)) if int(value) > 0 else None


def _rate(expression: str) -> timedelta:
    found = _RATE.fullmatch(expression)
    if found is None:
        raise InvalidError(f"the embedded installation fires rate(...) only, not {expression}")
    unit = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}[found[2]]
    return int(found[1]) * unit
