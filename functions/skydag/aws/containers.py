"""Tasks in containers: ECS RunTask on Fargate.

The container runs the task definition's own command; all that it is told is where its job lies (`SKYDAG_JOB`, an object
key), since overrides hold 8 KB in all (A-92).

Other images. RunTask cannot override an image. For an image that is not the installation's own, a copy of the base
task definition with that image is registered, once, under the family `<base family>-<12 hex of a hash>`. The hash
covers the base definition, revision included, and the image, so an updated installation makes new copies and never uses
an old one. The base family goes in front so that the right to run tasks can name `<base family>*`. A copy is free.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from skydag.aws.client import calling, code
from skydag.aws.invoke import FOLDER, to_bytes
from skydag.errors import TaskError, UnavailableError
from skydag.model.records import dataclass
from skydag.ports import Objects

JOB = "SKYDAG_JOB"
REASON_CHARACTERS_MAX = 255
PASSING = ("RESOURCE", "AGENT", "Capacity is unavailable", "ENI")         # failures worth another try
GONE = frozenset({"InvalidParameterException"})                           # what StopTask says of an unknown task
REFUSED = frozenset({"ClientException", "InvalidParameterException", "AccessDeniedException",
                     "PlatformUnknownException", "PlatformTaskDefinitionIncompatibilityException"})
COPIED = ("taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes", "placementConstraints",
          "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration", "runtimePlatform",
          "ephemeralStorage")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlace:
    """Where containers run."""

    cluster: str
    task_definition: str                    # the base: family, family:revision or ARN
    subnets: Sequence[str]
    security_groups: Sequence[str]
    container: str = "worker"               # the container's name in the definition
    has_public_ip: bool = True              # without NAT that is the only way out


class Containers:
    """client: an ECS client. objects: the bucket that the containers read their jobs from."""

    def __init__(self, client: Any, place: ContainerPlace, objects: Objects) -> None:
        self._client, self._place, self._objects = client, place, objects
        self._bases: dict[str, Mapping[str, Any]] = {}
        self._definitions: dict[str, str] = {}          # image -> the task definition to run

    def run(self, job: Mapping[str, Any], *, token: str, attempt_id: int, image: str | None) -> str:
        """Start the job's container; its task ARN. The same token starts it once (A-93). image None: the worker's own.

        Raises UnavailableError where it is worth another try, TaskError where it is not.
        """
        mark = hashlib.sha256(token.encode()).hexdigest()
        key = f"{FOLDER}{mark}.json"
        self._objects.put(key, to_bytes(job), content_type="application/json")
        with calling("ECS"):
            try:
                return self._start(key, mark, attempt_id, self._definition(image))
            except ClientError as trouble:
                if code(trouble) == "ConflictException" and trouble.response.get("resourceIds"):
                    return str(trouble.response["resourceIds"][0])      # started before, by a slightly other request
                if code(trouble) in REFUSED:
                    why = trouble.response["Error"].get("Message", code(trouble))
                    raise TaskError(f"the container cannot be started: {why}") from None
                raise

    def stop(self, container: str, reason: str) -> None:
        """Ask the container to end (SIGTERM, later SIGKILL: A-100); one that has ended already is fine."""
        with calling("ECS"):
            try:
                self._client.stop_task(
                    cluster=self._place.cluster, task=container, reason=reason[:REASON_CHARACTERS_MAX])
            except ClientError as trouble:
                if code(trouble) not in GONE:
                    raise

    def _start(self, key: str, client_token: str, attempt_id: int, definition: str) -> str:
        place = self._place
        answer = self._client.run_task(
            cluster=place.cluster, taskDefinition=definition, launchType="FARGATE", count=1,
            clientToken=client_token, startedBy=f"skydag/{attempt_id}",
            networkConfiguration={"awsvpcConfiguration": {
                "subnets": list(place.subnets), "securityGroups": list(place.security_groups),
                "assignPublicIp": "ENABLED" if place.has_public_ip else "DISABLED",
            }},
            overrides={"containerOverrides": [{
                "name": place.container, "environment": [{"name": JOB, "value": key}]}]},
        )
        if answer.get("tasks"):
            return str(answer["tasks"][0]["taskArn"])
        reasons = ", ".join(f"{failure.get('reason')} {failure.get('detail', '')}".strip()
                            for failure in answer.get("failures", ())) or "no reason given"
        if any(word in reasons for word in PASSING):
            raise UnavailableError(f"ECS cannot start a container now: {reasons}")
        raise TaskError(f"the container cannot be started: {reasons}")

    def _definition(self, image: str | None) -> str:
        base = self._place.task_definition
        if image is None:
            return base
        if image not in self._definitions:
            described = self._described(base)
            if self._worker(described)["image"] == image:
                self._definitions[image] = base
            else:
                self._definitions[image] = self._copy(described, image)
        return self._definitions[image]

    def _copy(self, base: Mapping[str, Any], image: str) -> str:
        """The ARN of the base with that image, registered unless it is."""
        mark = hashlib.sha256(f"{base['taskDefinitionArn']}\n{image}".encode()).hexdigest()[:12]
        family = f"{base['family']}-{mark}"
        try:
            return str(self._described(family)["taskDefinitionArn"])
        except ClientError as trouble:
            if code(trouble) != "ClientException":      # "Unable to describe task definition": there is none yet
                raise
        fields = {name: base[name] for name in COPIED if base.get(name)}
        fields["containerDefinitions"] = [
            {**container, "image": image} if container["name"] == self._place.container else container
            for container in base["containerDefinitions"]
        ]
        answer = self._client.register_task_definition(family=family, **fields)
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def _described(self, name: str) -> Mapping[str, Any]:
        if name not in self._bases:
            self._bases[name] = self._client.describe_task_definition(taskDefinition=name)["taskDefinition"]
        return self._bases[name]

    def _worker(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        for container in definition["containerDefinitions"]:
            if container["name"] == self._place.container:
                found: Mapping[str, Any] = container
                return found
        raise TaskError(f"task definition {definition['taskDefinitionArn']} has no container {self._place.container}")
