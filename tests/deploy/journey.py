"""A whole journey on an emulator, IAM enforced: build, deploy, upload, start, schedule, alerts, update, delete.

    make deploy-test

The tests of this file build on each other, in this order; the name keeps it out of `make test`.
"""

from __future__ import annotations

import gzip
import io
import json
import platform
import tarfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.deploy import containers
from tests.deploy.emulator import emulator, run
from tests.deploy.stack import NAME, ROOT, Stack, bucket, wait_for

pytestmark = pytest.mark.deploy

FOLDER = ROOT / ".deploy"
PYTHON = FOLDER / "ms" / "bin" / "python"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
NO_CONTAINERS = containers.missing()


def emulators_python() -> str:
    """Functions run on the emulator's interpreter, so the artifact is built for it."""
    return run([PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], cwd=ROOT, env={}).strip()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    if NO_CONTAINERS:
        with emulator(FOLDER, PYTHON, None) as running:
            yield Stack(running, FOLDER / "sam" / "bin" / "sam")
        return
    with (
        containers.containers(FOLDER / "podman", ARCHITECTURE) as docker_host,
        emulator(FOLDER, PYTHON, docker_host) as running,
    ):
        yield Stack(running, FOLDER / "sam" / "bin" / "sam")


@pytest.fixture(scope="module")
def alerts(stack: Stack) -> list[dict[str, Any]]:
    """What came out of the topic so far; `receive` adds to it."""
    return []


def packed(folder: Path) -> bytes:
    """A project archive of the folder's files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.add(path, arcname=str(path.relative_to(folder)))
    return out.getvalue()


def receive(stack: Stack, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName="alerts-heard")["QueueUrl"]
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        alerts.append(json.loads(message["Body"]))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return alerts


def alert_of(stack: Stack, alerts: list[dict[str, Any]], attempt: dict[str, Any], message: str) -> dict[str, Any]:
    """The notice (S-99) about this attempt."""

    def heard() -> dict[str, Any] | None:
        found = [
            a
            for a in receive(stack, alerts)
            if str(a.get("attempt_id")) == attempt["id"] and a.get("message") == message
        ]
        return found[0] if found else None

    return wait_for(heard, 60, f"the notice '{message}'", lambda: alerts)


def upload(stack: Stack, key: str, data: bytes) -> None:
    stack.client("s3").put_object(Bucket=bucket("project"), Key=f"upload/{key}", Body=data)


def registered(stack: Stack, project: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: list[dict[str, Any]] = stack.get(f"/api/projects?name={project}")["projects"]
        return found[0] if found else None

    return wait_for(look, 60, f"project {project} to be registered")


def log_of(stack: Stack, attempt_id: str, task: str) -> str:
    """What the task printed, from the files that the API lists (R-65, R-67)."""

    def look() -> str | None:
        files = stack.get(f"/api/logs/{attempt_id}/files?task={urllib.parse.quote_plus(task)}")["files"]
        names = [urllib.parse.quote(file["fileName"]) for file in files]
        bodies = [stack.call("GET", f"/api/logs/{attempt_id}/files/{name}", by=stack.caller).body for name in names]
        return "".join(gzip.decompress(body).decode() for body in bodies) or None

    return wait_for(look, 20, f"the log of {task}")


# ---- deploy ----------------------------------------------------------------------------------------------------------


def test_sam_finds_nothing_to_complain_of_in_the_template(stack: Stack) -> None:
    out = run([stack.sam, "validate", "--lint", "--region", "us-east-1"], cwd=ROOT, env=stack.emulator.environment)
    assert "is a valid SAM Template" in out


def test_sam_builds_one_artifact_for_all_functions(stack: Stack) -> None:
    assert "Build Succeeded" in stack.build(ARCHITECTURE, emulators_python())


def test_sam_deploys(stack: Stack) -> None:
    assert "Successfully created/updated stack" in stack.deploy(WorkerImage=containers.IMAGE)
    sns, sqs = stack.client("sns"), stack.client("sqs")
    url = sqs.create_queue(QueueName="alerts-heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(
        TopicArn=stack.outputs["TopicArn"], Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )


# ---- the API and uploads ---------------------------------------------------------------------------------------------


def test_the_api_answers_who_signs_and_refuses_who_does_not(stack: Stack) -> None:
    assert stack.get("/api/version")["version"]
    assert stack.call("GET", "/api/projects", by=None).status == 403


def test_the_api_refuses_a_user_who_may_not_invoke_it(stack: Stack) -> None:
    stranger = stack.user("stranger", {"Action": "s3:ListAllMyBuckets", "Resource": "*"})
    assert stack.call("GET", "/api/projects", by=stranger).status == 403


def test_an_uploaded_project_is_registered(stack: Stack) -> None:
    upload(stack, "journey.tar.gz", packed(Path(__file__).parent / "project"))
    project = registered(stack, "journey")
    names = {workflow["name"] for workflow in stack.get(f"/api/projects/{project['id']}/workflows")["workflows"]}
    assert names == {"journey", "every_minute", "failing", "late", "lost", "in_a_container"}


def test_an_upload_that_is_no_archive_is_refused_beside_it_and_registers_nothing(stack: Stack) -> None:
    upload(stack, "broken.tar.gz", b"this is not gzip")
    s3 = stack.client("s3")

    def reason() -> str | None:
        found = s3.list_objects_v2(Bucket=bucket("project"), Prefix="upload/broken.tar.gz.error.json").get("Contents")
        return str(s3.get_object(Bucket=bucket("project"), Key=found[0]["Key"])["Body"].read()) if found else None

    assert "message" in wait_for(reason, 30, "the reason of the refusal")
    assert stack.get("/api/projects?name=broken")["projects"] == []


# ---- attempts --------------------------------------------------------------------------------------------------------


def test_an_attempt_started_through_the_api_runs_to_its_end_and_can_be_read_back(stack: Stack) -> None:
    params = {"table": stack.outputs["TableName"], "python": str(PYTHON)}
    attempt = stack.start("journey", "journey", "2025-06-10T00:00:00+00:00", params)
    done = stack.finished(attempt["id"], within_s=120)
    tasks = stack.tasks(attempt["id"])
    assert done["success"], {name: (task["state"], task["error"]) for name, task in tasks.items()}
    assert {task["state"] for task in tasks.values()} == {"success"}
    assert {"+journey+each^sub+for-0=place=0=north+show", "+journey+side_by_side+shell"} <= set(tasks)
    assert tasks["+journey+count"]["storeParams"]["counted"] == 4
    assert "shell sees 4 words" in log_of(stack, attempt["id"], "+journey+side_by_side+shell")
    assert "counting upload register start finish" in log_of(stack, attempt["id"], "+journey+count")


def test_user_code_is_refused_the_table_by_its_role_F_8(stack: Stack) -> None:
    (attempt,) = stack.get("/api/attempts?project=journey&workflow=journey")["attempts"]
    stored = stack.tasks(attempt["id"])["+journey+reach"]["storeParams"]
    assert stored["reached"] in ("AccessDeniedException", "AccessDenied")


def test_a_failure_runs_its_error_task_and_reaches_the_topics_subscribers(
    stack: Stack, alerts: list[dict[str, Any]]
) -> None:
    attempt = stack.start("journey", "failing", "2025-06-10T00:00:00+00:00")
    assert not stack.finished(attempt["id"], within_s=60)["success"]
    states = {name: task["state"] for name, task in stack.tasks(attempt["id"]).items()}
    assert states["+failing^error+say"] == "success"
    notice = alert_of(stack, alerts, attempt, "Workflow session attempt failed")
    assert (notice["project_name"], notice["workflow_name"]) == ("journey", "failing")


def test_an_attempt_that_takes_longer_than_its_sla_is_told_while_it_runs(
    stack: Stack, alerts: list[dict[str, Any]]
) -> None:
    attempt = stack.start("journey", "late", "2025-06-10T00:00:00+00:00")
    assert alert_of(stack, alerts, attempt, "SLA violation")["workflow_name"] == "late"
    assert stack.finished(attempt["id"], within_s=60)["success"]


def test_user_code_that_takes_its_function_down_fails_its_task_with_the_reason(stack: Stack) -> None:
    attempt = stack.start("journey", "lost", "2025-06-10T00:00:00+00:00")
    assert not stack.finished(attempt["id"], within_s=90)["success"]
    crash = stack.tasks(attempt["id"])["+lost+crash"]
    assert crash["state"] == "error"
    assert crash["error"]["message"]


def test_a_schedule_starts_its_session_by_itself(stack: Stack) -> None:
    def ended() -> dict[str, Any] | None:
        attempts = stack.get("/api/attempts?project=journey&workflow=every_minute")["attempts"]
        return next((attempt for attempt in attempts if attempt["done"]), None)

    assert wait_for(ended, 150, "the schedule's first attempt", lambda: stack.get("/api/schedules"))["success"]


@pytest.mark.skipif(NO_CONTAINERS is not None, reason=f"NO CONTAINER TASK IS TRIED ON THIS MACHINE: {NO_CONTAINERS}")
def test_a_task_with_docker_runs_in_that_image_which_knows_nothing_of_skydag(stack: Stack) -> None:
    attempt = stack.start("journey", "in_a_container", "2025-06-10T00:00:00+00:00", {"image": containers.BASE})
    done = stack.finished(attempt["id"], within_s=90)
    tasks = stack.tasks(attempt["id"])
    assert done["success"], {name: (task["state"], task["error"]) for name, task in tasks.items()}
    assert tasks["+in_a_container+inside"]["storeParams"] == {"system": "debian"}


@pytest.mark.skipif(NO_CONTAINERS is not None, reason=f"NO CONTAINER TASK IS TRIED ON THIS MACHINE: {NO_CONTAINERS}")
def test_the_example_of_the_readme_runs_as_it_does_in_the_demo(stack: Stack) -> None:
    upload(stack, "daily_sales.tar.gz", packed(ROOT / "examples" / "daily_sales"))
    registered(stack, "daily_sales")
    attempt = stack.start("daily_sales", "daily_sales", "2025-06-10T00:00:00+02:00")
    done = stack.finished(attempt["id"], within_s=120)
    tasks = stack.tasks(attempt["id"])
    assert done["success"], {name: (task["state"], task["error"]) for name, task in tasks.items()}


# ---- update, delete --------------------------------------------------------------------------------------------------


def test_an_update_changes_the_setting_and_loses_nothing(stack: Stack) -> None:
    before = stack.get("/api/attempts?project=journey&workflow=journey")["attempts"]
    assert "Successfully created/updated stack" in stack.deploy(DirectContinuation="false")
    functions = stack.client("lambda")
    variables = functions.get_function_configuration(FunctionName=f"{NAME}-work")["Environment"]["Variables"]
    assert variables["SKYDAG_DIRECT"] == "false"
    assert stack.get("/api/attempts?project=journey&workflow=journey")["attempts"] == before


def test_the_stream_alone_brings_an_attempt_to_its_end_F_4(stack: Stack) -> None:
    params = {"table": stack.outputs["TableName"], "python": str(PYTHON)}
    attempt = stack.start("journey", "journey", "2025-06-11T00:00:00+00:00", params)
    assert stack.finished(attempt["id"], within_s=120)["success"]


def test_nothing_was_given_up_on_the_way(stack: Stack) -> None:
    sqs = stack.client("sqs")
    for queue in ("dead-letters", "stream-failures"):
        url = sqs.get_queue_url(QueueName=f"{NAME}-{queue}")["QueueUrl"]
        assert sqs.receive_message(QueueUrl=url).get("Messages", []) == []


def test_deleting_keeps_the_history_and_leaves_nothing_that_runs(stack: Stack) -> None:
    s3, table = stack.client("s3"), stack.outputs["TableName"]
    for kind in ("project", "log"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket(kind)):
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                s3.delete_object(Bucket=bucket(kind), Key=version["Key"], VersionId=version["VersionId"])
    assert "Deleted successfully" in stack.delete()
    assert stack.client("lambda").list_functions()["Functions"] == []
    assert stack.client("scheduler").list_schedules()["Schedules"] == []
    assert stack.client("dynamodb").list_tables()["TableNames"] == [table]
