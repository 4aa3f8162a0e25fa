"""The installation on the emulator: built and deployed by the unmodified SAM CLI, called as a user calls it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.deploy.emulator import ACCOUNT, REGION, Emulator, run

ROOT = Path(__file__).parents[2]
NAME = "skydag-journey"
EXECUTE_API = f"arn:aws:execute-api:{REGION}:{ACCOUNT}"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: Any  # what the JSON says; bytes where it is none


class Stack:
    def __init__(self, emulator: Emulator, sam: Path) -> None:
        self.emulator, self.sam = emulator, sam
        self._parameters: dict[str, str] = {}

    # ---- sam --------------------------------------------------------------------------------------------------------

    def build(self, architecture: str, python: str) -> str:
        out = run(
            ["make", "build", f"SAM={self.sam}", f"ARCH={architecture}", f"PYTHON={python}"],
            cwd=ROOT,
            env={"SAM_CLI_TELEMETRY": "0", "MAKEFLAGS": ""},
        )
        self._parameters = {"Architecture": architecture, "PythonVersion": f"python{python}"}
        return out

    def deploy(self, **changes: str) -> str:
        """Creates the stack, or updates it; parameters of earlier calls stay."""
        self._parameters |= changes
        overrides = [f"{name}={value}" for name, value in self._parameters.items()]
        argv: list[str | Path] = [
            self.sam,
            "deploy",
            "--stack-name",
            NAME,
            "--no-progressbar",
            "--parameter-overrides",
            *overrides,
        ]
        return run(argv, cwd=ROOT, env=self.emulator.environment)

    def delete(self) -> str:
        return run(
            [self.sam, "delete", "--stack-name", NAME, "--no-prompts", "--region", REGION],
            cwd=ROOT,
            env=self.emulator.environment,
        )

    # ---- AWS --------------------------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.emulator.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    @cached_property
    def outputs(self) -> dict[str, str]:
        stacks = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}

    def function_logs(self) -> str:
        """The last lines of every function's log, for a test that failed."""
        logs, parts = self.client("logs"), []
        for group in logs.describe_log_groups()["logGroups"]:
            messages = [
                str(event["message"]).rstrip()
                for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
            ]
            told = [line for line in messages if not line.startswith(("START ", "END ", "REPORT "))]
            if told:
                parts.append(f"== {group['logGroupName']}\n" + "\n".join(told[-60:]))
        return "\n".join(parts)

    # ---- the REST API -----------------------------------------------------------------------------------------------

    @cached_property
    def caller(self) -> Credentials:
        """Of a user who may do what docs/permissions.md says callers need, and nothing else."""
        return self.user("caller", {"Action": "execute-api:Invoke", "Resource": f"{EXECUTE_API}:{self._api}/*"})

    def user(self, name: str, allowed: Mapping[str, str]) -> Credentials:
        iam = self.client("iam")
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **allowed}]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    @property
    def _api(self) -> str:
        return self.outputs["ApiUrl"].removeprefix("https://").split(".")[0]

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, by: Credentials | None) -> Answer:
        """path: '/api/...'. The emulator's form of the API's address; the signature is what AWS wants, None: none."""
        url = f"{self.emulator.url}/_aws/execute-api/{self._api}/$default{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        if by is not None:
            request = AWSRequest(method=method, url=url, data=data, headers=headers)
            SigV4Auth(by, "execute-api", REGION).add_auth(request)
            headers = dict(request.headers)
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data, headers, method=method), timeout=60
            ) as answer:
                return _answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.read())

    def get(self, path: str) -> Any:
        answer = self.call("GET", path, by=self.caller)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.body}"
        return answer.body

    def start(
        self, project: str, workflow: str, session_time: str, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The attempt, as PUT /api/attempts answers (R-55)."""
        found = self.get(f"/api/workflow?project={project}&name={workflow}")
        answer = self.call(
            "PUT",
            "/api/attempts",
            {"workflowId": found["id"], "sessionTime": session_time, "params": dict(params or {})},
            by=self.caller,
        )
        assert answer.status == 200, f"PUT /api/attempts: {answer.status} {answer.body}"
        attempt: dict[str, Any] = answer.body
        return attempt

    def finished(self, attempt_id: str, *, within_s: float) -> dict[str, Any]:
        """The attempt once it is done."""
        return wait_for(
            lambda: _if_done(self.get(f"/api/attempts/{attempt_id}")),
            within_s,
            f"attempt {attempt_id} to end",
            lambda: self.get(f"/api/attempts/{attempt_id}/tasks"),
        )

    def tasks(self, attempt_id: str) -> dict[str, dict[str, Any]]:
        return {task["fullName"]: task for task in self.get(f"/api/attempts/{attempt_id}/tasks")["tasks"]}


def _answer(status: int, data: bytes) -> Answer:
    try:
        return Answer(status=status, body=json.loads(data))
    except ValueError:
        return Answer(status=status, body=data)


def _if_done(attempt: dict[str, Any]) -> dict[str, Any] | None:
    return attempt if attempt["done"] else None


def wait_for(look: Callable[[], T | None], within_s: float, what: str, state: Callable[[], Any] = str) -> T:
    """What `look` finds; after within_s seconds a failure that shows `state`."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s} s for {what}; now: {state()}")
        time.sleep(0.3)


def bucket(kind: str) -> str:
    return f"{NAME}-{kind}-{ACCOUNT}-{REGION}"
