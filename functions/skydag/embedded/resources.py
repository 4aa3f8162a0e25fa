"""Creates what template.yaml lists, by plain API calls on moto (its own CloudFormation skips a fifth of it, A-154).

Functions, roles, policies, alarms and log groups have no counterpart: `installation` runs the handlers itself, and moto
asks nobody for permission.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from skydag.embedded.template import Resource, Template
from skydag.model.records import dataclass

UPLOADS_QUEUE: Final = "skydag-embedded-uploads"        # S3 notifications wait here until the pump hands them on

ClientOf = Callable[[str], Any]                         # service name -> boto3 client


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """One created resource, for people."""

    kind: str               # "table", "bucket", ...
    name: str


def create(template: Template, client: ClientOf) -> tuple[Created, ...]:
    """Create every resource that has a counterpart, in an order in which each finds what it needs."""
    done = []
    for type_ in _CREATE:
        for resource in template.of(type_):
            kind, make = _CREATE[type_]
            make(template, resource, client)
            done.append(Created(kind=kind, name=template.name(resource)))
    for resource in template.of("AWS::SQS::Queue"):
        _redrive(template, resource, client)
    return tuple(done)


def notify_uploads(client: ClientOf, buckets: Mapping[str, Iterable[tuple[str, str]]]) -> str:
    """Let new objects of these buckets (name -> prefix and suffix) be told to one queue; its name."""
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=UPLOADS_QUEUE)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for bucket, rules in buckets.items():
        told = [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], **_key_filter(*ends)} for ends in rules]
        client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": told})
    sqs.purge_queue(QueueUrl=url)       # S3's test message
    return UPLOADS_QUEUE


def _key_filter(prefix: str, suffix: str) -> dict[str, Any]:
    rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    return {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}


def _table(template: Template, resource: Resource, client: ClientOf) -> None:
    spec, name = template.properties(resource), template.name(resource)
    keys = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    given = {key: spec[key] for key in keys if key in spec}
    if "StreamSpecification" in spec:
        given["StreamSpecification"] = {"StreamEnabled": True, **spec["StreamSpecification"]}
    dynamodb = client("dynamodb")
    described = dynamodb.create_table(TableName=name, **given)["TableDescription"]
    if "TimeToLiveSpecification" in spec:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=spec["TimeToLiveSpecification"])
    if "LatestStreamArn" in described:
        template.learn(resource.id, "StreamArn", described["LatestStreamArn"])


def _bucket(template: Template, resource: Resource, client: ClientOf) -> None:
    spec, name, s3 = template.properties(resource), template.name(resource), client("s3")
    s3.create_bucket(Bucket=name)
    if "VersioningConfiguration" in spec:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=spec["VersioningConfiguration"])


def _queue(template: Template, resource: Resource, client: ClientOf) -> None:
    spec = template.properties(resource)
    attributes = {key: str(value) for key, value in spec.items() if key in _QUEUE_ATTRIBUTES}
    client("sqs").create_queue(QueueName=template.name(resource), Attributes=attributes)


def _redrive(template: Template, resource: Resource, client: ClientOf) -> None:
    """After all queues are there: who fails for good goes where."""
    policy = template.properties(resource).get("RedrivePolicy")
    if policy:
        url = template.attribute(resource.id, "QueueUrl")
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})


def _topic(template: Template, resource: Resource, client: ClientOf) -> None:
    client("sns").create_topic(Name=template.name(resource))


def _subscription(template: Template, resource: Resource, client: ClientOf) -> None:
    spec = template.properties(resource)
    client("sns").subscribe(TopicArn=spec["TopicArn"], Protocol=spec["Protocol"], Endpoint=spec["Endpoint"])


def _group(template: Template, resource: Resource, client: ClientOf) -> None:
    client("scheduler").create_schedule_group(Name=template.name(resource))


def _cluster(template: Template, resource: Resource, client: ClientOf) -> None:
    client("ecs").create_cluster(clusterName=template.name(resource))


def _task_definition(template: Template, resource: Resource, client: ClientOf) -> None:
    spec = template.properties(resource)
    memory = {"memory": int(spec["Memory"])}        # Fargate asks for it of the task only, moto of each container
    containers = [{**memory, **_lower_first(container)} for container in spec["ContainerDefinitions"]]
    client("ecs").register_task_definition(
        family=template.name(resource), networkMode=spec["NetworkMode"], cpu=str(spec["Cpu"]),
        memory=str(spec["Memory"]), requiresCompatibilities=spec["RequiresCompatibilities"],
        taskRoleArn=spec["TaskRoleArn"], executionRoleArn=spec["ExecutionRoleArn"], containerDefinitions=containers)


def _lower_first(value: Any) -> Any:
    """CloudFormation's ContainerDefinitions in the API's spelling."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _lower_first(part) for key, part in value.items()}
    return [_lower_first(part) for part in value] if isinstance(value, list) else value


_QUEUE_ATTRIBUTES: Final = ("VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds")
_Make = Callable[[Template, Resource, ClientOf], None]
_CREATE: Final[Mapping[str, tuple[str, _Make]]] = {
    "AWS::DynamoDB::Table": ("table", _table),
    "AWS::S3::Bucket": ("bucket", _bucket),
    "AWS::SQS::Queue": ("queue", _queue),
    "AWS::SNS::Topic": ("topic", _topic),
    "AWS::SNS::Subscription": ("subscription", _subscription),
    "AWS::Scheduler::ScheduleGroup": ("schedule group", _group),
    "AWS::ECS::Cluster": ("cluster", _cluster),
    "AWS::ECS::TaskDefinition": ("task definition", _task_definition),
}
