"""Every step that a task's state can take, as data: the transitions T1 to T18 of Digdag (E-21), and a few of ours.

Nobody looks a step up here while tasks run: states follow from a group's sets (engine/settle.py) and from the one item
of a leaf (app/record.py). The table is what these must never leave; docs/states.md is printed from it, and
tests/engine/test_steps.py holds every change seen in simulated runs against it.
"""

from __future__ import annotations

from typing import Final

from skydag.model.records import dataclass
from skydag.model.task import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    name: str
    before: State
    after: State
    of: str                 # group, leaf, or generator: a leaf that generated tasks, which goes on as a group
    when: str
    decided_by: str         # module and function below skydag; who writes it is in `written_by`
    written_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Steps that one write makes, so that nobody sees what lies between."""

    steps: tuple[str, ...]  # names of steps, in order
    of: str
    why: str


_SETTLED = "app.groups.Groups.write"
_RECORDED = "store.tasks.TaskStore.record"

STEPS: Final[tuple[Step, ...]] = (
    Step(name="T1", before=State.BLOCKED, after=State.PLANNED, of="group",
         when="all its upstreams succeeded; the root when the attempt starts",
         decided_by="engine.settle._startable", written_by="app.handover.HandOver._born"),
    Step(name="T2", before=State.BLOCKED, after=State.CANCELED, of="leaf",
         when="it would start, but its group is being killed",
         decided_by="engine.settle._canceled", written_by=_SETTLED),
    Step(name="T3", before=State.BLOCKED, after=State.READY, of="leaf",
         when="all its upstreams succeeded",
         decided_by="engine.settle._startable", written_by=_SETTLED),
    Step(name="T4", before=State.READY, after=State.RUNNING, of="leaf",
         when="a worker claims it, with the next run number and a token",
         decided_by="app.work.Work.__call__", written_by="store.tasks.TaskStore.claim"),
    Step(name="T5", before=State.READY, after=State.PLANNED, of="group",
         when="a group's retry begins: next generation, sets emptied",
         decided_by="engine.settle._restarted", written_by=_SETTLED),
    Step(name="T6", before=State.RUNNING, after=State.CANCELED, of="leaf",
         when="it ended, and was to be killed; its result is lost",
         decided_by="app.record.Record.__call__", written_by="store.tasks.TaskStore.record_canceled"),
    Step(name="T7", before=State.RUNNING, after=State.SUCCESS, of="leaf",
         when="it succeeded and generated nothing",
         decided_by="app.record.Record._after", written_by=_RECORDED),
    Step(name="T8", before=State.RUNNING, after=State.PLANNED, of="generator",
         when="it succeeded with ^sub or ^check to run",
         decided_by="app.record.Record._generating", written_by=_RECORDED),
    Step(name="T9", before=State.RUNNING, after=State.ERROR, of="leaf",
         when="it failed for good, without ^error",
         decided_by="app.record.Record._failed", written_by=_RECORDED),
    Step(name="T10", before=State.RUNNING, after=State.PLANNED, of="generator",
         when="it failed for good; ^error runs, then it ends in error",
         decided_by="app.record.Record._failed", written_by=_RECORDED),
    Step(name="T11", before=State.RUNNING, after=State.RETRY_WAITING, of="leaf",
         when="it asks to be run again later: a poll, or its _retry",
         decided_by="app.record.Record._after", written_by=_RECORDED),
    Step(name="T12", before=State.RETRY_WAITING, after=State.READY, of="leaf",
         when="its time has come",
         decided_by="app.handover.HandOver._wake_later", written_by="store.tasks.TaskStore.claim"),
    Step(name="T12", before=State.GROUP_RETRY_WAITING, after=State.READY, of="group",
         when="its time has come",
         decided_by="engine.settle._restarted", written_by=_SETTLED),
    Step(name="T12", before=State.GROUP_RETRY_WAITING, after=State.READY, of="generator",
         when="its time has come: its operator runs again",
         decided_by="app.endings.Endings._run_leaf_again", written_by="store.tasks.TaskStore.change"),
    Step(name="T13", before=State.PLANNED, after=State.GROUP_RETRY_WAITING, of="group",
         when="a child failed, nothing else can go on, and _retry allows",
         decided_by="engine.settle._ended", written_by=_SETTLED),
    Step(name="T14", before=State.PLANNED, after=State.PLANNED, of="group",
         when="a child failed and no retry is left: ^error, and the root's alert, begin",
         decided_by="engine.settle._with_error_tasks", written_by=_SETTLED),
    Step(name="T15", before=State.PLANNED, after=State.GROUP_ERROR, of="group",
         when="a child failed and no retry is left, or what T14 began is done",
         decided_by="engine.settle._ended", written_by=_SETTLED),
    Step(name="T16", before=State.PLANNED, after=State.ERROR, of="generator",
         when="what T10 began is done",
         decided_by="engine.settle._ended", written_by=_SETTLED),
    Step(name="T17", before=State.PLANNED, after=State.SUCCESS, of="group",
         when="every child succeeded",
         decided_by="engine.settle._ended", written_by=_SETTLED),
    Step(name="T18", before=State.PLANNED, after=State.CANCELED, of="group",
         when="it is being killed, and nothing below it goes on",
         decided_by="engine.settle._ended", written_by=_SETTLED),
    Step(name="K-4", before=State.GROUP_RETRY_WAITING, after=State.CANCELED, of="group",
         when="it is being killed: it need not wait",
         decided_by="engine.settle._canceled", written_by=_SETTLED),
    Step(name="K-6", before=State.READY, after=State.CANCELED, of="leaf",
         when="it is being killed before anybody claimed it",
         decided_by="app.cancel.Cancel._leaf", written_by="store.tasks.TaskStore.cancel_unborn"),
    Step(name="K-6", before=State.RETRY_WAITING, after=State.CANCELED, of="leaf",
         when="it is being killed: it need not wait",
         decided_by="app.cancel.Cancel._leaf", written_by="store.tasks.TaskStore.change"),
    Step(name="E-130", before=State.RUNNING, after=State.READY, of="leaf",
         when="its worker is gone without a verdict, fewer than 3 times",
         decided_by="app.record.Record.lost", written_by="store.tasks.TaskStore.change"),
    Step(name="E-113", before=State.BLOCKED, after=State.SUCCESS, of="leaf",
         when="it could start, and its result is taken over from an old attempt",
         decided_by="engine.settle._taken_over", written_by="store.tasks.TaskStore.take_over"),
    Step(name="E-113", before=State.BLOCKED, after=State.PLANNED, of="generator",
         when="the same, with what it had generated",
         decided_by="engine.settle._startable", written_by="store.tasks.TaskStore.take_over"),
)

TOGETHER: Final[tuple[Together, ...]] = (
    Together(steps=("T12", "T4"), of="leaf", why="a waiting leaf is claimed as it is"),
    Together(steps=("T11", "T12"), of="leaf", why="a wait of no seconds"),
    Together(steps=("T12", "T5"), of="group", why="a group begins its next try"),
    Together(steps=("T13", "T12", "T5"), of="group", why="a retry that need not wait"),
    Together(steps=("T1", "T17"), of="group", why="a group without tasks"),
    Together(steps=("T1", "T18"), of="group", why="a group born while its parent is being killed"),
)


def ends(together: Together) -> tuple[State, State]:
    """The states before and after; LookupError where the steps don't meet."""
    first, last = "", ""
    for before in State:
        state = before
        for name in together.steps:
            following = [s.after for s in STEPS if s.name == name and s.of == together.of and s.before is state]
            if len(following) != 1:
                break
            state = following[0]
        else:
            first, last = before, state
    if not first:
        raise LookupError(f"{'+'.join(together.steps)} is no chain of steps of a {together.of}")
    return State(first), State(last)
