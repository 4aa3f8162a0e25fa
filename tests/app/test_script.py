"""A handed-over task: run in a fresh copy of its project, reported with its run's token."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from skydag.app.archive_cache import ARCHIVES_KEPT_MAX, ArchiveCache
from skydag.app.operators import find_operator
from skydag.app.script import Script, ShouldStop
from skydag.app.task_log import TaskLog
from skydag.errors import NotFoundError
from skydag.local.commands import LocalCommands
from skydag.local.objects import MemoryObjects
from skydag.model.ids import AttemptId, ProjectId, SessionId, WorkflowId
from skydag.model.session import Attempt
from skydag.store.attempts import to_json
from skydag.store.logs import ObjectLogs

NOW = datetime(2025, 1, 1, tzinfo=UTC)
ARCHIVE = "projects/1/1.tar.gz"
ATTEMPT = Attempt(
    id=AttemptId(12), index=1, session_id=SessionId(3), session_uuid="u", session_time=NOW, project_id=ProjectId(1),
    project_name="shop", workflow_id=WorkflowId(5), workflow_name="w", revision="r1", timezone="UTC", created_at=NOW,
    archive=ARCHIVE)


def packed(files: Mapping[str, str]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


@dataclass
class Place:
    """Where a script runs: buckets in memory, a clock, and the reports that `finish` would get."""

    folder: Path
    reports: list[Mapping[str, Any]] = field(default_factory=list)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    logs: MemoryObjects = field(default_factory=MemoryObjects)
    now: datetime = NOW
    stop_poll_s: float = 3.0
    questions: list[Mapping[str, Any]] = field(default_factory=list)
    answer: Mapping[str, Any] = field(default_factory=dict)

    def finish(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        self.questions.append(question)
        return self.answer

    def script(self) -> Script:
        stored = ObjectLogs(self.logs, agent="script", clock=lambda: self.now)

        def commands(write: Any, *, should_stop: ShouldStop) -> LocalCommands:
            return LocalCommands(write, os.environ, should_stop=should_stop, stop_poll_s=self.stop_poll_s)

        return Script(
            objects=self.objects, archive=ArchiveCache(self.objects, self.folder), commands=commands,
            open_log=lambda attempt, name, number, run: TaskLog(
                lambda: stored.open(attempt.id, name, number, run, now=self.now)),
            find_operator=find_operator, ask=self.finish,
            report=self.reports.append, now=lambda: self.now)

    @property
    def log(self) -> str:
        return "".join(gzip.decompress(self.logs.get(key)).decode() for key, _ in sorted(self.logs.list("logs/12/")))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "archives")
    place.objects.put(ARCHIVE, packed({
        "m.py": "import digdag\ndef f(a):\n    print('a is', a)\n    digdag.env.store(b=a + 1)\n",
        "d/x.txt": "deep\n"}))
    return place


def job(operator: str, command: str, *, attempt: Attempt = ATTEMPT, **config: Any) -> dict[str, Any]:
    local = {"_command": command, **config}
    return {"operator": operator, "config": local, "local": local, "state": {}, "attempt": to_json(attempt),
            "task_id": 12000002, "number": 2, "task_name": "+w+a", "path": "/1", "run": 3, "token": "secret-token",
            "task_limit": 1000}


def test_f8_the_report_names_the_run_and_its_token_and_holds_the_result(place: Place) -> None:
    place.script()(job("py", "m.f", a=1))
    assert place.reports == [{
        "attempt_id": 12, "path": "/1", "run": 3, "token": "secret-token",
        "ended": {"kind": "ok", "store": {"p": {"b": 2}}, "output": "a is 1\n"}}]


def test_o39_every_run_has_a_fresh_copy_that_is_gone_afterwards(place: Place) -> None:
    script = place.script()
    for _ in range(2):
        script(job("sh", "cat d/x.txt; ls made 2>/dev/null; touch made; pwd"))
    first, second = (report["ended"]["output"].split("\n") for report in place.reports)
    assert first[0] == second[0] == "deep"
    assert len(first) == len(second) == 3, "a file of the first run was seen by the second"
    assert not Path(first[1]).exists()
    assert not Path(second[1]).exists()


def test_output_above_512_bytes_lies_in_the_log_store_and_not_in_the_report(place: Place) -> None:
    place.script()(job("sh", "for i in 1 2 3 4 5 6 7 8 9; do echo $i $(printf '%0100d' 0); done"))
    assert "output" not in place.reports[0]["ended"]
    assert place.log.count("\n") == 9


def test_r66_what_a_run_printed_that_is_to_be_repeated_lies_in_the_log_store(place: Place) -> None:
    """The next run's result takes the place of this one's, and what it kept."""
    place.script()(job("sh", "echo first; exit 1", _retry=1))
    (report,) = place.reports
    assert report["ended"]["kind"] == "again"
    assert "output" not in report["ended"]
    assert place.log.startswith("first\n")
    place.script()(job("sh", "echo second", _retry=1))          # a _check may still send it round again (E-59)
    assert "second" in place.log


def test_r67_what_a_long_task_printed_can_be_read_while_it_runs(place: Place) -> None:
    seen: list[str] = []

    def look() -> bool:
        place.now += timedelta(seconds=3)
        seen.append(place.log)
        return seen[-1] != ""

    place.stop_poll_s = 0.02
    place.script()(job("sh", "echo early; exec sleep 600"), should_stop=look)
    assert seen[-1] == "early\n"


def test_a_task_that_is_stopped_reports_the_reason(place: Place) -> None:
    place.stop_poll_s = 0.02
    place.script()(job("sh", "exec sleep 600"), should_stop=lambda: "stopped, because of the time")
    assert place.reports[0]["ended"]["error"] == {
        "message": "Command failed with code 143: stopped, because of the time (runtime)"}


@pytest.mark.parametrize(("one", "message"), [
    (job("nope", "x"), "Unknown task type: nope (config)"),
    (job("sh", "exit 3"), "Command failed with code 3 (runtime)"),
])
def test_a_task_that_cannot_run_is_reported_as_failed(place: Place, one: dict[str, Any], message: str) -> None:
    place.script()(one)
    assert place.reports[0]["ended"]["kind"] == "failed"
    assert place.reports[0]["ended"]["error"]["message"] == message
    assert message.removesuffix(" (config)") in place.reports[0]["ended"]["output"]


def test_a_missing_and_a_broken_archive_are_reported_with_the_reason(place: Place) -> None:
    place.objects.put(ARCHIVE, b"no archive")
    place.script()(job("sh", "true"))
    place.objects.delete(ARCHIVE)
    place.script()(job("sh", "true"))
    broken, missing = (report["ended"]["error"]["message"] for report in place.reports)
    assert "tar.gz" in broken
    assert ARCHIVE in missing


def test_a_report_that_cannot_be_delivered_fails_the_call_so_that_finish_hears_of_it(place: Place) -> None:
    def refuse(report: Mapping[str, Any]) -> None:
        raise ConnectionError("no network")

    place.reports = type("Refusing", (list,), {"append": lambda self, report: refuse(report)})()
    with pytest.raises(ConnectionError):
        place.script()(job("sh", "true"))


def test_f7_o52_secrets_are_asked_for_once_when_the_first_is_needed_and_masked_in_log_and_error(place: Place) -> None:
    place.answer = {"values": {"app.token": "hunter2-hunter2", "app.other": "second-secret", "app.none": None}}
    command = "echo $T; echo >&2 second-secret; echo ${secret:app.other}"
    one = job("sh", command, _env={"T": "${secret:app.token}"})
    place.script()({**one, "secrets": ["app.token", "app.other", "app.none"]})
    assert place.questions == [{"secrets": ["app.token", "app.other", "app.none"], "attempt_id": 12, "path": "/1",
                                "run": 3, "token": "secret-token"}]
    assert place.reports[0]["ended"]["output"] == "***\n***\n***\n"
    place.script()({**job("py", "m.nothing", _env={"T": "${secret:app.token}"}), "secrets": ["app.token"]})
    place.script()(job("sh", "true"))
    assert len(place.questions) == 2, "a task without secrets asks for none"


def test_g8_a_secret_in_an_error_is_masked(place: Place) -> None:
    place.answer = {"values": {"t": "hunter2-hunter2"}}
    place.objects.put(ARCHIVE, packed({"m.py": "import os\ndef f():\n    raise ValueError('no ' + os.environ['T'])\n"}))
    place.script()({**job("py", "m.f", _env={"T": "${secret:t}"}), "secrets": ["t"]})
    said = str(place.reports) + place.log
    assert "no *** (ValueError)" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(("answer", "message"), [
    ({"values": {"t": None}}, "Secret not found for key: 't' (config)"),
    ({"refused": "the run is over"}, "the task's secrets were refused: the run is over"),
])
def test_o46_a_secret_that_cannot_be_had_fails_the_task_with_the_reason(
    place: Place, answer: Mapping[str, Any], message: str,
) -> None:
    place.answer = answer
    place.script()({**job("sh", "true", _env={"T": "${secret:t}"}), "secrets": ["t"]})
    assert place.reports[0]["ended"]["error"]["message"] == message


class Counted(MemoryObjects):
    """Counts what is fetched."""

    fetched = 0

    def get(self, key: str) -> bytes:
        self.fetched += 1
        return super().get(key)


def test_an_archive_is_fetched_once_and_again_when_somebody_changed_it(tmp_path: Path) -> None:
    objects = Counted()
    objects.put("a", b"the archive")
    cache = ArchiveCache(objects, tmp_path)
    assert [cache("a"), cache("a")] == [b"the archive"] * 2
    assert objects.fetched == 1
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"another")
    assert cache("a") == b"the archive"
    kept.unlink()
    assert cache("a") == b"the archive"
    assert objects.fetched == 3
    with pytest.raises(NotFoundError):
        cache("b")


def test_only_the_archives_last_used_are_kept(tmp_path: Path) -> None:
    objects = Counted()
    cache = ArchiveCache(objects, tmp_path)
    for n in range(ARCHIVES_KEPT_MAX + 3):
        objects.put(f"a{n}", b"%d" % n)
        cache(f"a{n}")
    assert len(list(tmp_path.iterdir())) == ARCHIVES_KEPT_MAX
