"""Workflows of one form at any size, and what a run of one costs through the real handlers on moto."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.counting.meter import Meter
from tests.counting.tally import Total

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation, new_session

START = datetime(2025, 6, 10, tzinfo=UTC)
TASK = timedelta(milliseconds=50)


def chain(size: int) -> str:
    return "".join(f"+t{n}: {{echo>: hello {n}}}\n" for n in range(size))


def fan_out(size: int) -> str:
    return "_parallel: true\n" + chain(size)


def batches(size: int) -> str:
    """Batches of eight."""
    return "_parallel: {limit: 8}\n" + chain(size)


FORMS: dict[str, Callable[[int], str]] = {"chain": chain, "fan-out": fan_out, "batches of 8": batches}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one run; `per_task` gives the slope between two."""

    size: int
    table: Total
    calls: int
    seconds: float              # on the virtual clock

    def per_task(self, larger: Cost) -> dict[str, float]:
        more = larger.size - self.size
        return {
            "write units": (larger.table.write_units - self.table.write_units) / more,
            "read units": (larger.table.read_units - self.table.read_units) / more,
            "transactions": (larger.table.transactions - self.table.transactions) / more,
            "index writes": (larger.table.index_writes - self.table.index_writes) / more,
            "lost writes": (larger.table.lost - self.table.lost) / more,
            "calls": (larger.calls - self.calls) / more,
        }


def run(form: str, size: int, *, is_direct: bool, is_fused: bool = False) -> Cost:
    """Pushes and starts one workflow of that form; the cost of all that follows the push."""
    on = {True: "true", False: "false"}
    clock, session, meter = VirtualClock(START), new_session(), Meter()
    meter.attach(session.events)
    with Installation(clock=clock, session=session, durations={"Work": TASK},
                      parameters={"DirectContinuation": on[is_direct], "Fusing": on[is_fused], "Inline": on[is_fused],
                                  }) as installation:
        api = installation.application("Api")
        project = api.push("p", "r", _archive(FORMS[form](size)), now=clock())
        workflow = api.projects.workflows(project.id)[0]
        installation.settle()
        before, calls = len(meter.tally.uses), sum(installation.lambdas.counts.values())
        begin = clock()
        attempt = api.start(workflow.id, START, params={})
        installation.settle()
        table = meter.tally.total(since=before)
        done = api.attempts.get(attempt.id)
        assert done.is_success
        assert done.finished_at is not None
        return Cost(size=size, table=table, seconds=(done.finished_at - begin).total_seconds(),
                    calls=sum(installation.lambdas.counts.values()) - calls)


def _archive(text: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        entry = tarfile.TarInfo("w.dig")
        entry.size = len(text.encode())
        tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()
