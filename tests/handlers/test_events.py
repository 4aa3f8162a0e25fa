"""Each trigger's event, in AWS's shape, reaches the use case it is meant for (events: tests/events/)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from skydag.app.application import Application
from skydag.app.stream import Record
from skydag.handlers import advance, container_ended, expand, finish, register, timer, watch

EVENTS = Path(__file__).parents[1] / "events"
NOW = datetime(2025, 3, 1, 7, tzinfo=UTC)
JOB = {"attempt": {"id": 7}, "path": "0001", "run": 2, "token": "t"}


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


class Told:
    """Takes the place of the application: remembers what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.fails: set[str] = set()
        self.failed_records: list[str] = []
        self.objects = SimpleNamespace(metadata=lambda key: {"revision": "v1"})
        self.record = SimpleNamespace(lost=self.lost)

    def now(self) -> datetime:
        return NOW

    def register(self, key: str, *, now: datetime, size: int, revision: str | None) -> None:
        self.calls.append(("register", key, size, revision))

    def expand(self, schedule_id: int, *, now: datetime) -> None:
        self.calls.append(("expand", schedule_id))

    def timer(self, message: dict[str, Any]) -> None:
        self.calls.append(("timer", message["kind"]))
        if message["kind"] in self.fails:
            raise RuntimeError("planned")

    def stream(self, records: list[Record], now: datetime) -> list[str]:
        self.calls.append(("stream", records))
        return self.failed_records

    def watch(self, now: datetime) -> int:
        self.calls.append(("watch", now))
        return 0

    def job_at(self, key: str) -> dict[str, Any]:
        self.calls.append(("job_at", key))
        return JOB

    def unspilled(self, given: dict[str, Any]) -> dict[str, Any]:
        return given

    def lost(
        self, attempt_id: int, path: str, run: int, token: str, reason: str, now: datetime, *, is_crash: bool,
        seat: str = "",
    ) -> None:
        self.seat = seat
        self.calls.append(("lost", attempt_id, path, run, token, reason, is_crash))

    @property
    def application(self) -> Application:
        return cast(Application, self)


def test_an_upload_is_registered_by_its_decoded_key_a77() -> None:
    told = Told()
    register.handle(event("s3_created"), None, told.application)
    assert told.calls == [("register", "upload/daily sales+ü/v1.tar.gz", 3434, "v1")]


def test_a_wake_of_scheduler_expands_its_schedule() -> None:
    told = Told()
    expand.handle(event("scheduler_wake"), None, told.application)
    assert told.calls == [("expand", 12)]


def test_records_without_a_new_image_are_left_out_and_values_come_native_a141() -> None:
    told = Told()
    answer = advance.handle(event("table_stream"), None, told.application)
    assert answer == {"batchItemFailures": []}
    ((_, (record,)),) = told.calls
    assert record.id == "4421584500000000017450439091"
    assert (record.image["run"], record.image["flags"]) == (2, [True, None])


def test_what_somebody_put_into_an_item_by_hand_holds_up_no_batch_a20() -> None:
    told, given = Told(), event("table_stream")
    given["Records"][0]["dynamodb"]["NewImage"] |= {
        "note": {"SS": ["a", "b"]}, "share": {"N": "0.5"}, "seal": {"B": "AAE="}, "gone": {"NULL": True}}
    advance.handle(given, None, told.application)
    ((_, (record,)),) = told.calls
    assert [record.image[name] for name in ("note", "share", "seal", "gone")] == [["a", "b"], 0.5, "AAE=", None]


def test_a_record_that_failed_is_named_so_that_the_stream_gives_it_again_a20() -> None:
    told = Told()
    told.failed_records = ["4421584500000000017450439091"]
    answer = advance.handle(event("table_stream"), None, told.application)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "4421584500000000017450439091"}]}


def test_of_two_timers_the_one_that_fails_rings_again_a89() -> None:
    told = Told()
    told.fails = {"sla"}
    answer = timer.handle(event("timer_queue"), None, told.application)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830a7d"}]}
    assert told.calls == [("timer", "sla"), ("timer", "expand")]


def test_a_container_that_was_killed_fails_its_task_with_the_reason_a99() -> None:
    """O-132: the reasons of the task and its containers, joined by commas."""
    told = Told()
    container_ended.handle(event("ecs_task_stopped"), None, told.application)
    assert told.calls[0] == ("job_at", "data/jobs/9f86d081.json")
    _, attempt, path, run, token, reason, is_crash = told.calls[1]
    assert (attempt, path, run, token, is_crash) == (7, "0001", 2, "t", False)
    assert "exit code 137" in reason and "OutOfMemoryError" in reason


def test_o132_a_container_that_ended_without_a_word_and_a_code_is_told_all_the_same() -> None:
    bare = event("ecs_task_never_ran")
    for key in ("stoppedReason", "containers"):
        bare["detail"].pop(key, None)
    told = Told()
    container_ended.handle(bare, None, told.application)
    assert told.calls[1][5] == "the container did not run: no reason given"


def test_a_container_that_never_ran_has_no_exit_code_a73() -> None:
    told = Told()
    container_ended.handle(event("ecs_task_never_ran"), None, told.application)
    reason = told.calls[1][5]
    assert "did not run" in reason and "CannotPullContainerError" in reason


def test_a_script_that_ran_out_of_time_is_lost_by_its_own_token() -> None:
    told = Told()
    finish.handle(event("lambda_timed_out"), None, told.application)
    ((_, attempt, path, run, token, reason, is_crash),) = told.calls
    assert (attempt, path, run, token, is_crash) == (7, "0001", 2, "tttttttttttttttttttttttt", False)
    assert "timed out after 900.00 seconds" in reason and "docker" in reason


def test_a_work_call_that_broke_is_lost_by_the_calls_id_and_may_run_again() -> None:
    told = Told()
    finish.handle(event("work_crashed"), None, told.application)
    ((_, _, _, run, token, reason, is_crash),) = told.calls
    assert (run, token, is_crash) == (1, "11111111-b738-4ee3-8a3e-1f5d0b1f2c3d", True)
    assert told.seat == "work-3"
    assert "DynamoDB does not answer" in reason


def test_each_minute_watch_looks_for_groups_and_schedules() -> None:
    told = Told()
    told.expand = SimpleNamespace(late=lambda now: [1, 2])      # type: ignore[method-assign,assignment]
    assert watch.handle(event("each_minute"), None, told.application) == {"groups": 0, "schedules": 2}
    assert told.calls == [("watch", NOW)]
