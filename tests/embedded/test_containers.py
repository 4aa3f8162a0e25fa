"""A container is played by a child process that finds moto and Lambda at the endpoint."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError

from skydag.bootstrap import system_clock
from skydag.embedded import containers
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation

WORKER = """
import json, os, sys, boto3
s3 = boto3.client("s3")
job = json.loads(s3.get_object(Bucket=os.environ["SKYDAG_PROJECT_BUCKET"], Key=os.environ["SKYDAG_JOB"])["Body"].read())
s3.put_object(Bucket=os.environ["SKYDAG_LOG_BUCKET"], Key="logs/1/a b+c.log", Body=b"said " * 3)
boto3.client("lambda").invoke(
    FunctionName=os.environ["SKYDAG_FINISH_FUNCTION"], InvocationType="Event", Payload=json.dumps({"did": job}))
print("printed")
sys.exit(job["exit"])
"""


@pytest.fixture
def calls() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def installation(
    calls: list[tuple[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    monkeypatch.setattr(containers, "COMMAND", (sys.executable, str(worker)))
    names = ("Finish", "ContainerEnded")
    handlers = {name: (lambda event, _, name=name: calls.append((name, event))) for name in names}
    with Installation(clock=VirtualClock(datetime(2025, 1, 1, tzinfo=UTC)), handlers=handlers) as running:
        yield running


def run_task(installation: Installation, *, exit_code: int = 0, token: str = "t", started_by: str = "skydag/1") -> str:
    work = installation.functions["Work"].environment
    job = {"exit": exit_code}
    installation.client("s3").put_object(
        Bucket=work["SKYDAG_PROJECT_BUCKET"], Key=f"data/jobs/{exit_code}.json", Body=json.dumps(job))
    answer = installation.session.client("ecs").run_task(
        cluster=work["SKYDAG_CLUSTER"], taskDefinition=work["SKYDAG_TASK_DEFINITION"], launchType="FARGATE",
        clientToken=token, startedBy=started_by,
        networkConfiguration={"awsvpcConfiguration": {
            "subnets": work["SKYDAG_SUBNETS"].split(","), "securityGroups": work["SKYDAG_SECURITY_GROUPS"].split(",")}},
        overrides={"containerOverrides": [
            {"name": "worker", "environment": [{"name": "SKYDAG_JOB", "value": f"data/jobs/{exit_code}.json"}]}]})
    return str(answer["tasks"][0]["taskArn"])


def test_the_child_reads_its_job_writes_its_log_and_reports(
    installation: Installation, calls: list[tuple[str, Any]],
) -> None:
    arn = run_task(installation)
    installation.settle()
    assert calls[0] == ("Finish", {"did": {"exit": 0}})
    log = installation.client("s3").get_object(Bucket=installation.ref("LogBucket"), Key="logs/1/a b+c.log")
    assert log["Body"].read() == b"said said said "
    name, event = calls[1]
    detail = event["detail"]
    assert (name, detail["taskArn"], detail["containers"][0]["exitCode"]) == ("ContainerEnded", arn, 0)
    assert installation.containers.history[0].output == "printed\n"


def test_an_exit_code_reaches_the_event_and_describe_tasks(
    installation: Installation, calls: list[tuple[str, Any]],
) -> None:
    arn = run_task(installation, exit_code=3)
    (before,) = installation.client("ecs").describe_tasks(cluster="skydag", tasks=[arn])["tasks"]
    assert before["lastStatus"] == "RUNNING"
    installation.settle()
    assert calls[-1][1]["detail"]["containers"][0]["exitCode"] == 3
    (after,) = installation.client("ecs").describe_tasks(cluster="skydag", tasks=[arn])["tasks"]
    assert after["lastStatus"] == "STOPPED"


def test_the_same_client_token_starts_a_task_once_and_with_another_request_is_a_conflict(
    installation: Installation, calls: list[tuple[str, Any]],
) -> None:
    assert run_task(installation) == run_task(installation)
    with pytest.raises(ClientError, match="ConflictException"):
        run_task(installation, exit_code=1)
    installation.settle()
    assert [name for name, _ in calls] == ["Finish", "ContainerEnded"]


def test_a_stopped_task_ends_its_process_on_a_running_installation(
    calls: list[tuple[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(containers, "COMMAND", (sys.executable, "-c", "import time; time.sleep(600)"))
    stop = Event()

    def ended(event: Any, _: Any) -> None:
        calls.append(("ContainerEnded", event))
        stop.set()

    with Installation(clock=system_clock, handlers={"ContainerEnded": ended}, workers=2) as running:
        arn = run_task(running)
        running.step()
        assert running.containers.is_busy
        running.client("ecs").stop_task(cluster="skydag", task=arn, reason="killed")
        running.serve(stop)
    detail = calls[0][1]["detail"]
    assert (detail["stopCode"], detail["stoppedReason"]) == ("UserInitiated", "killed")
    assert detail["containers"][0]["exitCode"] == 143, "128 + SIGTERM, as ECS says it"


def test_tasks_that_skydag_did_not_start_concern_nobody(
    installation: Installation, calls: list[tuple[str, Any]],
) -> None:
    run_task(installation, started_by="somebody")
    installation.settle()
    assert [name for name, _ in calls] == ["Finish"]
