"""The doorman: reads environment, clock and chance, and chooses what the application stands on."""

from __future__ import annotations

import functools
import os
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from skydag.app.advance import Settings
from skydag.app.application import Application, Ports
from skydag.model import properties
from skydag.model.values import duration
from skydag.ports import Chance, Clock


class SystemChance:
    """Ids and tokens from the operating system."""

    def token(self) -> str:
        return b64encode(os.urandom(18), b"-_").decode()

    def uuid(self) -> str:
        """A random one (version 4). The standard library's module takes longer to load than many a task to run."""
        number = int.from_bytes(os.urandom(16)) & ~(0xF000_C000 << 48) | 0x4000_8000 << 48
        text = f"{number:032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def system_clock() -> datetime:
    return datetime.now(UTC)


@functools.cache
def from_environment() -> Application:
    """The application of this Lambda function: made once per cold start."""
    return aws_application(os.environ, clock=system_clock, chance=SystemChance())


def aws_application(
    env: Mapping[str, str], *, clock: Clock, chance: Chance, session: Any = None, lambda_client: Any = None,
) -> Application:
    """The application over AWS. session: where clients come from (default: boto3's own). Clients are made when first
    used, so a function pays for those that it uses."""
    from skydag.app.places import CloudPlaces
    from skydag.aws.alerts import TopicAlerts
    from skydag.aws.client import config_of
    from skydag.aws.containers import ContainerPlace, Containers
    from skydag.aws.dispatch import LambdaDispatch
    from skydag.aws.invoke import LambdaInvoker
    from skydag.aws.objects import S3Objects
    from skydag.aws.one_off import OneOff
    from skydag.aws.secret_store import ParameterSecrets
    from skydag.aws.table import DynamoTable
    from skydag.aws.timers import QueueTimers
    from skydag.aws.wakes import ScheduleWakes
    from skydag.store.logs import ObjectLogs

    def client(service: str) -> Any:
        return Lazy(lambda: _session(session).client(service, config=config_of(service)))

    s3, scheduler = client("s3"), client("scheduler")
    objects = S3Objects(s3, env["SKYDAG_PROJECT_BUCKET"])
    invoker = LambdaInvoker(lambda_client or client("lambda"), objects)

    def one_off(target: str) -> OneOff:
        return OneOff(scheduler, group=env["SKYDAG_SCHEDULE_GROUP"], role_arn=env["SKYDAG_SCHEDULER_ROLE_ARN"],
                      target_arn=env[target])

    place = ContainerPlace(
        cluster=env["SKYDAG_CLUSTER"], task_definition=env["SKYDAG_TASK_DEFINITION"],
        subnets=_list(env["SKYDAG_SUBNETS"]), security_groups=_list(env["SKYDAG_SECURITY_GROUPS"]))
    ports = Ports(
        table=DynamoTable(client("dynamodb"), env["SKYDAG_TABLE"], sleep=time.sleep, spread=_spread),
        objects=objects,
        stored_logs=ObjectLogs(S3Objects(s3, env["SKYDAG_LOG_BUCKET"]), agent="aws", clock=clock),
        dispatch=LambdaDispatch(invoker, work=env["SKYDAG_WORK_FUNCTION"], script=env["SKYDAG_SCRIPT_FUNCTION"],
                                finish=env["SKYDAG_FINISH_FUNCTION"],
                                containers=Containers(client("ecs"), place, objects)),
        timers=QueueTimers(client("sqs"), env["SKYDAG_TIMER_QUEUE_URL"], one_off("SKYDAG_TIMER_QUEUE_ARN")),
        alerts=TopicAlerts(client("sns"), env["SKYDAG_TOPIC_ARN"]),
        wakes=ScheduleWakes(one_off("SKYDAG_EXPAND_FUNCTION_ARN"), clock=clock),
        secrets=ParameterSecrets(client("ssm"), env["SKYDAG_SECRET_PREFIX"], clock=clock),
        now=clock, chance=chance)
    settings = Settings(task_limit=int(env.get("SKYDAG_TASK_LIMIT", "10000")),
                        is_direct=env.get("SKYDAG_DIRECT", "true").lower() == "true",
                        is_fused=env.get("SKYDAG_FUSED", "true").lower() == "true",
                        is_inline=env.get("SKYDAG_INLINE", "true").lower() == "true",
                        attempt_ttl=duration("SKYDAG_ATTEMPT_TTL", env.get("SKYDAG_ATTEMPT_TTL", "7d")),
                        task_ttl=duration("SKYDAG_TASK_TTL", env.get("SKYDAG_TASK_TTL", "1d")),
                        tasks_in_flight=int(env.get("SKYDAG_TASKS_IN_FLIGHT", "0")),
                        containers_in_flight=int(env.get("SKYDAG_CONTAINERS_IN_FLIGHT", "0")))
    return Application(ports, settings, CloudPlaces, attempt_limit=int(env.get("SKYDAG_ATTEMPT_LIMIT", "100")),
                       properties=_properties(env))


def _properties(env: Mapping[str, str]) -> dict[str, str]:
    """What operators may ask of the configuration. A function keeps tasks from its own machine: Lambda's interface to
    functions listens there, and would give other tasks away."""
    local = {"config.http.allow_local_addresses": "false"} if "AWS_LAMBDA_RUNTIME_API" in env else {}
    return local | properties.parse(env.get("SKYDAG_PROPERTIES", "").replace(";", "\n"))


def _spread() -> float:
    import random

    return random.random()


def _session(given: Any) -> Any:
    if given is not None:
        return given
    import boto3

    return boto3.session.Session()


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


class Lazy:
    """A client that is made when first used: a function that never publishes never pays for an SNS client."""

    def __init__(self, make: Any) -> None:
        self._make, self._made = make, None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)
