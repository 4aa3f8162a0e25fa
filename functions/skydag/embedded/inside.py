"""What the pump must know of moto's inside, and nowhere else. Looking there costs microseconds, asking milliseconds.

moto keeps queues, schedules, container tasks and stream records, but nothing in it acts on them (A-153); `installation`
looks here for what is due and acts as AWS would.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from threading import RLock
from typing import Any, Final
from zoneinfo import ZoneInfo

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber
from moto.core.responses import ActionResult
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends
from moto.ecs.exceptions import ECSException
from moto.ecs.models import ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.moto_api import state_manager
from moto.scheduler.models import scheduler_backends
from moto.sqs.models import sqs_backends

from skydag.embedded.streams import Record
from skydag.embedded.template import ACCOUNT, REGION
from skydag.model.records import dataclass
from skydag.ports import Clock

_AT: Final = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_TOKENS: Final = "_skydag_tokens"
_queues: Any = importlib.import_module("moto.sqs.models")       # Any: what is patched here is no export of moto's
_ecs: Any = EC2ContainerServiceResponse
_stubber: Any = BotocoreStubber
_PLAIN_REQUEST: Final = _stubber.process_request
_ONE_CALL: Final = RLock()
_SECONDS: Final = _queues.unix_time
_MILLISECONDS: Final = _queues.unix_time_millis
_PLAIN_RUN_TASK: Final = _ecs.run_task


def network() -> tuple[str, str]:
    """(a subnet, a security group) for containers: moto's default network."""
    ec2 = ec2_backends[ACCOUNT][REGION]
    subnet = next(iter(ec2.describe_subnets()))
    group = ec2.get_security_group_from_name("default", subnet.vpc_id)
    return str(subnet.id), str(group.id) if group is not None else ""


def use_clock(clock: Clock | None) -> None:
    """Queues follow this clock: delays, visibility, retention. None: the machine's own again."""
    if clock is None:
        _queues.unix_time, _queues.unix_time_millis = _SECONDS, _MILLISECONDS
    else:
        _queues.unix_time = lambda *_: clock().timestamp()
        _queues.unix_time_millis = lambda *_: clock().timestamp() * 1000


def stream_records(table: str, position: int, now: datetime) -> list[Record]:
    """The records of the table's stream from the position'th on, dated with the installation's time."""
    shard = dynamodb_backends[ACCOUNT][REGION].tables[table].stream_shard
    if shard is None:
        return []
    arn = f"{shard.table.table_arn}/stream/{shard.table.latest_stream_label}"
    found: list[Record] = []
    for record in list(shard.items[position:]):
        data = record.to_json()
        change = {**data["dynamodb"], "ApproximateCreationDateTime": now.timestamp()}
        found.append({**data, "eventSourceARN": arn, "dynamodb": change})
    return found


def next_message(queue: str) -> datetime | None:
    """When the next message of the queue can be received; None for an empty queue.

    A message that was taken is seen again a moment *after* its visibility time, hence the millisecond.
    """
    times = [max(message.visible_at + 1, message.delayed_until)
             for message in list(sqs_backends[ACCOUNT][REGION].queues[queue]._messages)]
    return datetime.fromtimestamp(min(times) / 1000, UTC) if times else None


def message_count(queue: str) -> int:
    """How many messages lie in the queue, visible or not."""
    return len(sqs_backends[ACCOUNT][REGION].queues[queue]._messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """A one-off schedule of EventBridge Scheduler."""

    name: str
    group: str
    arn: str
    at: datetime
    target: str             # ARN
    event: str              # the target's input, JSON
    is_deleted_after: bool


def wakes() -> Iterator[Wake]:
    """Every enabled one-off schedule. Other expressions are nothing that skydag makes."""
    for group in list(scheduler_backends[ACCOUNT][REGION].schedule_groups.values()):
        for schedule in list(group.schedules.values()):
            found = _AT.fullmatch(schedule.schedule_expression)
            if schedule.state != "ENABLED" or found is None:
                continue
            local = datetime.fromisoformat(found[1]).replace(tzinfo=ZoneInfo(schedule.schedule_expression_timezone))
            yield Wake(
                name=schedule.name, group=group.name, arn=schedule.arn, at=local.astimezone(UTC),
                target=schedule.target["Arn"], event=schedule.target.get("Input", "{}"),
                is_deleted_after=schedule.action_after_completion == "DELETE")


class ContainerTask:
    """A task that somebody started with RunTask."""

    def __init__(self, task: Any) -> None:
        self._task = task
        self.arn = str(task.task_arn)

    @property
    def overrides(self) -> Mapping[str, Any]:
        return dict(self._task.overrides)

    @property
    def is_stop_asked(self) -> bool:
        return bool(self._task.desired_status == "STOPPED")

    def stopped(self, exit_code: int | None, reason: str) -> dict[str, Any]:
        """Mark it as stopped; the detail of the event that ECS sends then (A-73)."""
        task, asked = self._task, self.is_stop_asked
        task.last_status = task.desired_status = "STOPPED"
        reason = str(task.stopped_reason) if asked else reason
        task.stopped_reason = reason
        container: dict[str, Any] = {"name": "worker", "lastStatus": "STOPPED", "taskArn": self.arn}
        if exit_code is not None:
            container["exitCode"] = task.containers[0].exitCode = exit_code
        return {
            "taskArn": self.arn, "clusterArn": task.cluster_arn, "taskDefinitionArn": task.task_definition_arn,
            "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "launchType": task.launch_type, "version": 4,
            "startedBy": task.started_by, "group": task.group, "overrides": self.overrides, "containers": [container],
            "stopCode": "UserInitiated" if asked else "EssentialContainerExited", "stoppedReason": reason}


def container_tasks(cluster: str, known: Sequence[str] | Mapping[str, Any]) -> list[ContainerTask]:
    """The cluster's tasks whose ARNs are not known yet."""
    tasks = ecs_backends[ACCOUNT][REGION].tasks.get(cluster, {})
    return [ContainerTask(task) for arn, task in list(tasks.items()) if arn not in known]


def one_call_at_a_time() -> None:
    """moto answers one request after the other: of its services only a few mind threads (A-149)."""
    if _stubber.process_request is not _PLAIN_REQUEST:
        return

    def process_request(self: Any, request: Any) -> Any:
        with _ONE_CALL:
            return _PLAIN_REQUEST(self, request)

    _stubber.process_request = process_request


def keep_containers_running() -> None:
    """A task is RUNNING until its process ends, not until it was described (A-155); RunTask honours its clientToken."""
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 10 ** 9})
    _ecs.run_task = _run_task


def let_containers_be() -> None:
    """moto's own RunTask again: whoever uses moto after an installation finds it as it was."""
    state_manager.unset_transition("ecs::task")
    _ecs.run_task = _PLAIN_RUN_TASK


def _run_task(self: Any) -> ActionResult:
    """The same client token starts a task once; with another request it is a conflict (A-93)."""
    token = self._get_param("clientToken")
    if not token:
        return _plain(self)
    tokens: dict[str, tuple[str, ActionResult]] = self.ecs_backend.__dict__.setdefault(_TOKENS, {})
    request = json.dumps([self._get_param("overrides"), self._get_param("taskDefinition")], sort_keys=True)
    if token not in tokens:
        tokens[token] = (request, _plain(self))
    elif tokens[token][0] != request:
        raise _ConflictException("the client token was used with other parameters")
    return tokens[token][1]


def _plain(handler: Any) -> ActionResult:
    result: ActionResult = _PLAIN_RUN_TASK(handler)
    return result


class _ConflictException(ECSException):
    """moto knows no such error; AWS names the tasks that exist, too."""

    code = "ConflictException"

    def __init__(self, message: str) -> None:
        super().__init__(message)


def answer(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, Any], bytes]:
    """moto's answer to a request as a client would send it to AWS."""
    request = AWSPreparedRequest(method, url, HeadersDict(dict(headers)), body, False)
    response = botocore_stubber.process_request(request)
    if response is None:
        return 404, {}, b"no such service"
    status, found, content = response
    return int(status), found, content.encode() if isinstance(content, str) else bytes(content)

