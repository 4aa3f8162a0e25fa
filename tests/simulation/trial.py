"""One trial: a workflow and a plan of mishaps are run in a storm; then everything must be as the reference says."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.simulation.generate import Workload
from tests.simulation.mishaps import Plan
from tests.simulation.reference import DONE, Happened, Reference, shown
from tests.simulation.storm import Bugs, Storm, Wrong
from tests.simulation.world import START, Crash

from skydag.app.tasks import TaskRow
from skydag.engine import pages
from skydag.errors import UnavailableError
from skydag.language.compile import compile_project
from skydag.language.sla import sla_tasks
from skydag.model.project import StoredWorkflow
from skydag.model.session import Resume
from skydag.model.workflow import Workflow
from skydag.ports import Item

TOO_MANY = "Too many tasks"
GENERATED = ("^sub", "^check", "^error")


@dataclass(frozen=True, kw_only=True, eq=False)
class Old:
    """What an attempt that is over has left, and what the case's attempt takes over of it (engine.md section 14)."""

    items: Sequence[Item]
    objects: Mapping[str, bytes]
    resume: Resume
    reference: Callable[[Happened], Reference]

    def into(self, storm: Storm) -> None:
        told, storm.table._on_change = storm.table._on_change, None     # all that happened before
        for item in self.items:
            storm.table.put(item)
        storm.table._on_change = told
        for key, data in self.objects.items():
            storm.objects.put(key, data)


class Invalid(Exception):
    """A workflow that no push accepts: shortening makes some."""


@dataclass(frozen=True, kw_only=True)
class Case:
    work: Workload
    plan: Plan
    old: Old | None = None


def run(case: Case) -> tuple[str | None, Storm]:
    """What is wrong, and the world in which it went wrong."""
    work, made = case.work, case.plan
    folder = Path(tempfile.mkdtemp(prefix="simulation-")) if work.files else Path(__file__).parent
    chunk, pages.CHUNK = pages.CHUNK, made.chunk                    # type: ignore[misc]
    with _listening() as bugs:
        storm = Storm(folder, work, made)
        try:
            for name, body in work.files.items():
                (folder / f"{name}.dig").write_text(json.dumps(body))
            if case.old is not None:
                case.old.into(storm)
            _start(storm, work, case.old)
            storm.until_rest()
            mine = [item for item in storm.table.items() if item["pk"].startswith(f"attempt#{storm.attempt_id:012d}")]
            wrong = [*storm.promises.wrong, *bugs.found, *storm.promises.by_kill(mine),
                     *storm.seats_left(), *_compared(storm, case)]
        except Wrong as broken:
            wrong = [str(broken), *storm.promises.wrong, *bugs.found]
        finally:
            pages.CHUNK = chunk                                     # type: ignore[misc]
            if work.files:
                shutil.rmtree(folder)
    return ("\n".join(wrong) or None), storm


@contextmanager
def _listening() -> Iterator[Bugs]:
    bugs, logger = Bugs(), logging.getLogger("skydag")
    logger.addHandler(bugs)
    level, logger.propagate = logger.level, False
    logger.setLevel(logging.ERROR)
    try:
        yield bugs
    finally:
        logger.removeHandler(bugs)
        logger.setLevel(level)
        logger.propagate = True


def _start(storm: Storm, work: Workload, old: Old | None) -> None:
    workflow = _compiled(json.dumps(work.definition))
    keeper = storm.calm()
    stored = StoredWorkflow(
        id=1 if old is None else 2, name="w", project_id=1, project_name="p", revision="r", timezone="UTC",     # type: ignore[arg-type]
        archive=None,
        config=workflow.definition, task_count=len(workflow.tasks), schedule=None, sla=workflow.sla,
        pages=keeper.definitions.keep(1 if old is None else 2, workflow.tasks, sla_tasks(workflow.sla)))
    how: dict[str, Any] = {"request": "schedule-1-1"} if old is None else {
        "request": "by-hand", "retry_attempt_name": "again", "resume": old.resume}
    for _ in range(40):
        try:
            attempt = storm.application.starter(
                stored, START, params=work.params, now=storm.now, **how)
        except Crash:
            storm.application = storm._cold_start()
        except UnavailableError:
            continue
        else:
            storm.attempt_id = attempt.id
            return
    raise Wrong("the attempt does not start")


@lru_cache(maxsize=8)
def _compiled(text: str) -> Workflow:
    project = compile_project(["w.dig"], lambda _: text.encode())
    if project.errors:
        raise Invalid(str(project.errors[0]))
    workflow = project.workflow("w")
    assert workflow is not None
    return workflow


# --- what must be the same -------------------------------------------------------------------------------------------

def _compared(storm: Storm, case: Case) -> list[str]:
    assert storm.attempt_id is not None
    calm = storm.calm()
    status, given = calm.attempts.get(storm.attempt_id).status, calm.task_rows(storm.attempt_id)
    names = {row.id: row.full_name for row in given}
    turns: dict[str, int] = {}
    rows, refused = [], set()
    with_error_tasks = {row.parent_id for row in given if row.full_name.endswith("^error")}
    for row in given:
        turn = turns[row.full_name] = turns.get(row.full_name, -1) + 1
        message = row.error.get("message", "")
        if message.startswith(TOO_MANY):
            message = TOO_MANY
            refused.add(("^sub", row.full_name, turn))
        if row.id not in with_error_tasks:
            refused.add(("^error", row.full_name, turn))
        rows.append((row.full_name, turn, str(row.state), sorted(names[up] for up in row.upstreams),
                     shown(row.store_params), message))
    happened = Happened(sla=storm.promises.sla, refused=frozenset(refused))
    reference = Reference(case.work, happened) if case.old is None else case.old.reference(happened)
    limits = _beyond_limit(case.work, given)
    if (case.plan.is_killed or case.plan.is_limited) and status == "killed":
        unfinished = [row[:3] for row in rows if row[2] not in (*DONE, "blocked")]
        return [*limits, *(f"killed, but there is {row}" for row in unfinished),
                *_seen(reference.seen, storm.operator.seen, is_all=False)]
    alerts = sorted((one["task_name"], one["message"]) for one in storm.alerts.published.values() if "task_name" in one)
    there = {"rows": sorted(rows), "status": status, "alerts": alerts}
    return [*limits, *_refused_for_nothing(storm, case.work, reference), *_late(storm, case.plan),
            *_difference(reference.outcome(), there), *_seen(reference.seen, storm.operator.seen, is_all=True)]


def _late(storm: Storm, plan: Plan) -> list[str]:
    """S-94: where nothing goes wrong, the SLA's tasks come in time, and by their timer alone."""
    assert storm.attempt_id is not None
    finished_at = storm.calm().attempts.get(storm.attempt_id).finished_at
    sla_at = storm.promises.sla_at
    if plan.mishaps or sla_at is None or storm.promises.sla is not None or finished_at is None:
        return []
    return ["S-94: the SLA's tasks did not come"] if finished_at > sla_at + timedelta(seconds=1) else []


def _beyond_limit(work: Workload, rows: Sequence[TaskRow]) -> list[str]:
    """G-7: no task that counts has a number beyond the limit."""
    return [f"G-7: {row.full_name} has number {row.number} of {work.task_limit}" for row in rows
            if work.task_limit is not None and row.full_name.endswith(GENERATED) and row.number > work.task_limit]


def _refused_for_nothing(storm: Storm, work: Workload, reference: Reference) -> list[str]:
    """E-121: what would have fitted is not refused (a crash may have left a gap in the numbers)."""
    if work.task_limit is None or not reference.refusals:
        return []
    counter = storm.table.get(f"attempt#{storm.attempt_id:012d}", "numbers")
    taken = counter["n"] if counter else len(reference.rows)
    return [f"E-121: {what} of {name} was refused, though {taken} and {wanted} would do"
            for what, name, wanted in reference.refusals if taken + wanted <= work.task_limit]


def _difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    out = []
    for key in ("status", "alerts"):
        if expected[key] != found[key]:
            out.append(f"{key}: {found[key]}, not {expected[key]}")
    out += [f"missing: {row}" for row in expected["rows"] if row not in found["rows"]]
    out += [f"besides: {row}" for row in found["rows"] if row not in expected["rows"]]
    return out


def _seen(expected: Mapping[Any, str], found: Mapping[Any, str], *, is_all: bool) -> list[str]:
    """What each run saw; is_all: all that should have run did."""
    return [f"{key} saw {found.get(key)}, not {expected.get(key)}" for key in {**expected, **found}
            if found.get(key) != expected.get(key) and (is_all or key in found)]
