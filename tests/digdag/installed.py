"""Plays cases of conformance/workflows through an embedded installation: pushed, started, killed and read by REST, run
by the real handlers. Many cases at once: each goes on whenever all of them have come to rest.

Time is virtual. A call of `work` takes a second, so that what follows something else is later by the names of its log
files; a task with `seconds` takes so long instead of sleeping. Processes run for real.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from tests.api.world import Client
from tests.digdag.play import (
    LIMIT,
    attempt_differences,
    echo_differences,
    files_of,
    lacking,
    refusal,
    request_differences,
    with_address,
)
from tests.digdag.workflow_cases import differences
from tests.goldens.rest_player import Reply, archive
from tests.simulation.modes import MODES
from tests.web import Web, serving

from skydag.app.tasks import TaskRow
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation
from skydag.embedded.lambdas import Duration
from skydag.model.task import State

START = datetime(2025, 6, 1, tzinfo=UTC)
TROUBLE = ("Configuration error at task ", "Task +", "Task failed with unexpected error: ")     # not of the task's own
JSON = {"Content-Type": "application/json"}


def play(cases: Sequence[Mapping[str, Any]], mode: str) -> dict[str, list[str]]:
    """What came out otherwise, by case; a case that came out right is not named. mode: of MODES."""
    on = {name: str(value).lower() for name, value in MODES[mode].items()}
    parameters = {"DirectContinuation": on["is_direct"], "Fusing": on["is_fused"], "Inline": on["is_inline"],
                  "TaskLimit": LIMIT, "AttemptLimit": 10_000}
    durations: dict[str, Duration] = {"Work": timedelta(seconds=1), "Script": _naps}
    with ExitStack() as open_, Installation(
            clock=VirtualClock(START), parameters=parameters, durations=durations) as installation:
        house = House(installation)
        webs = {case["id"]: open_.enter_context(serving()) for case in cases if "http" in case.get("needs", ())}
        has_order = not MODES[mode]["is_inline"]        # tasks of one call share a second, their lines have no order
        played = {case["id"]: InstalledCase(case, house, webs.get(case["id"]), has_order=has_order) for case in cases}
        going = {name: one.differences() for name, one in played.items()}
        found: dict[str, list[str]] = {}
        while going:
            for name, steps in list(going.items()):
                lines = _to_the_next_rest(steps)
                found.setdefault(name, []).extend(line for line in lines if line is not None)
                if lines[-1:] != [None]:
                    del going[name]
            house.settle([played[name] for name in going])
        for failure in installation.lambdas.failures:
            found.setdefault(failure.function, []).append(failure.trace)
        return {name: lines for name, lines in found.items() if lines}


def _to_the_next_rest(steps: Iterator[str | None]) -> list[str | None]:
    """What was told; None at the end where it goes on later."""
    lines: list[str | None] = []
    for line in steps:
        lines.append(line)
        if line is None:
            break
    return lines


def _naps(job: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=float(job.get("config", {}).get("seconds", 0)))


class House:
    """The installation as its users see it."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._client = Client(installation.application("Api"))

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Reply:
        data = None if body is None else json.dumps(body).encode()
        return self.send(method, path, {} if data is None else JSON, data, **query)

    def send(self, method: str, path: str, headers: Mapping[str, str], data: bytes | None, **query: str) -> Reply:
        return self._client(method, quote(path) + ("?" + urlencode(query) if query else ""), headers, data)

    def value(self, path: str, **query: str) -> Any:
        reply = self.ask("GET", path, **query)
        assert reply.status == 200, f"GET {path} {query}: {reply.status} {reply.body[:300]!r}"
        return reply.value

    def set_secret(self, project_id: int, key: str, value: str) -> None:
        """As Parameter Store takes it: the REST API has no secrets yet."""
        name = f"/skydag/skydag/{project_id}/{key}"
        self.installation.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString")

    def settle(self, cases: Sequence[InstalledCase]) -> None:
        looking = [case for case in cases if case.waits_to_kill]

        def look() -> None:
            for case in looking:
                case.look()

        self.installation.settle(look)


class InstalledCase:
    def __init__(self, case: Mapping[str, Any], house: House, web: Web | None, *, has_order: bool) -> None:
        self._case, self._house, self._web, self._has_order = with_address(case, web), house, web, has_order
        self._project = f"p-{case['id']}"
        self._attempt = "0"
        self._revisions = 0
        self._kill: Mapping[str, Any] = {}
        self._kills: list[int] = []             # what they were answered
        self._kill_at: datetime | None = None

    def differences(self) -> Iterator[str | None]:
        """A line each; None: to go on when everything has come to rest."""
        case, expect = self._case, self._case["expect"]
        pushed = self._push(case["files"])
        yield from _refused(expect.get("push", "ok"), pushed)
        if pushed.status != 200:
            return
        for key, value in case.get("secrets", {}).items():
            self._house.set_secret(int(self._project_id()), key, value)
        if case.get("start", True):
            yield from self._start(expect, case)
        for number, step in enumerate(case.get("steps", ()), 1):
            for line in self._step(number, step):
                yield line if line is None else f"step {number}: {line}"

    def _step(self, number: int, step: Mapping[str, Any]) -> Iterator[str | None]:
        expect = step.get("expect", {})
        if "start" in step:
            yield from self._start(expect, step["start"])
        elif "retry" in step:
            yield from self._retry(number, step["retry"], expect)
        elif "push" in step:
            yield from _refused("ok" if expect.get("status", 200) == 200 else expect, self._push(step["push"]["files"]))
        elif "attempts" in step:
            found = self._house.value("/api/attempts", project=self._project, workflow=step["attempts"]["workflow"],
                                      include_retried="true")["attempts"][::-1]
            if len(found) != len(expect["attempts"]):
                yield f"{len(found)} attempts, not {len(expect['attempts'])}"
            for row, wanted in zip(found, expect["attempts"], strict=False):
                yield from attempt_differences(wanted, _attempt(row))
        elif "pause" in step:
            self._house.installation.run_until(self._now() + timedelta(seconds=step["pause"]))
            yield None
        elif "kill" in step and (status := self._ask_to_kill()) != expect.get("status", 200):
            yield f"the kill was answered {status}"

    def _retry(self, number: int, retry: Mapping[str, Any], expect: Mapping[str, Any]) -> Iterator[str | None]:
        if "files" in retry:
            self._push(retry["files"])
        last = self._house.value(f"/api/attempts/{self._attempt}")
        resume = retry.get("resume")
        if resume is not None:
            resume = {"attemptId": self._attempt, **({"mode": resume} if isinstance(resume, str) else
                                                     {"mode": "from", **resume})}
        yield from self._start(expect, {
            "workflow": last["workflow"]["name"], "retry_name": f"again-{number}",
            "session_time": retry.get("session_time", last["sessionTime"]), "kill_when": retry.get("kill_when"),
            "params": retry.get("params", self._case.get("params", {}))}, resume)

    # --- one attempt

    def _start(self, expect: Mapping[str, Any], start: Mapping[str, Any],
               resume: Mapping[str, Any] | None = None) -> Iterator[str | None]:
        case = self._case
        name = start.get("workflow", case.get("workflow", "w"))
        workflows = self._house.value(f"/api/projects/{self._project_id()}/workflows", name=name)["workflows"]
        body: dict[str, Any] = {
            "workflowId": workflows[0]["id"], "params": start.get("params", {}),
            "sessionTime": start.get("session_time", case.get("session_time", "2025-01-01T00:00:00+00:00"))}
        if start.get("retry_name") is not None:
            body["retryAttemptName"] = start["retry_name"]
        if resume is not None:
            body["resume"] = resume
        reply = self._house.ask("PUT", "/api/attempts", body)
        if reply.status != expect.get("status", 200):
            yield f"the start was answered {reply.status}: {reply.body[:300]!r}"
        if reply.status == 409 and "conflict_with" in expect:
            yield from attempt_differences(expect["conflict_with"], _attempt(reply.value))
        elif reply.status != 200:
            yield from lacking(expect.get("message_contains", ()), reply.value["message"])
        if reply.status != 200:
            return
        self._attempt, self._kill = reply.value["id"], start.get("kill_when") or {}
        self._kills, self._kill_at = [], None
        yield None
        yield from self._compared(expect)

    def _compared(self, expect: Mapping[str, Any]) -> Iterator[str]:
        if self.waits_to_kill:
            yield "the moment to kill did not come"
        if self._kill and self._kills[:1] != [expect.get("kill_status", 200)]:
            yield f"kills were answered {self._kills}"
        self._kill = {}
        found = self._house.value(f"/api/attempts/{self._attempt}")
        yield from attempt_differences(expect.get("attempt", {}), _attempt(found))
        yield from differences(expect, self._rows())
        if "echo" in expect:
            any_order = not self._has_order or expect.get("echo_any_order", False)
            yield from echo_differences(expect["echo"], self._printed(), any_order=any_order)
        if self._web is not None and "requests" in expect:
            yield from request_differences(expect["requests"], self._web.requests)

    def _rows(self) -> list[TaskRow]:
        return [_row(task) for task in self._house.value(f"/api/attempts/{self._attempt}/tasks")["tasks"]]

    def _printed(self) -> list[str]:
        """The lines that count, by the time in the files' names."""
        rows = self._rows()
        has_all = any("echo>" in row.export_params for row in rows)     # L-142: it takes over every leaf
        echoes = {row.full_name for row in rows if has_all or _is_echo(row.config)}
        files = self._house.value(f"/api/logs/{self._attempt}/files")["files"]
        out: list[str] = []
        for file in sorted(files, key=lambda one: (one["fileName"].rpartition("@")[2], one["fileName"])):
            path = f"/api/logs/{self._attempt}/files/{file['fileName']}"
            reply = self._house.send("GET", path, {}, None)
            if reply.status != 200:
                return [f"the log {path} answered {reply.status}: {reply.body[:300]!r}"]
            text = gzip.decompress(reply.body).decode()
            out += [line for line in text.splitlines() if line.startswith(">> ")
                    or (file["taskName"] in echoes and not line.startswith(TROUBLE))]
        return out

    # --- kill

    @property
    def waits_to_kill(self) -> bool:
        return len(self._kills) < self._kill.get("times", 1) if self._kill else False

    def look(self) -> None:
        """Kills, when its moment has come."""
        if not self.waits_to_kill:
            return
        if self._kill_at is None:
            wanted = self._kill
            if not any(row.full_name == wanted["task"] and row.state in wanted["state"] for row in self._rows()):
                return
            self._kill_at = self._now() + timedelta(seconds=self._kill.get("pause", 0))
        if self._now() >= self._kill_at:
            self._kills.append(self._ask_to_kill())

    def _ask_to_kill(self) -> int:
        return self._house.ask("POST", f"/api/attempts/{self._attempt}/kill", {}).status

    def _now(self) -> datetime:
        return self._house.installation.clock()

    # --- its project

    def _push(self, files: Mapping[str, str]) -> Reply:
        self._revisions += 1
        described = {name: {"text": text, "mode": "755"} if text.startswith("#!") else text
                     for name, text in files_of(files, self._project).items()}
        return self._house.send("PUT", "/api/projects", {"Content-Type": "application/gzip"},
                                archive({"files": described}), project=self._project, revision=str(self._revisions))

    def _project_id(self) -> str:
        return str(self._house.value("/api/projects", name=self._project)["projects"][0]["id"])


def _attempt(found: Mapping[str, Any]) -> dict[str, Any]:
    """The attempt of the REST API in the words of the cases."""
    return {"done": found["done"], "success": found["success"], "status": found["status"], "index": found["index"],
            "cancel_requested": found["cancelRequested"], "params": found["params"],
            "session_time": found["sessionTime"], "named": found["retryAttemptName"] is not None}


def _refused(expected: Any, pushed: Reply) -> Iterator[str]:
    """A project that the original could not take at all (500) is refused as any other (R-12)."""
    if expected != "ok" and pushed.status != {500: 400}.get(expected["status"], expected["status"]):
        yield f"the push was answered {pushed.status}"
    yield from refusal(expected, [] if pushed.status == 200 else [pushed.value["message"]])


def _is_echo(config: Mapping[str, Any]) -> bool:
    """Also where expressions or an export tell the operator: no other is named so in the cases."""
    return "echo>" in config or ("_type" in config and config["_type"] not in ("sh", "py")) or not any(
        key.endswith(">") for key in config)


def _row(task: Mapping[str, Any]) -> TaskRow:
    """A task of the REST API as workflow_cases compares it."""
    return TaskRow(
        id=int(task["id"]), full_name=task["fullName"], state=State(task["state"]), is_group=task["isGroup"],
        parent_id=None if task["parentId"] is None else int(task["parentId"]), config=task["config"],
        upstreams=tuple(int(one) for one in task["upstreams"]), cancel_requested=task["cancelRequested"],
        store_params=task["storeParams"], export_params=task["exportParams"], state_params=task["stateParams"],
        error=task["error"], updated_at=datetime.fromisoformat(task["updatedAt"]), retry_at=None, started_at=None)
