"""Plays a case of conformance/workflows from its push to its last step, and says what came out otherwise.

Time is virtual. What has to happen while a task runs (a kill, the passing of an SLA) happens at the moment when its
operator is about to run: the task is claimed, and nothing has come back yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.digdag.workflow_cases import World, differences, matches
from tests.web import Asked, Web

from skydag.app import execute
from skydag.app.task_log import TaskLog
from skydag.engine.variables import iso
from skydag.errors import SkydagError
from skydag.model.session import Attempt, Resume
from skydag.model.zones import zone
from skydag.store.starts import SessionExists

NAP = "time.sleep(float(seconds))"      # how cases spend time; here the clock goes on instead
LIMIT = 1000                            # that of the recorded runs


class Play:
    def __init__(self, case: Mapping[str, Any], folder: Path, *, is_direct: bool, web: Web | None = None) -> None:
        case = with_address(case, web)
        self._case, self._is_direct, self._web = case, is_direct, web
        self._world = World(folder, files_of(case["files"]), is_direct=is_direct, task_limit=LIMIT,
                            secrets=case.get("secrets"))
        self._kill: Mapping[str, Any] = {}
        self._kills = 0
        self._attempt_id = 0
        self._lines: list[str] = []
        self._surroundings = self._world.local.surroundings
        self._world.local.surroundings = self._about_to_run          # type: ignore[method-assign]
        self._world.after_step = self._look                          # type: ignore[method-assign]

    def differences(self) -> Iterator[str]:
        case, expect = self._case, self._case["expect"]
        yield from refusal(expect.get("push", "ok"), self._world.project.errors)
        if self._world.project.errors:
            return
        if case.get("start", True):
            yield from self._start(expect, case.get("workflow", "w"), self._time(case), case.get("params", {}),
                                   kill=case.get("kill_when"))
        for number, step in enumerate(case.get("steps", ()), 1):
            for line in self._step(number, step):
                yield f"step {number}: {line}"

    def _step(self, number: int, step: Mapping[str, Any]) -> Iterator[str]:
        case, expect = self._case, step.get("expect", {})
        if "start" in step:
            start = step["start"]
            yield from self._start(
                expect, start.get("workflow", case.get("workflow", "w")), self._time(start), start.get("params", {}),
                retry_name=start.get("retry_name"), kill=start.get("kill_when"))
        elif "retry" in step:
            yield from self._retry(number, step["retry"], expect)
        elif "push" in step:
            pushed = self._world.push(files_of(step["push"]["files"]))
            yield from refusal("ok" if expect.get("status", 200) == 200 else expect, pushed.errors)
        elif "attempts" in step:
            found = self._world.local.application.attempts.attempts(
                1, step["attempts"]["workflow"], include_retried=True)
            rows = [_attempt_json(attempt) for attempt in reversed(found)]
            if len(rows) != len(expect["attempts"]):
                yield f"{len(rows)} attempts, not {len(expect['attempts'])}"
            for row, wanted in zip(rows, expect["attempts"], strict=False):
                yield from attempt_differences(wanted, row)
        elif "pause" in step:
            self._world.clock.now += timedelta(seconds=step["pause"])
            self._world.settle()
        elif "kill" in step:
            yield from self._killed(expect)

    def _retry(self, number: int, retry: Mapping[str, Any], expect: Mapping[str, Any]) -> Iterator[str]:
        if "files" in retry:
            self._world.push(files_of(retry["files"]))
        attempt = self._world.local.application.attempts.get(self._attempt_id)
        resume = retry.get("resume")
        yield from self._start(
            expect, attempt.workflow_name, self._time(retry) if "session_time" in retry else attempt.session_time,
            retry.get("params", self._case.get("params", {})), retry_name=f"again-{number}",
            resume=None if resume is None else Resume(
                attempt_id=self._attempt_id, start_from=None if resume == "failed" else resume["from"]))

    def _killed(self, expect: Mapping[str, Any]) -> Iterator[str]:
        status = 200
        try:
            self._world.local.application.kill(self._attempt_id)
        except SkydagError as refused:
            status = refused.http_status
        if status != expect.get("status", 200):
            yield f"the kill was answered {status}"

    def _start(self, expect: Mapping[str, Any], workflow: str, session_time: datetime, params: Mapping[str, Any], *,
               retry_name: str | None = None, kill: Mapping[str, Any] | None = None,
               resume: Resume | None = None) -> Iterator[str]:
        self._kill, self._kills, self._lines = kill or {}, 0, []
        try:
            self._attempt_id = self._world.start(workflow, session_time, params, retry_name, resume)
        except SkydagError as refused:
            if refused.http_status != expect.get("status", 200):
                yield f"refused with {refused.http_status}: {refused}"
            yield from lacking(expect.get("message_contains", ()), str(refused))
            if isinstance(refused, SessionExists):
                yield from attempt_differences(expect.get("conflict_with", {}), _attempt_json(refused.attempt))
            return
        if expect.get("status", 200) != 200:
            yield f"started, instead of {expect['status']}"
        self._look()
        self._world.settle()
        if kill and self._kills < kill.get("times", 1):
            yield "the moment to kill did not come"
        attempt = self._world.local.application.attempts.get(self._attempt_id)
        yield from attempt_differences(expect.get("attempt", {}), _attempt_json(attempt))
        yield from differences(expect, self._world.rows(self._attempt_id))
        if "echo" in expect:
            yield from echo_differences(expect["echo"], self._lines, any_order=expect.get("echo_any_order", False))
        if self._web is not None and "requests" in expect:
            yield from request_differences(expect["requests"], self._web.requests)

    def _time(self, where: Mapping[str, Any]) -> datetime:
        text = where.get("session_time", self._case.get("session_time", "2025-01-01T00:00:00+00:00"))
        return datetime.fromisoformat(text)

    # --- while it runs -----------------------------------------------------------------------------------------------

    def _about_to_run(self, attempt: Attempt, config: Mapping[str, Any], name: str, number: int,
                      log: TaskLog) -> execute.Surroundings:
        if name == self._kill.get("task") and "running" in self._kill["state"]:
            self._kill_now()
        if "seconds" in config:
            self._world.clock.now += timedelta(seconds=float(config["seconds"]))
            for message in self._world.local.timers.due(self._world.clock()):
                self._world.local.application.advance.timer(message, self._world.clock())
                while self._world.local.step():         # what it brings about is done while the task naps
                    pass
        around = self._surroundings(attempt, config, name, number, log)
        is_echo = config.get("_type") == "echo"

        def shown(text: str) -> None:
            around.echo(text)
            if attempt.id == self._attempt_id:
                self._lines.extend(line for line in text.splitlines() or [""] if is_echo or line.startswith(">> "))

        world = self._world.local
        return replace(around, echo=shown, commands=world._commands(attempt, config, shown))

    def _look(self) -> None:
        task = self._kill.get("task")
        if task is None or "running" in self._kill["state"] or self._kills >= self._kill.get("times", 1):
            return
        if any(row.full_name == task and str(row.state) in self._kill["state"]
               for row in self._world.rows(self._attempt_id)):
            self._kill_now()

    def _kill_now(self) -> None:
        if self._kills >= self._kill.get("times", 1):
            return
        self._kills += 1
        self._world.clock.now += timedelta(seconds=self._kill.get("pause", 0))
        self._world.local.application.kill(self._attempt_id)
        while records := self._world.local._take_records():      # while the task runs the stream carries the kill down
            self._world.local.advance(records)


# --- comparing -------------------------------------------------------------------------------------------------------

def with_address(case: Mapping[str, Any], web: Web | None) -> Mapping[str, Any]:
    """The case with the web server's address in it, where it needs one."""
    if web is None:
        return case
    out: Mapping[str, Any] = json.loads(json.dumps(case).replace("{{http}}", web.url))
    return out


def files_of(files: Mapping[str, str], project: str = "p") -> dict[str, str]:
    return {name: text.replace(NAP, "pass").replace("{{project}}", project) for name, text in files.items()}


def refusal(expected: Any, errors: Sequence[Any]) -> Iterator[str]:
    if expected == "ok":
        if errors:
            yield f"refused: {errors[0]}"
        return
    if not errors:
        yield "the push was accepted"
        return
    yield from lacking(expected.get("message_contains", ()), "\n".join(map(str, errors)))


def lacking(words: Sequence[str], text: str) -> Iterator[str]:
    for word in words:
        if word not in text:
            yield f"{word!r} is not in {text!r}"


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {"done": attempt.is_done, "success": attempt.is_success, "status": attempt.status, "index": attempt.index,
            "cancel_requested": attempt.is_cancel_requested, "params": attempt.params,
            "session_time": iso(attempt.session_time.astimezone(zone(attempt.timezone))),
            "named": attempt.retry_attempt_name is not None}


def attempt_differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for key, value in expected.items():
        if not matches(value, found[key]):
            yield f"attempt's {key} is {found[key]!r}, not {value!r}"


def request_differences(expected: Sequence[Mapping[str, Any]], found: Sequence[Asked]) -> Iterator[str]:
    if len(found) != len(expected):
        yield f"{len(found)} requests, not {len(expected)}"
    for number, (wanted, asked) in enumerate(zip(expected, found, strict=False), 1):
        for key, value in wanted.items():
            if key == "headers":
                yield from (f"request {number}: header {name} is {asked.headers.get(name)!r}, not {text!r}"
                            for name, text in value.items() if not matches(text, asked.headers.get(name)))
            elif not matches(value, getattr(asked, key)):
                yield f"request {number}: {key} is {getattr(asked, key)!r}, not {value!r}"


def echo_differences(expected: Sequence[Any], lines: Sequence[str], *, any_order: bool) -> Iterator[str]:
    groups = [one if isinstance(one, list) else [one] for one in expected]
    if any_order:
        groups = [[line for group in groups for line in group]]
    rest = list(lines)
    for group in groups:
        part, rest = rest[:len(group)], rest[len(group):]
        for wanted in group:
            hit = next((line for line in part if matches(wanted, line)), None)
            if hit is None:
                yield f"printed {list(lines)}, not {list(expected)}"
                return
            part.remove(hit)
    if rest:
        yield f"printed {rest} besides"
