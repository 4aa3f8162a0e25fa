"""Starts MiniStack (an AWS emulator from PyPI) on loopback, with what skydag needs and it lacks:

    streams       a stream mapping honours filters, partial batches, bisecting, retries and the on-failure queue
                  (skydag.embedded.streams); MiniStack loses the records of a partly failed batch
    failed calls  the record of an asynchronous call that failed names the call, as AWS does
    ecs events    a container that changes its state puts "ECS Task State Change" on the default bus
    containers    share the host's network, so that the emulator is where they look for AWS; entry points, volumes of a
                  task, and the order of its containers are honoured; they act in their task role's name
    http body     an HTTP API made from an OpenAPI body, as SAM makes them, gets its routes
    scheduler     looks each second; fills in <aws.scheduler.*> (A-58)
    IAM           schedules have the ARN of their group; containers are run and stopped by their own ARNs
    TLS           a call over loopback counts as one over TLS

Runs on the interpreter of the environment that holds ministack (prepare.py), by its path. Functions run on that
interpreter, too, in processes of their own that see nothing of this checkout: what the artifact lacks is noticed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "functions"))
streams: Any = import_module("skydag.embedded.streams")
stream_settings: Any = import_module("skydag.embedded.functions").stream_settings
dynamodb: Any = import_module("ministack.services.dynamodb")
lambdas: Any = import_module("ministack.services.lambda_svc")
ecs: Any = import_module("ministack.services.ecs")
events: Any = import_module("ministack.services.eventbridge")
schedules: Any = import_module("ministack.services.scheduler")
provisioners: Any = import_module("ministack.services.cloudformation.provisioners")
iam: Any = import_module("ministack.core.iam_evaluator")
actions: Any = import_module("ministack.core.iam_actions")
runtime: Any = import_module("ministack.core.lambda_runtime")
app: Any = import_module("ministack.app")

REGIONAL = "arn:aws:lambda:us-east-1:000000000000"


# ---- streams --------------------------------------------------------------------------------------------------------


class Reader:
    """One mapping's place in its stream. What becomes of what is read: the embedded installation's StreamMapping."""

    def __init__(self, properties: dict[str, Any], function: dict[str, Any], table: str, arn: str) -> None:
        self._function, self._table, self._arn = function, table, arn
        self._position = dynamodb.stream_start_position(table)  # the template's mappings say TRIM_HORIZON
        self._mapping = streams.StreamMapping(stream_settings(properties), self._call, self._discard)

    def change(self, properties: dict[str, Any], function: dict[str, Any]) -> None:
        """An update of the stack keeps the place."""
        self._function, self._mapping.settings = function, stream_settings(properties)

    def is_due(self) -> bool:
        due = self._mapping.next_at()
        return bool(due is not None and due <= _now()) or bool(
            dynamodb.stream_end_position(self._table) > self._position
        )

    def read(self) -> None:
        """Until nothing is due."""
        while self.is_due():
            rows = dynamodb.stream_records_since(self._table, self._position, 1000)
            self._position = max(self._position, dynamodb.stream_start_position(self._table)) + len(rows)
            self._mapping.add(rows, _now())
            self._mapping.poll(_now())

    def _call(self, records: Any) -> Any:
        answer = lambdas._execute_function(self._function, {"Records": list(records)})
        body = answer.get("body")
        if isinstance(body, (str, bytes)):
            body = json.loads(body or "null")
        return streams.Answer(payload=body, failed=bool(answer.get("error")))

    def _discard(self, batch: Any) -> None:
        """A-22: the destination is told where the records are, not what they are."""
        sequence = [record["dynamodb"]["SequenceNumber"] for record in batch.records]
        place = {"startSequenceNumber": sequence[0], "endSequenceNumber": sequence[-1], "streamArn": self._arn}
        context = {"condition": batch.condition, "approximateInvokeCount": batch.tries}
        _send(
            self._mapping.settings.on_failure,
            {"requestContext": context, "DDBStreamBatchInfo": {**place, "batchSize": len(sequence)}},
        )


class Streams:
    """One reader a mapping, one thread a reader that has something to do."""

    def __init__(self) -> None:
        self._readers: dict[str, tuple[Reader, str]] = {}
        self._busy: set[str] = set()

    def poll(self) -> bool:
        for account, region, properties in lambdas._iter_all_esms():
            arn, key = properties.get("EventSourceArn", ""), properties["UUID"]
            if ":dynamodb:" not in arn or not properties.get("Enabled", True) or key in self._busy:
                continue
            tokens = lambdas._request_account_id.set(account), lambdas._request_region.set(region)
            try:
                reader = self._reader(key, arn, properties)
                if reader is not None and reader.is_due():
                    self._busy.add(key)
                    threading.Thread(target=self._run, args=(reader, key, account, region), daemon=True).start()
            finally:
                lambdas._request_account_id.reset(tokens[0])
                lambdas._request_region.reset(tokens[1])
        return False

    def _reader(self, key: str, arn: str, properties: dict[str, Any]) -> Reader | None:
        table = arn.split(":table/")[1].split("/")[0]
        function, _ = lambdas._get_func_record_for_qualifier(properties["FunctionName"], properties.get("Qualifier"))
        if function is None or (dynamodb._tables.get(table) or {}).get("LatestStreamArn") != arn:
            return None
        volatile = ("LastProcessingResult", "LastModified", "State")
        shape = json.dumps({k: v for k, v in properties.items() if k not in volatile}, default=str)
        if key not in self._readers:
            self._readers[key] = Reader(properties, function, table, arn), shape
        reader, known_shape = self._readers[key]
        if known_shape != shape:
            reader.change(properties, function)
            self._readers[key] = reader, shape
        return reader

    def _run(self, reader: Reader, key: str, account: str, region: str) -> None:
        lambdas._request_account_id.set(account)
        lambdas._request_region.set(region)
        try:
            reader.read()
        finally:
            self._busy.discard(key)


def _now() -> datetime:
    return datetime.now(UTC)


def _send(destination: str, document: Any) -> None:
    """To a queue or a function, as the service would."""
    boto3: Any = import_module("boto3")
    kind, name = destination.split(":")[2], destination.split(":")[-1]
    client = boto3.client(
        kind,
        endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    if kind == "lambda":
        client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(document))
    else:
        client.send_message(QueueUrl=client.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=json.dumps(document))


# ---- asynchronous calls that failed --------------------------------------------------------------------------------


def _tell_failed_calls() -> None:
    """The record of a failed call names the call, as `context.aws_request_id` did (A-6)."""
    execute = lambdas._execute_function_dispatch

    def named(function: Any, config: Any, event: Any, request_id: str, started: float) -> Any:
        result = execute(function, config, event, request_id, started)
        if isinstance(result, dict):
            result["request_id"] = request_id
        return result

    def tell(target: str, name: str, event: Any, result: dict[str, Any]) -> None:
        arn = lambdas._functions.get(name, {}).get("config", {}).get("FunctionArn", "")
        body = result.get("body") if isinstance(result.get("body"), dict) else {}
        context = {
            "requestId": result.get("request_id", ""),
            "functionArn": f"{arn}:$LATEST",
            "condition": "RetriesExhausted",
        }
        document = {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "requestContext": {**context, "approximateInvokeCount": 1},
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": body,
        }
        threading.Thread(target=_send, args=(target, document), daemon=True).start()

    lambdas._execute_function_dispatch, lambdas._route_async_failure = named, tell


# ---- containers -----------------------------------------------------------------------------------------------------


def _emit_ecs_events() -> None:
    def announce(name: str) -> None:
        inner = getattr(ecs, name)

        def wrapper(task_arn: str, task: Any, *args: Any, **kwargs: Any) -> Any:
            changed = inner(task_arn, task, *args, **kwargs)
            if changed:
                detail = json.dumps(ecs._sanitize(task), default=str)
                events._put_events(
                    {
                        "Entries": [
                            {
                                "Source": "aws.ecs",
                                "DetailType": "ECS Task State Change",
                                "Detail": detail,
                                "Resources": [task_arn],
                            }
                        ]
                    },
                    allow_aws_source=True,
                )
            return changed

        setattr(ecs, name, wrapper)

    for name in ("_mark_task_pending", "_mark_task_activating", "_mark_task_running", "_mark_task_stopped"):
        announce(name)


def _spell_as_the_api() -> None:
    """Of a task definition's parts CloudFormation writes Names, the API names; two kinds are forgotten."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]

    def lower(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{key[0].lower() + key[1:]: value for key, value in part.items()} for part in parts]

    def wrapped(inner: Any) -> Any:
        def provision(*args: Any, **more: Any) -> Any:
            return inner(*(spelled(part) if isinstance(part, dict) else part for part in args), **more)

        return provision

    def spelled(properties: dict[str, Any]) -> dict[str, Any]:
        if "ContainerDefinitions" not in properties:
            return properties
        definitions = [
            {**one, "DependsOn": lower(one.get("DependsOn", []))} for one in properties["ContainerDefinitions"]
        ]
        return {**properties, "ContainerDefinitions": definitions, "Volumes": lower(properties.get("Volumes", []))}

    for name in ("create", "update"):
        if name in handlers:
            handlers[name] = wrapped(handlers[name])


def _share_host_network() -> None:
    run_kwargs, register = ecs._build_run_kwargs, ecs._register_metadata
    volumes = Path(os.environ["TMPDIR"]) / "volumes"

    def build(
        cdef: Any, td: Any, env: Any, ports: Any, network: Any, host: bool, task_id: str, *rest: Any
    ) -> dict[str, Any]:
        kwargs: dict[str, Any] = run_kwargs(cdef, td, env, ports, network, True, task_id, *rest)
        if cdef.get("entryPoint"):
            kwargs["entrypoint"] = cdef["entryPoint"]
        for mount in cdef.get("mountPoints", []):
            folder = volumes / task_id / mount["sourceVolume"]
            folder.mkdir(parents=True, exist_ok=True)
            kwargs.setdefault("volumes", []).append(f"{folder}:{mount['containerPath']}:rw")
        return kwargs

    def describe(
        arn: str, cluster: str, td: Any, cdef: Any, kind: str, env: dict[str, str], host: bool, ip: Any
    ) -> Any:
        token = register(arn, cluster, td, cdef, kind, env, True, ip)
        # the emulator's own credentials for containers are of nobody it knows: a session of the task role instead
        del env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        identity = {"FunctionArn": f"{REGIONAL}:function:{td['family']}", "FunctionName": cdef["name"]}
        env.update(runtime.execution_credentials({**identity, "Role": td["taskRoleArn"]}))
        return token

    ecs._build_run_kwargs, ecs._register_metadata = build, describe


def _start_in_order() -> None:
    """A container waits for those that its dependsOn names; only the condition SUCCESS is used."""
    start, run = ecs._start_task_worker, ecs._run_docker_container

    def start_in_order(task: Any, td: Any, *rest: Any) -> None:
        order = sorted(
            range(len(td["containerDefinitions"])), key=lambda n: bool(td["containerDefinitions"][n].get("dependsOn"))
        )
        for holder, key in ((td, "containerDefinitions"), (task, "containers"), (task, "_container_essentials")):
            holder[key] = [holder[key][number] for number in order]
        start(task, td, *rest)

    def run_after(docker_client: Any, cdef: Any, kwargs: Any, **more: Any) -> Any:
        for before in cdef.get("dependsOn", []):
            name = kwargs["name"].removesuffix(cdef["name"]) + before["containerName"]
            code = docker_client.containers.get(name).wait()["StatusCode"]
            if code != 0:
                raise RuntimeError(f"the container {before['containerName']} ended with {code}")
        return run(docker_client, cdef, kwargs, **more)

    ecs._start_task_worker, ecs._run_docker_container = start_in_order, run_after


# ---- HTTP API -------------------------------------------------------------------------------------------------------


def _routes_from_body(api_id: str, properties: dict[str, Any]) -> None:
    gateway, body, made = provisioners._apigw_v2, properties.get("Body") or {}, dict[str, Any]()
    gateway._apis[api_id].setdefault("name", (body.get("info") or {}).get("title", "api"))
    gateway._routes[api_id], gateway._integrations[api_id] = {}, {}
    for path, operations in (body.get("paths") or {}).items():
        for method, operation in (operations or {}).items():
            integration = (operation or {}).get("x-amazon-apigateway-integration")
            if not integration:
                continue
            uri = integration.get("uri", "")
            if uri not in made:
                made[uri], _ = provisioners._apigw_v2_integration_create(
                    "body",
                    {
                        "ApiId": api_id,
                        "IntegrationUri": uri,
                        "PayloadFormatVersion": integration.get("payloadFormatVersion", "2.0"),
                    },
                    "",
                )
            verb = {"x-amazon-apigateway-any-method": "ANY"}.get(method, method.upper())
            signed = {"AWS_IAM": []} in (operation.get("security") or [])
            provisioners._apigw_v2_route_create(
                "body",
                {
                    "ApiId": api_id,
                    "RouteKey": f"{verb} {path}",
                    "Target": f"integrations/{made[uri]}",
                    "AuthorizationType": "AWS_IAM" if signed else "NONE",
                },
                "",
            )


def _fill_http_apis() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    inner_create, inner_update = handlers["create"], handlers["update"]

    def create(logical_id: str, properties: Any, stack_name: str) -> Any:
        made = inner_create(logical_id, properties, stack_name)
        _routes_from_body(made[0], properties)
        return made

    def update(physical_id: str, old: Any, new: Any, stack_name: str, *args: Any, **kwargs: Any) -> Any:
        made = inner_update(physical_id, old, new, stack_name, *args, **kwargs)
        _routes_from_body(physical_id, new)
        return made

    handlers["create"], handlers["update"] = create, update


# ---- Scheduler ------------------------------------------------------------------------------------------------------


def _mend_scheduler() -> None:
    schedules._SCHEDULE_TICK_INTERVAL = 1
    inner = events._invoke_target

    def invoke(target: Any, event: Any, rule: Any, view: Any = None) -> Any:
        if event.get("Source") == "aws.scheduler":
            text = target.get("Input") or "{}"
            known = {
                "scheduled-time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event["Time"])),
                "execution-id": str(uuid.uuid4()),
                "attempt-number": "1",
                "schedule-arn": rule.get("Arn", ""),
            }
            for name, value in known.items():
                text = text.replace(f"<aws.scheduler.{name}>", value)
            target = {**target, "Input": text}
        return inner(target, event, rule, view)

    events._invoke_target = invoke


def _name_resources_as_aws() -> None:
    """For rights the emulator takes every schedule to be of the group `default`, and the cluster for what is run or
    stopped in it; it does not know the condition key ecs:cluster."""
    inner, context_of = actions.extract_resource_arn, actions.request_tag_context

    def resource(
        service: str, method: str, path: str, headers: Any, body: bytes, query: dict[str, Any], *place: str
    ) -> str:
        arn = str(inner(service, method, path, headers, body, query, *place))
        if service == "scheduler" and ":schedule/default/" in arn:
            group = query.get("groupName") or (json.loads(body).get("GroupName") if body else None) or "default"
            name = group[0] if isinstance(group, list) else group
            return arn.replace(":schedule/default/", f":schedule/{name}/")
        if service == "ecs" and body:
            asked = json.loads(body)
            return str(
                {"RunTask": asked.get("taskDefinition"), "StopTask": asked.get("task")}.get(_target(headers)) or arn
            )
        return arn

    def context(service: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
        keys: dict[str, Any] = context_of(service, action, body, params)
        cluster = json.loads(body).get("cluster") if service == "ecs" and body[:1] == b"{" else None
        if cluster:
            name = cluster.rpartition("/")[2]
            keys["ecs:cluster"] = f"arn:aws:ecs:us-east-1:000000000000:cluster/{name}"
        return keys

    actions.extract_resource_arn, actions.request_tag_context = resource, context


def _target(headers: Any) -> str:
    """The operation that a JSON call names."""
    return str(headers.get("x-amz-target", "")).rpartition(".")[2]


def _count_loopback_as_tls() -> None:
    """The buckets' policies refuse everybody who comes without TLS."""
    inner = iam.pin_request_origin

    def pin(source_ip: str, secure_transport: bool) -> None:
        inner(source_ip, True)

    for module in (iam, app):
        if hasattr(module, "pin_request_origin"):
            module.pin_request_origin = pin


def main() -> None:
    lambdas._poll_dynamodb_streams = Streams().poll
    _emit_ecs_events()
    _tell_failed_calls()
    _spell_as_the_api()
    _share_host_network()
    _start_in_order()
    _fill_http_apis()
    _mend_scheduler()
    _name_resources_as_aws()
    _count_loopback_as_tls()
    sys.argv = sys.argv[:1]
    app.main()


if __name__ == "__main__":
    main()
