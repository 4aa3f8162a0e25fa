"""Workflows of one form at any size, and what a run of one costs through the real handlers, on moto or over memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from tests.counting.cloud import START, TASK, Cloud, archive
from tests.counting.latency import INSTANT, Latencies
from tests.counting.meter import Meter
from tests.counting.tally import Total, Use

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation, new_session

IN_GROUP = 10


@dataclass(frozen=True, slots=True)
class Form:
    """text: the workflow with so many leaf tasks. groups_in: how many groups a task has, the root not counted, a
    further try and `^error` counted. more: write units a task for what is counted apart: generated definitions, the
    births that a full safety net repeats, the carry of a try."""

    text: Callable[[int], str]
    groups_in: float = 0
    ends_well: bool = True
    more: float = 0


def chain(size: int) -> str:
    return "".join(f"+t{n}: {{echo>: hello {n}}}\n" for n in range(size))


def fan_out(size: int) -> str:
    return "_parallel: true\n" + chain(size)


def batches(size: int) -> str:
    """Batches of eight."""
    return "_parallel: {limit: 8}\n" + chain(size)


def groups(size: int, *, head: str = "", tail: str = "") -> str:
    """Groups of ten tasks each, one after another."""
    return head + "".join(f"+g{n}:\n" + _indented(tail + chain(IN_GROUP)) for n in range(size // IN_GROUP))


def parallel_groups(size: int) -> str:
    return groups(size, head="_parallel: true\n")


def nested(size: int) -> str:
    """Groups of ten groups of ten tasks."""
    return "".join(f"+h{n}:\n" + _indented(groups(IN_GROUP * IN_GROUP)) for n in range(size // IN_GROUP ** 2))


def loop(size: int) -> str:
    """One task that generates iterations of ten tasks."""
    return f"+l:\n  loop>: {size // IN_GROUP}\n  _do:\n" + _indented(_indented(chain(IN_GROUP)))


def for_each(size: int) -> str:
    """The same beside each other."""
    values = ", ".join(map(str, range(size // IN_GROUP)))
    return f"+l:\n  for_each>: {{x: [{values}]}}\n  _parallel: true\n  _do:\n" + _indented(_indented(chain(IN_GROUP)))


def errors(size: int) -> str:
    """Groups of eight tasks, one that fails, and one in `_error`."""
    one = chain(8) + "+f: {fail>: no}\n_error: {echo>: sorry}\n"
    return "_parallel: true\n" + "".join(f"+g{n}:\n" + _indented(one) for n in range(size // IN_GROUP))


def retries(size: int) -> str:
    """Groups of four tasks and one that fails, each tried twice."""
    one = "_retry: 1\n" + chain(4) + "+f: {fail>: no}\n"
    return "_parallel: true\n" + "".join(f"+g{n}:\n" + _indented(one) for n in range(size // IN_GROUP))


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


FORMS: dict[str, Form] = {
    "chain": Form(chain), "fan-out": Form(fan_out), "batches of 8": Form(batches),
    "groups in a row": Form(groups, 0.1), "parallel groups": Form(parallel_groups, 0.1),
    "nested groups": Form(nested, 0.11), "loop>": Form(loop, 0.1, more=0.05),
    "for_each> in parallel": Form(for_each, 0.1, more=0.1),
    "groups with _error": Form(errors, 0.2, ends_well=False),
    "groups with _retry": Form(retries, 0.2, ends_well=False, more=0.1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """Which of the faster ways are on."""

    name: str
    parameters: dict[str, str] = field(hash=False)              # of the template


SLOW = {"Fusing": "false", "Inline": "false"}
STREAM_ONLY = Mode(name="stream only", parameters={"DirectContinuation": "false", **SLOW})
DIRECT = Mode(name="direct", parameters={"DirectContinuation": "true", **SLOW})
FUSED = Mode(name="fused", parameters={})                       # as installed
MODES = (STREAM_ONLY, DIRECT, FUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one run; `per_task` gives the slope between two."""

    size: int
    table: Total
    calls: int
    payload_bytes: int
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
            "bytes written": (larger.table.bytes_written - self.table.bytes_written) / more,
            "bytes read": (larger.table.bytes_read - self.table.bytes_read) / more,
            "payload bytes": (larger.payload_bytes - self.payload_bytes) / more,
        }

    def growth(self, larger: Cost) -> dict[str, float]:
        """How much more a task costs in the larger run, everything included."""
        def ratio(small: float, large: float) -> float:
            return (large / larger.size) / (small / self.size)

        return {
            "write units": ratio(self.table.write_units, larger.table.write_units),
            "read units": ratio(self.table.read_units, larger.table.read_units),
            "calls": ratio(self.calls, larger.calls),
            "bytes written": ratio(self.table.bytes_written, larger.table.bytes_written),
            "payload bytes": ratio(self.payload_bytes, larger.payload_bytes),
        }


def _counted(use: Use) -> bool:
    """Reading definitions is counted apart: once an environment, however many tasks."""
    return bool(use.write_units) or not any("~g" in sk for _, sk in use.keys)


def run(form: str, size: int, mode: Mode) -> Cost:
    """Pushes and starts one workflow of that form on moto; the cost of all that follows the push."""
    clock, session, meter = VirtualClock(START), new_session(), Meter()
    meter.attach(session.events)
    with Installation(clock=clock, session=session, durations={"Work": TASK},
                      parameters=mode.parameters) as installation:
        api = installation.application("Api")
        project = api.push("p", "r", archive(FORMS[form].text(size)), now=clock())
        workflow = api.projects.workflows(project.id)[0]
        installation.settle()
        before, calls = len(meter.tally.uses), sum(installation.lambdas.counts.values())
        sent, begin = meter.tally.payload_bytes, clock()
        attempt = api.start(workflow.id, START, params={})
        installation.settle()
        table = meter.tally.total(_counted, since=before)
        done = api.attempts.get(attempt.id)
        assert done.is_success is FORMS[form].ends_well
        assert done.finished_at is not None
        return Cost(size=size, table=table, seconds=(done.finished_at - begin).total_seconds(),
                    payload_bytes=meter.tally.payload_bytes - sent,
                    calls=sum(installation.lambdas.counts.values()) - calls)


def run_in_memory(form: str, size: int, mode: Mode, *, latencies: Latencies = INSTANT,
                  task: timedelta = TASK) -> Cost:
    """The same over memory, in a model of AWS's latencies if they are given."""
    cloud = Cloud(parameters=mode.parameters, latencies=latencies, chance=random.Random(1), task=task)
    workflow_id = cloud.push(FORMS[form].text(size))
    before, calls, sent = len(cloud.tally.uses), cloud.counts.total(), cloud.tally.payload_bytes
    begin = cloud.loop.clock()
    started = cloud.start(workflow_id)
    table = cloud.tally.total(_counted, since=before)
    done = cloud.attempt(started.id)
    assert done.is_success is FORMS[form].ends_well
    assert done.finished_at is not None
    cloud.close()
    return Cost(size=size, table=table, seconds=(done.finished_at - begin).total_seconds(),
                payload_bytes=cloud.tally.payload_bytes - sent, calls=cloud.counts.total() - calls)
