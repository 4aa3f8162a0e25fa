"""`run --format json`: one event a line on standard output, nothing else (docs/run.schema.json, docs/cli.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from skydag.local.tell import Failure, RunEnd, RunStart, Teller


class JsonTeller(Teller):
    def starts(self, start: RunStart) -> None:
        self._event("run_started", workflow=start.workflow, session_time=start.session_time.isoformat(),
                    session_reused=start.is_reused, tasks=start.tasks)

    def begins(self, task: str, command: str, *, is_first: bool) -> None:
        self._event("task_started", task=task, command=command, first=is_first)

    def params(self, task: str, params: Mapping[str, Any]) -> None:
        self._event("params", task=task, params=params)

    def output(self, task: str, text: str) -> None:
        self._event("output", task=task, text=text.removesuffix("\n"))

    def note(self, task: str, text: str) -> None:
        self._event("note", task=task, text=text.removesuffix("\n"))

    def skipped(self, task: str, *, is_saved: bool, subtasks: Mapping[str, Any]) -> None:
        self._event("task_skipped", task=task, reason="saved" if is_saved else "not_chosen")

    def retries(self, task: str, *, after_s: float, count: int) -> None:
        self._event("task_retries", task=task, after_s=after_s, count=count)

    def ended(self, task: str, *, is_success: bool, message: str, subtasks: Mapping[str, Any]) -> None:
        event: dict[str, Any] = {} if is_success else {"message": message}
        self._event("task_ended", task=task, state="success" if is_success else "error", **event)

    def group_ended(self, task: str, state: str) -> None:
        self._event("group_ended", task=task, state=state)

    def alert(self, message: str) -> None:
        self._event("alert", message=message)

    def warn(self, text: str) -> None:
        self._event("warning", message=text)

    def interrupted(self, running: int) -> None:
        self._event("interrupted", running=running)

    def finished(self, end: RunEnd) -> None:
        self._event("run_ended", state=end.state, failures=[_failure(one) for one in end.failures], saved=end.saved,
                    unsaved=end.unsaved, resume=end.resume)

    def _event(self, event: str, **data: Any) -> None:
        now = self._now().isoformat(timespec="milliseconds")
        self._write(self._out, json.dumps({"time": now, "event": event, **data}) + "\n")


def _failure(failure: Failure) -> dict[str, Any]:
    lines: Sequence[str] = failure.last_lines
    return {"task": failure.task, "message": failure.message, "command": failure.command, "place": failure.place,
            "last_lines": list(lines), "log": failure.log,
            "advice": failure.advice}
