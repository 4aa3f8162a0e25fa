"""skydag demo: a whole installation at work, from an upload to an alert, in this process.

Everything shown was read back from the installation (its REST API, its buckets, its topic), and every line with a check
mark is a claim that was tested. The exit code is 0 only if all of them held.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TextIO
from zoneinfo import ZoneInfo

from skydag import bootstrap
from skydag.app.packing import pack
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.expected import SHOPS, sales
from skydag.embedded.installation import Installation
from skydag.embedded.rest import Rest
from skydag.embedded.stage import Stage
from skydag.embedded.template import example_path
from skydag.embedded.tree import drawn
from skydag.errors import IllegalStepError

PROJECT: Final = "daily_sales"
ZONE: Final = ZoneInfo("Europe/Berlin")
LOOK_EVERY_S: Final = 0.12                      # real seconds between two looks at a running attempt
LONGEST_S: Final = 120                          # real seconds after which something must be wrong
LOG_LINES_MAX: Final = 6
DURATIONS: Final = {                            # how long calls take on the demo's clock
    "Work": timedelta(milliseconds=50), "Script": timedelta(seconds=2), "Finish": timedelta(milliseconds=50)}


def main(out: TextIO | None = None) -> int:
    """0 when everything that should be seen was seen."""
    began = time.monotonic()
    start = bootstrap.system_clock().astimezone(ZONE).replace(hour=6, minute=57, second=30, microsecond=0)
    stage = Stage(out or sys.stdout)
    stage.title("skydag demo", "a whole installation in this process: moto plays AWS, everything else is real")
    with Installation(clock=VirtualClock(start), durations=DURATIONS) as installation:
        story = _Story(stage, installation)
        try:
            story.tell()
        except Exception as trouble:            # told like every other claim that did not hold, then shown in full
            stage.saw("the story could be told to its end", False, f"{type(trouble).__name__}: {trouble}")
            stage.say(traceback.format_exc())
        for failure in list(installation.lambdas.failures)[:3]:
            stage.say(f"\n{failure.function} failed:\n{failure.trace}")
        here = (f"cd {_short(example_path(PROJECT))}", "")
        return stage.end(time.monotonic() - began, (here, *_NEXT))


_ALERT_KEYS: Final = (
    "message", "project_name", "workflow_name", "task_name", "session_time", "attempt_id", "timestamp")
_NEXT: Final = (
    ("skydag run daily_sales.dig", "the same on your machine, without AWS"),
    ("skydag server", "this installation, to stay; beside it:"),
    ("  skydag push daily_sales", "push the project there"),
    ("  skydag start daily_sales broken_load --session now", "start a workflow there"),
    ("  skydag tasks 1; skydag log 1", "look at it"),
    ("make deploy", "the real thing, in your AWS account"),
)


class _Story:
    def __init__(self, stage: Stage, installation: Installation) -> None:
        self._stage, self._installation = stage, installation
        self._project_path = example_path(PROJECT)
        self._sales = sales(self._project_path)
        self._rest = Rest(installation.application("Api"))
        self._alerts = _Mailbox(installation)
        self._attempts: list[str] = []

    def tell(self) -> None:
        self._resources()
        self._upload()
        self._scheduled()
        self._broken()
        self._late()
        self._made()

    # --- chapters

    def _resources(self) -> None:
        stage, installation = self._stage, self._installation
        stage.chapter("The installation, created from template.yaml")
        kinds: dict[str, list[str]] = {}
        for one in installation.created:
            kinds.setdefault(one.kind, []).append(one.name)
        for kind, names in kinds.items():
            stage.say(f"   {kind:<16} {'  '.join(names)}")
        names = [one.name.removeprefix("skydag-") for one in installation.functions.values()]
        half = len(names) // 2
        stage.say(f"   {'functions':<16} {'  '.join(names[:half])}")
        stage.say(f"   {'':<16} {'  '.join(names[half:])}")

    def _upload(self) -> None:
        stage, installation = self._stage, self._installation
        bucket = installation.ref("ProjectBucket")
        stage.chapter(f"A project is uploaded: the folder examples/{PROJECT}, packed")
        archive = pack(self._project_path)
        installation.client("s3").put_object(
            Bucket=bucket, Key=f"upload/{PROJECT}.tar.gz", Body=archive, Metadata={"revision": "first"})
        installation.settle()
        project = self._rest.get("/api/project", name=PROJECT)
        workflows = self._rest.get(f"/api/projects/{project['id']}/workflows")["workflows"]
        (schedule,) = self._rest.get(f"/api/projects/{project['id']}/schedules")["schedules"]
        self._workflow_ids = {one["name"]: one["id"] for one in workflows}
        self._run_time = datetime.fromisoformat(schedule["nextRunTime"])
        stage.say(f"   put        s3://{bucket}/upload/{PROJECT}.tar.gz, {len(archive):,} bytes")
        stage.say(f"   project    {project['name']}, revision {project['revision']}")
        stage.say(f"   workflows  {'  '.join(sorted(self._workflow_ids))}")
        stage.say(f"   schedule   {schedule['workflow']['name']}, next {_shown(self._run_time)}"
                  f" for the session {schedule['nextScheduleTime']}")
        stage.saw("register stored the revision that the metadata names", project["revision"] == "first", project)
        stage.saw("all three workflows are there", set(self._workflow_ids) == {PROJECT, "broken_load", "slow_report"})
        stage.saw("its schedule is due at seven in the morning, Berlin",
                  self._run_time.astimezone(ZONE).strftime("%H:%M:%S") == "07:00:00", self._run_time)

    def _scheduled(self) -> None:
        stage, installation = self._stage, self._installation
        now = _shown(installation.clock())
        stage.chapter(f"The schedule comes due: it is {now}, and time is handed in, nobody waits")
        installation.run_until(self._run_time, self._looking_on(None))
        found = self._rest.get("/api/attempts")["attempts"]
        stage.saw("at the due time, and not before, expand started one attempt", len(found) == 1, found)
        attempt, rows = self._follow(found[0]["id"])
        logs = self._logs(attempt["id"], "+arrived", "+table", "+judge", "+forecast", "+done")
        stage.saw("the attempt ended in success", attempt["status"] == "success", attempt["status"])
        self._saw_results(rows, logs)

    def _saw_results(self, rows: Sequence[Mapping[str, Any]], logs: Mapping[str, list[str]]) -> None:
        stage, expected = self._stage, self._sales
        loads = [row for row in rows if row["fullName"] in {f"+{PROJECT}+load+{shop}" for shop in SHOPS}]
        begun, ended = [row["startedAt"] for row in loads], [row["updatedAt"] for row in loads]
        stage.saw("three shops were loaded side by side", len(loads) == 3 and max(begun) < min(ended), [begun, ended])
        stored = {shop: _of(rows, f"+load+{shop}")["storeParams"].get("sales", {}).get(shop) for shop in SHOPS}
        stage.saw("what each script stored is what its CSV file says", stored == expected.shops, stored)
        sums = [row for row in rows if row["fullName"].endswith("+sum")]
        stage.saw("for_each> generated a task for each of four categories", len(sums) == 4, len(sums))
        turns = [row for row in rows if row["fullName"].startswith(f"+{PROJECT}+report") and "+loop-" in row["fullName"]
                 and not row["isGroup"]]
        stage.saw("loop> generated two turns", len(turns) == 2, [row["fullName"] for row in turns])
        total = _of(rows, "+table")["storeParams"].get("total", {})
        right = {"units": expected.units, "cents": expected.cents, "ranking": expected.ranking,
                 "best_shop": expected.ranking[0]}
        stage.saw("parameters flowed from the shops to the report: its totals are right", total == right, total)
        history = list(self._installation.containers.history)
        stage.saw("one task ran in a container: RunTask, and the worker's entry point in a process of its own",
                  [one.exit_code for one in history] == [0], history)
        done = " ".join(_log_of(logs, "+done"))
        stage.saw("and the last task got what the container stored", f"about {expected.forecast} units" in done, done)
        stage.saw("no alert was sent", self._alerts.new() == [])

    def _broken(self) -> None:
        stage = self._stage
        stage.chapter("A workflow that fails: PUT /api/attempts for broken_load")
        attempt, rows = self._follow(self._start("broken_load"))
        logs = self._logs(attempt["id"], "+west", "^error")
        alerts = self._show_alerts()
        stage.saw("the attempt ended in error", attempt["status"] == "error", attempt["status"])
        tries = sum(line.endswith("+west failed.") for line in _log_of(logs, "+west"))
        stage.saw("the load of a shop that sent nothing was tried twice, and failed",
                  _of(rows, "+load+west")["state"] == "error" and tries == 2, _log_of(logs, "+west"))
        stage.saw("the task behind it never ran", _of(rows, "+never")["state"] == "blocked", rows)
        said = " ".join(_log_of(logs, "^error"))
        stage.saw("_error ran, and knew why", "loading failed on" in said and "west.csv" in said, said)
        stage.saw("one failure alert reached the subscriber of the topic",
                  [(one["message"], one["workflow_name"], str(one["attempt_id"])) for one in alerts]
                  == [("Workflow session attempt failed", "broken_load", attempt["id"])], alerts)

    def _late(self) -> None:
        stage = self._stage
        stage.chapter("A workflow that misses its SLA: slow_report may take two seconds")
        attempt, rows = self._follow(self._start("slow_report"))
        self._logs(attempt["id"], "+late", "+done")
        alerts = self._show_alerts()
        stage.saw("one SLA alert reached the subscriber",
                  [(one["message"], one["workflow_name"]) for one in alerts] == [("SLA violation", "slow_report")],
                  alerts)
        finished = attempt["finishedAt"]
        stage.saw("it was sent while the tasks still ran",
                  bool(alerts) and finished is not None and alerts[0]["timestamp"] < finished, [alerts, finished])
        stage.saw("the attempt went on to its good end", attempt["status"] == "success", attempt["status"])
        stage.saw("and counted three shelves", _of(rows, "+loop-2+count", "+loop-2")["state"] == "success")

    def _made(self) -> None:
        stage, installation = self._stage, self._installation
        s3, counts = installation.client("s3"), installation.lambdas.counts
        objects = {name: s3.list_objects_v2(Bucket=installation.ref(name)).get("KeyCount", 0)
                   for name in ("ProjectBucket", "LogBucket")}
        tasks = Counter(row["state"] for attempt in self._attempts for row in self._tasks(attempt))
        stage.chapter("What was made")
        stage.say(f"   attempts   {len(self._attempts)} with {sum(tasks.values())} tasks: "
                  + ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in tasks.most_common()))
        called = [f"{name} {count}" for name, count in counts.most_common()]
        stage.say(f"   calls      {'  '.join(called[:6])}")
        stage.say(f"              {'  '.join(called[6:])}")
        stage.say(f"   objects    {objects['ProjectBucket']} in the project bucket, "
                  f"{objects['LogBucket']} in the log bucket")
        stage.say(f"   containers {len(installation.containers.history)}, alerts {len(self._alerts.all)}")
        stage.saw("logs of scripts lie in the log bucket", objects["LogBucket"] > 0, objects)
        stage.saw("no function failed, and nothing lies in the dead letters",
                  not installation.lambdas.failures and not self._dead_letters(), list(installation.lambdas.failures))

    # --- what they have in common

    def _start(self, workflow: str) -> str:
        """Start it through the REST API; the attempt's id."""
        body = {"workflowId": self._workflow_ids[workflow], "params": {},
                "sessionTime": self._installation.clock().isoformat(timespec="seconds")}
        return str(self._rest.put("/api/attempts", body)["id"])

    def _follow(self, attempt_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Let it run to its end, looking on; then draw its tasks."""
        self._attempts.append(attempt_id)
        self._installation.settle(self._looking_on(attempt_id))
        attempt, rows = self._rest.get(f"/api/attempts/{attempt_id}"), self._tasks(attempt_id)
        self._stage.say()
        for line in drawn(rows, ZONE, self._stage.paint, self._stage.columns - len("   ")):
            self._stage.say(f"   {line}")
        return attempt, rows

    def _tasks(self, attempt_id: str) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = self._rest.get(f"/api/attempts/{attempt_id}/tasks")["tasks"]
        return tasks

    def _looking_on(self, attempt_id: str | None) -> Callable[[], None]:
        """Shows a line about what is under way, on a terminal and not too often."""
        begun, seen_at = time.monotonic(), 0.0

        def look() -> None:
            nonlocal seen_at
            if time.monotonic() - begun > LONGEST_S:
                raise IllegalStepError(f"nothing came of it within {LONGEST_S} s")
            if not self._stage.paint.is_live or time.monotonic() - seen_at < LOOK_EVERY_S:
                return
            clock = self._installation.clock().astimezone(ZONE).strftime("%H:%M:%S")
            self._stage.status(clock if attempt_id is None else f"{clock}  {self._progress(attempt_id)}")
            seen_at = time.monotonic()

        return look

    def _progress(self, attempt_id: str) -> str:
        rows = self._tasks(attempt_id)
        ended = sum(row["state"] in ("success", "error", "group_error", "canceled") for row in rows)
        running = [row["fullName"] for row in rows if row["state"] in ("running", "ready") and not row["isGroup"]]
        return f"{ended} of {len(rows)} tasks ended   {'  '.join(running)}"

    def _logs(self, attempt_id: str, *endings: str) -> dict[str, list[str]]:
        """The attempt's log; the tasks whose names end so are shown."""
        logs = self._rest.logs(attempt_id)
        self._stage.say()
        for name, lines in logs.items():
            if name.endswith(endings):
                self._stage.say(f"   log of {name}", "dim")
                for line in lines[:LOG_LINES_MAX]:
                    self._stage.say(f"     {line}")
        self._stage.say()
        return logs

    def _show_alerts(self) -> list[dict[str, Any]]:
        alerts = self._alerts.new()
        for alert in alerts:
            self._stage.say("   delivered by SNS:", "yellow")
            for key in _ALERT_KEYS:
                self._stage.say(f"     {key:<14} {alert.get(key)}")
        if alerts:
            self._stage.say()
        return alerts

    def _dead_letters(self) -> int:
        sqs = self._installation.client("sqs")
        return sum(
            int(sqs.get_queue_attributes(QueueUrl=self._installation.ref(name), AttributeNames=["All"])["Attributes"][
                "ApproximateNumberOfMessages"]) for name in ("DeadLetters", "StreamFailures"))


class _Mailbox:
    """A queue that subscribed to the topic, as anybody's would."""

    def __init__(self, installation: Installation) -> None:
        self._sqs = installation.client("sqs")
        self._url = self._sqs.create_queue(QueueName="demo-subscriber")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        installation.client("sns").subscribe(TopicArn=installation.ref("Topic"), Protocol="sqs", Endpoint=arn)
        self.all: list[dict[str, Any]] = []

    def new(self) -> list[dict[str, Any]]:
        """What was delivered since the last look."""
        found = []
        for message in self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(json.loads(message["Body"])["Message"]))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        self.all.extend(found)
        return found


def _of(rows: Sequence[Mapping[str, Any]], *endings: str) -> Mapping[str, Any]:
    """The task whose full name ends so, the first ending that fits; an empty one if there is none."""
    for ending in endings:
        for row in rows:
            if row["fullName"].endswith(ending):
                return row
    return {"state": "missing", "storeParams": {}}


def _log_of(logs: Mapping[str, list[str]], ending: str) -> list[str]:
    return next((lines for name, lines in logs.items() if name.endswith(ending)), [])


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _shown(time_: datetime) -> str:
    return time_.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S %Z")


