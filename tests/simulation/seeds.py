"""One seed: a workflow, a plan of mishaps, a run, and what must hold afterwards. `python -m tests.simulation.seeds`
runs many; a failing one is shortened to the mishaps it needs and says how to repeat it.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.simulation.generate import Workload, workload
from tests.simulation.mishaps import Mishap, Plan, plan
from tests.simulation.reference import DONE, Reference, shown
from tests.simulation.storm import Bugs, Storm, Wrong
from tests.simulation.world import START, Crash

from skydag.engine import pages
from skydag.errors import UnavailableError
from skydag.language.compile import compile_project
from skydag.model.project import StoredWorkflow

PROCESSES: Final = 2
ROWS_MAX: Final = 120               # of a run, retries included: beyond it the seed is left to a smaller one


@dataclass(frozen=True, kw_only=True)
class Failure:
    seed: int
    why: str
    mishaps: tuple[Mishap, ...] = ()
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {self.why}", "mishaps:", *(f"  {one}" for one in self.mishaps)]
        if self.trace:
            lines += ["trace:", *(f"  {line}" for line in self.trace[-60:])]
        return "\n".join([*lines, f"repeat it: make simulate SEEDS=1 FIRST={self.seed}"])


@cache
def _expected(seed: int) -> tuple[Workload, Reference]:
    work = workload(seed)
    return work, Reference(work)


def check(seed: int) -> Failure | None:
    """None when all promises held."""
    reference = _expected(seed)[1]
    if len(reference.rows) > ROWS_MAX:
        return None
    made = plan(seed, len(reference.rows))
    try:
        why, _ = _run(made)
    except Exception as error:
        return Failure(seed=seed, why=f"{type(error).__name__}: {error}", mishaps=made.mishaps)
    return None if why is None else shortened(made, why)


def broken(seed: int) -> str | None:
    """What is wrong with a seed, not shortened; whatever breaks the run counts."""
    reference = _expected(seed)[1]
    if len(reference.rows) > ROWS_MAX:
        return None
    try:
        return _run(plan(seed, len(reference.rows)))[0]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def shortened(made: Plan, why: str) -> Failure:
    """Mishaps are dropped one by one while it still fails."""
    for mishap in made.mishaps:
        less = replace(made, mishaps=tuple(one for one in made.mishaps if one != mishap))
        still, _ = _run(less)
        if still is not None:
            made, why = less, still
    why_now, storm = _run(made)
    return Failure(seed=made.seed, why=why_now or why, mishaps=made.mishaps, trace=tuple(storm.trace))


def _run(made: Plan) -> tuple[str | None, Storm]:
    """What is wrong, and the world in which it went wrong."""
    work, reference = _expected(made.seed)
    folder = Path(tempfile.mkdtemp(prefix="simulation-")) if work.files else Path(__file__).parent
    bugs = Bugs()
    logger = logging.getLogger("skydag")
    logger.addHandler(bugs)
    level, logger.propagate = logger.level, False
    logger.setLevel(logging.ERROR)
    chunk, pages.CHUNK = pages.CHUNK, made.chunk                    # type: ignore[misc]
    storm = Storm(folder, work, made)
    try:
        for name, body in work.files.items():
            (folder / f"{name}.dig").write_text(json.dumps(body))
        _start(storm, work)
        storm.until_rest()
        wrong = [*storm.promises.wrong, *bugs.found, *storm.promises.by_kill(storm.table.items()),
                 *_compared(storm, reference, is_killed=made.is_killed)]
    except Wrong as broken:
        wrong = [str(broken), *storm.promises.wrong, *bugs.found]
    finally:
        pages.CHUNK = chunk                                         # type: ignore[misc]
        logger.removeHandler(bugs)
        logger.setLevel(level)
        logger.propagate = True
        if work.files:
            shutil.rmtree(folder)
    return ("\n".join(wrong) or None), storm


def _start(storm: Storm, work: Workload) -> None:
    text = json.dumps(work.definition).encode()
    project = compile_project(["w.dig"], lambda _: text)
    assert not project.errors, project.errors
    workflow = project.workflow("w")
    assert workflow is not None
    keeper = storm.calm()
    stored = StoredWorkflow(
        id=1, name="w", project_id=1, project_name="p", revision="r", timezone="UTC", archive=None,     # type: ignore[arg-type]
        config=workflow.definition, pages=keeper.definitions.keep(1, workflow.tasks, None),
        task_count=len(workflow.tasks), schedule=None, sla=None)
    for _ in range(40):
        try:
            storm.attempt_id = storm.application.starter(
                stored, START, params=work.params, request="schedule-1-1", now=storm.now).id
            return
        except Crash:
            storm.application = storm._cold_start()
        except UnavailableError:
            continue
    raise Wrong("the attempt does not start")


def _compared(storm: Storm, reference: Reference, *, is_killed: bool) -> list[str]:
    assert storm.attempt_id is not None
    calm = storm.calm()
    status, given = calm.attempts.get(storm.attempt_id).status, calm.task_rows(storm.attempt_id)
    names = {row.id: row.full_name for row in given}
    turns: dict[str, int] = {}
    rows = []
    for row in given:
        turn = turns[row.full_name] = turns.get(row.full_name, -1) + 1
        rows.append((row.full_name, turn, str(row.state), sorted(names[up] for up in row.upstreams),
                     shown(row.store_params), row.error.get("message", "")))
    if is_killed and status == "killed":
        unfinished = [row[:3] for row in rows if row[2] not in (*DONE, "blocked")]
        return [*(f"killed, but there is {row}" for row in unfinished),
                *_seen(reference.seen, storm.operator.seen, is_all=False)]
    alerts = sorted((one["task_name"], one["message"]) for one in storm.alerts.published.values())
    there = {"rows": sorted(rows), "status": status, "alerts": alerts}
    return [*_difference(reference.outcome(), there), *_seen(reference.seen, storm.operator.seen, is_all=True)]


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


def run(seeds: Iterable[int], *, until: float | None = None) -> tuple[int, list[Failure]]:
    """How many ran (all, or until the monotonic clock says `until`), and those that failed."""
    count, failures = 0, []
    for seed in seeds:
        if until is not None and time.monotonic() > until:
            break
        failure = check(seed)
        _expected.cache_clear()
        count += 1
        if failure is not None:
            failures.append(failure)
    return count, failures


def run_in_parallel(first: int, count: int, *, for_s: float | None = None) -> tuple[int, list[Failure]]:
    """The seeds first ... first+count-1 on two processes; no longer than for_s seconds."""
    until = None if for_s is None else time.monotonic() + for_s
    parts = [range(first + part, first + count, PROCESSES) for part in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        done = [future.result() for future in [pool.submit(run, part, until=until) for part in parts]]
    return sum(n for n, _ in done), [failure for _, failures in done for failure in failures]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    count, failures = run_in_parallel(options.first, options.seeds)
    for failure in failures[:10]:
        print(failure, end="\n\n")
    print(f"{count} seeds in {time.monotonic() - begun:.0f} s, {len(failures)} failed",
          *(f"{failure.seed}" for failure in failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
