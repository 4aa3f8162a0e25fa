"""Calls of functions, and containers on ECS (moto; the answers it never gives are put before the client; O-134)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.aws.answers import answer_first, error

from skydag.aws.client import client
from skydag.aws.containers import ContainerPlace, Containers
from skydag.aws.dispatch import LambdaDispatch, image_of
from skydag.aws.invoke import LambdaInvoker, whole
from skydag.errors import IllegalStepError, TaskError, UnavailableError
from skydag.local.objects import MemoryObjects

BASE_IMAGE = "example.com/skydag-worker:1"


class Functions:
    """Lambda accepts every call, but for those that the test has fail."""

    def __init__(self, region: str, *answers: Any) -> None:
        self.client, self.objects = client("lambda", region_name=region), MemoryObjects()
        self.requests = answer_first(self.client, "Invoke", *answers, *[{"StatusCode": 202}] * 40)
        invoker = LambdaInvoker(self.client, self.objects)
        self.dispatch = LambdaDispatch(invoker, work="skydag-work", script="skydag-script", finish="skydag-finish")

    def calls(self) -> list[tuple[str, str, Any]]:
        return [(request["url_path"].split("/")[3], request["headers"]["X-Amz-Invocation-Type"],
                 json.loads(request["body"])) for request in self.requests]


@pytest.fixture
def functions(aws: str) -> Functions:
    return Functions(aws)


class _Job:
    """Something to hand over."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def to_json(self) -> dict[str, Any]:
        return self._values


def test_each_job_is_one_asynchronous_call_of_work(functions: Functions) -> None:
    jobs = [_Job(path=f"{number}") for number in range(33)]
    functions.dispatch.work(jobs)
    assert sorted(int(payload["path"]) for _, _, payload in functions.calls()) == list(range(33))
    assert {(name, how) for name, how, _ in functions.calls()} == {("skydag-work", "Event")}
    functions.dispatch.work([])
    assert len(functions.calls()) == 33


def test_a_claimed_job_goes_to_script(functions: Functions) -> None:
    functions.dispatch.script({"path": "ü"})
    assert functions.calls() == [("skydag-script", "Event", {"path": "ü"})]


@pytest.mark.parametrize("key", ["build", "build_options", "run_options"])
def test_what_would_give_another_container_on_a_laptop_is_refused_on_ecs_and_not_ignored(key: str) -> None:
    assert image_of({"config": {"docker": {"image": "python:3.13", key: []}}}) == "python:3.13"
    with pytest.raises(TaskError, match=f"docker: {key} is not supported on ECS yet"):
        image_of({"config": {"docker": {"image": "python:3.13", key: ["x"]}}})


def test_how_a_handed_over_run_ended_goes_to_finish(functions: Functions) -> None:
    functions.dispatch.report({"attempt_id": 1, "token": "t"})
    assert functions.calls() == [("skydag-finish", "Event", {"attempt_id": 1, "token": "t"})]


@pytest.mark.parametrize(("size", "spilled"), [(200 * 1024, False), (2 * 1024 * 1024, True)])
def test_a_job_larger_than_a_call_lies_in_the_bucket(functions: Functions, size: int, spilled: bool) -> None:
    """A-2, F-9."""
    job = {"state": "x" * size}
    for _ in range(2):
        functions.dispatch.work([_Job(**job)])
    payloads = [payload for _, _, payload in functions.calls()]
    assert (payloads[0] != job) is spilled
    assert payloads[0] == payloads[1]
    assert whole(payloads[0], functions.objects) == job
    assert len(list(functions.objects.list("data/jobs/"))) == (1 if spilled else 0)


def test_a_call_that_fails_does_not_keep_the_others_from_being_made(aws: str) -> None:
    functions = Functions(aws, error("TooManyRequestsException"))
    with pytest.raises(UnavailableError, match="slow down"):
        functions.dispatch.work([_Job(path=f"{number}") for number in range(5)])
    assert len(functions.requests) == 5


def test_without_a_cluster_a_container_is_an_error_that_says_so(functions: Functions) -> None:
    with pytest.raises(IllegalStepError, match="SKYDAG_CLUSTER"):
        functions.dispatch.container({"attempt": {"id": 1}, "config": {}}, token="t")


class Cluster:
    def __init__(self, region: str, name: str) -> None:
        self.ecs, ec2 = client("ecs", region_name=region), client("ec2", region_name=region)
        self.name, self.objects = name, MemoryObjects()
        self.ecs.create_cluster(clusterName=name)
        subnet = ec2.describe_subnets()["Subnets"][0]
        group = ec2.create_security_group(GroupName=name, Description="x", VpcId=subnet["VpcId"])["GroupId"]
        self.base = self.ecs.register_task_definition(
            family=f"{name}-worker", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            taskRoleArn="arn:aws:iam::123456789012:role/worker", executionRoleArn="arn:aws:iam::123456789012:role/pull",
            containerDefinitions=[
                {"name": "worker", "image": BASE_IMAGE, "command": ["run"], "cpu": 128, "memory": 256,
                 "environment": [{"name": "A", "value": "1"}]},
                {"name": "helper", "image": "example.com/helper:1", "cpu": 128, "memory": 256},
            ])["taskDefinition"]["taskDefinitionArn"]
        self.requests = answer_first(self.ecs, "RunTask")
        self.place = ContainerPlace(
            cluster=name, task_definition=self.base, subnets=[subnet["SubnetId"]], security_groups=[group])
        self.dispatch = self.new_dispatch()

    def new_dispatch(self) -> LambdaDispatch:
        containers = Containers(self.ecs, self.place, self.objects)
        return LambdaDispatch(LambdaInvoker(None, self.objects), work="w", script="s", containers=containers)

    def run(self, image: str | None = None, token: str = "12-3-1") -> Any:
        docker = {"docker": {"image": image}} if image else {}
        job = {"attempt": {"id": "12"}, "path": "a", "config": {"x": 1, **docker}}
        arn = self.dispatch.container(job, token=token)
        return self.ecs.describe_tasks(cluster=self.name, tasks=[arn])["tasks"][0]

    def sent(self) -> list[Any]:
        return [json.loads(request["body"]) for request in self.requests]


@pytest.fixture
def cluster(aws: str, request: pytest.FixtureRequest) -> Cluster:
    return Cluster(aws, f"c-{abs(hash(request.node.name)):x}")


def test_a_container_is_told_only_where_its_job_lies(cluster: Cluster) -> None:
    """A-92, O-127, O-128, O-129: no command, no variables of the task, no address that expires; the container reads all
    that by its own role."""
    task = cluster.run()
    assert task["taskDefinitionArn"] == cluster.base
    assert task["startedBy"] == "skydag/12"
    ((name, environment),) = [(one["name"], one["environment"]) for one in task["overrides"]["containerOverrides"]]
    assert name == "worker"
    assert [variable["name"] for variable in environment] == ["SKYDAG_JOB"]
    assert json.loads(cluster.objects.get(environment[0]["value"])) == {
        "attempt": {"id": "12"}, "path": "a", "config": {"x": 1}}
    assert "command" not in task["overrides"]["containerOverrides"][0]
    (request,) = cluster.sent()
    assert (request["count"], request["launchType"]) == (1, "FARGATE")
    assert request["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == list(cluster.place.subnets)
    assert "https://" not in json.dumps(request["overrides"])


def test_o125_o126_a_task_cannot_choose_another_cluster_or_definition(cluster: Cluster) -> None:
    """Whoever writes workflows gets no more than the installation's own cluster (F-8)."""
    own = {"agent.command_executor.ecs": {"cluster_name": "other", "subnets": "s-1"},
           "ecs": {"task_definition_arn": "arn:other"}}
    arn = cluster.dispatch.container({"attempt": {"id": 12}, "path": "a", "config": own}, token="12-3-1")
    task = cluster.ecs.describe_tasks(cluster=cluster.name, tasks=[arn])["tasks"][0]
    assert task["taskDefinitionArn"] == cluster.base
    assert "s-1" not in json.dumps(cluster.sent())


def test_the_same_token_makes_the_same_request_and_another_token_another(cluster: Cluster) -> None:
    """A-93: the same request with the same token is the same task (moto does not know, so the request is compared)."""
    for token in ("12-3-1", "12-3-1", "12-3-2"):
        cluster.run(token=token)
    first, again, other = cluster.sent()
    assert first == again
    assert first["clientToken"] != other["clientToken"]
    assert len(first["clientToken"]) == 64
    assert first["overrides"] != other["overrides"]


def test_a_repeat_that_differs_a_little_names_the_container_that_runs(cluster: Cluster) -> None:
    """A-93: the base definition was updated in between."""
    answer_first(cluster.ecs, "RunTask", error("ConflictException", resourceIds=["arn:task/old"]))
    job = {"attempt": {"id": 12}, "config": {}}
    assert cluster.dispatch.container(job, token="t") == "arn:task/old"


def test_another_image_runs_in_a_copy_of_the_definition_made_once(cluster: Cluster) -> None:
    """O-126: `docker.image` says which definition; nobody lists and reads all of them."""
    listed = answer_first(cluster.ecs, "ListTaskDefinitions")
    tasks = [cluster.run("python:3.12", token=f"{number}") for number in range(2)]
    definitions = {task["taskDefinitionArn"] for task in tasks}
    assert (len(definitions), listed) == (1, [])
    copy = cluster.ecs.describe_task_definition(taskDefinition=definitions.pop())["taskDefinition"]
    base = cluster.ecs.describe_task_definition(taskDefinition=cluster.base)["taskDefinition"]
    assert copy["family"].startswith(f"{base['family']}-")
    assert [one["image"] for one in copy["containerDefinitions"]] == ["python:3.12", "example.com/helper:1"]
    for same in ("taskRoleArn", "executionRoleArn", "networkMode", "cpu", "memory", "requiresCompatibilities"):
        assert copy[same] == base[same]
    assert copy["containerDefinitions"][0]["command"] == ["run"]
    assert copy["containerDefinitions"][0]["environment"] == [{"name": "A", "value": "1"}]


def test_a_copy_made_by_another_process_is_found(cluster: Cluster) -> None:
    first = cluster.run("python:3.12")["taskDefinitionArn"]
    cluster.dispatch = cluster.new_dispatch()
    assert cluster.run("python:3.12")["taskDefinitionArn"] == first
    assert cluster.run("python:3.13")["taskDefinitionArn"] != first


def test_the_installations_own_image_needs_no_copy(cluster: Cluster) -> None:
    assert cluster.run(BASE_IMAGE)["taskDefinitionArn"] == cluster.base


@pytest.mark.parametrize(("answer", "raised", "words"), [
    ({"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}, UnavailableError, "RESOURCE:MEMORY"),
    ({"tasks": [], "failures": [{"reason": "AGENT"}]}, UnavailableError, "AGENT"),
    ({"tasks": [], "failures": [{"reason": "Capacity is unavailable at this time"}]}, UnavailableError, "Capacity"),
    ({"tasks": [], "failures": [{"reason": "INACTIVE", "detail": "of the definition"}]}, TaskError, "INACTIVE of the"),
    ({"tasks": [], "failures": []}, TaskError, "no reason given"),
    (error("ThrottlingException"), UnavailableError, "slow down"),
    (error("InvalidParameterException"), TaskError, "InvalidParameterException for the test"),
    (error("ClientException"), TaskError, "the container cannot be started"),
])
def test_a_container_that_does_not_start_says_why(cluster: Cluster, answer: Any, raised: Any, words: str) -> None:
    """A-91, A-94, A-95, O-130: what passes is tried again, what does not fails the task."""
    answer_first(cluster.ecs, "RunTask", answer)
    with pytest.raises(raised, match=words):
        cluster.run()


def test_stopping_a_container_works_and_is_fine_when_it_is_gone(cluster: Cluster) -> None:
    task = cluster.run()
    cluster.dispatch.stop_container(task["taskArn"], "killed " * 100)
    stopped = cluster.ecs.describe_tasks(cluster=cluster.name, tasks=[task["taskArn"]])["tasks"][0]
    assert stopped["desiredStatus"] == "STOPPED"
    answer_first(cluster.ecs, "StopTask", error("InvalidParameterException"))
    cluster.dispatch.stop_container("arn:task/gone", "killed")
