"""The result of a run goes into the table, and what follows from it is done: at once, or by the stream."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from skydag.app.advance import Advance
from skydag.app.hands import Hands
from skydag.app.job import Job
from skydag.app.log import logger
from skydag.engine import bits, pages, paths
from skydag.engine.group import Group
from skydag.engine.leaf import Leaf
from skydag.engine.retry import group_policy, polled, retry_wait, whole_second
from skydag.errors import LimitError, SkydagError, UnavailableError, WorkflowError
from skydag.model.outcome import AGAIN, FAILED, OK, Ended, failed
from skydag.model.params import merge
from skydag.model.records import dataclass, replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.store.task_items import ACT, SAFETY

LOG = logger(__name__)
LOST_MAX: Final = 3         # runs of one task that may vanish in a row before it fails


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A claimed run, and what of its task's definition its end may need."""

    attempt: Attempt
    leaf: Leaf                          # as claimed
    name: str
    config: Mapping[str, Any]           # local, not evaluated
    is_parent_wide: bool
    group: Group | None = None          # its group as the sender knew it
    is_claimed: bool = True             # else its group names this invocation as owner, or nobody else can have it


class Record:
    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._tasks = advance.tasks

    def __call__(self, run: Run, ended: Ended, now: datetime, hands: Hands | None = None) -> None:
        """One conditional write; a repeat finds it written and does what follows again, a stale worker's is refused."""
        leaf = self._after(run, ended, now)
        goes_on = self._advance.settings.is_direct and not run.is_parent_wide
        act = SAFETY if goes_on else ACT
        found = self._tasks.record(leaf, act) if run.is_claimed else self._tasks.record_first(leaf, act)
        if found is not None:
            if (found.run, found.token) != (leaf.run, leaf.token):
                LOG.info("a stale report is refused", extra={"action": "report_refused", "attempt_id": run.attempt.id,
                         "task": run.name, "run": leaf.run})
                return
            if found.is_cancel_requested and found.state is State.RUNNING:
                state = leaf.state_params if ended.kind == AGAIN else found.state_params
                leaf = replace(found, state=State.CANCELED, updated_at=now, output=leaf.output, deadline=None,
                               state_params=state)
                if self._advance.jobs.cleans_up(run.config):    # told by the stream alone: by two it would be twice
                    act, goes_on = ACT, False
                if self._tasks.record_canceled(leaf, act) is not None:
                    return
            else:
                leaf = found
        self._advance.turns.over(leaf, is_repeat=found is not None)
        if goes_on:
            work = self._advance.leaf_changed(run.attempt, leaf, now, is_repeat=found is not None, hands=hands)
            self._advance.advance(run.attempt, work, now, snapshot=run.group, is_direct=True, hands=hands)

    def _after(self, run: Run, ended: Ended, now: datetime) -> Leaf:
        over: dict[str, Any] = {"updated_at": now, "output": ended.output, "deadline": None, "lost": 0, "secrets": ()}
        if ended.kind == OK:
            over |= {"state": State.SUCCESS, "export": ended.export, "store": ended.store}
        base = replace(run.leaf, **over)
        if ended.kind == AGAIN:
            state = polled(ended.state, run.leaf.retry_count)
            if ended.after_s <= 0:
                return replace(base, state=State.READY, state_params=state, retry_at=None)
            return replace(base, state=State.RETRY_WAITING, state_params=state,
                           retry_at=whole_second(now + timedelta(seconds=ended.after_s)))
        if ended.kind == FAILED:
            return self._failed(run, base, ended.error)
        if not ended.subtasks and not run.config.get("_check"):
            return base
        try:
            return self._generating(run, base, subtasks=ended.subtasks)
        except UnavailableError:                # the services' trouble is not the task's: the run is lost, and repeated
            raise
        except SkydagError as refused:          # T9: nothing of the result is kept (E-41)
            suffix = "" if isinstance(refused, LimitError) else " (config)"
            return self._failed(run, replace(base, export={}, store=None), failed(f"{refused}{suffix}").error)

    def _failed(self, run: Run, base: Leaf, error: Mapping[str, Any]) -> Leaf:
        leaf = replace(base, state=State.ERROR, error=error)
        if not run.config.get("_error"):
            return leaf
        try:
            return self._generating(run, leaf, error=error)
        except UnavailableError:
            raise
        except SkydagError as refused:          # E-65
            LOG.warning("no ^error", extra={"action": "error_skipped", "attempt_id": run.attempt.id, "task": run.name,
                        "reason": str(refused)})
            return leaf

    def _generating(self, run: Run, leaf: Leaf, *, subtasks: Mapping[str, Any] | None = None,
                    error: Mapping[str, Any] | None = None) -> Leaf:
        """The pages first, then the numbers: both may be left over by a crash, neither is seen before the result."""
        built, size = pages.generated(run.name, run.config, subtasks=subtasks, error=error)
        if not size:
            return leaf
        if paths.depth(leaf.path) + pages.height(built) > paths.NESTING_MAX:
            raise WorkflowError(f"tasks are nested deeper than {paths.NESTING_MAX} levels")
        if leaf.run > paths.GENERATIONS_MAX:
            raise WorkflowError(f"a task that ran more than {paths.GENERATIONS_MAX:,} times cannot generate tasks")
        limit = self._advance.settings.task_limit
        first = self._advance.attempts.take_task_numbers(run.attempt.id, size, limit)
        self._advance.definitions.keep_generated(run.attempt.id, leaf.path, leaf.run, pages.bundles(built))
        return replace(leaf, generated=size, generated_first=first)

    def hand_back(self, job: Job) -> None:
        """A task that this invocation kept for itself, and cannot run: it goes the usual way."""
        group = self._advance.groups.get(job.attempt.id, paths.parent(job.path))
        if paths.generation(job.path) == group.generation and bits.has(group.in_progress, job.ordinal):
            page = self._advance.definitions.page(job.attempt, group.page)
            self._advance.jobs.send(job.attempt, page, group, [job.ordinal])

    # --- found dead --------------------------------------------------------------------------------------------------

    def lost(self, attempt_id: int, path: str, run: int, token: str | None, reason: str, now: datetime, *,
             is_crash: bool, seat: str = "") -> None:
        """A worker ended without a report. is_crash: something of ours broke, so the run is repeated (a few times);
        else (time-out, out of memory, no image) the task fails with the reason, or runs again by its `_retry`. seat:
        what it was sent with; its task may have another by now, or none."""
        attempt = self._advance.attempt(attempt_id)
        if token is not None:
            self._advance.groups.died(token)
        leaf = self._tasks.leaf(attempt_id, path)
        if leaf is None or (leaf.run == run - 1 and leaf.state in (State.READY, State.RETRY_WAITING)):
            self._advance.jobs.send_again(attempt, path, leaf, now)      # it died before it claimed
            return
        if leaf.run != run or leaf.state is not State.RUNNING or (token is not None and leaf.token != token):
            if leaf.run == run and leaf.token == token:                  # it died after its result: do what follows
                self._advance.turns.over(leaf, is_repeat=True)
                self._advance.advance(attempt, self._advance.leaf_changed(attempt, leaf, now), now)
            self._advance.turns.unused(seat, run, leaf, is_repeat=True)
            return
        if is_crash and leaf.lost + 1 < LOST_MAX and not leaf.is_cancel_requested:
            again = replace(leaf, state=State.READY, lost=leaf.lost + 1, updated_at=now, deadline=None, container=None)
            if self._tasks.change(leaf, again, ACT) is None:
                self._advance.turns.over(leaf, is_repeat=False)
                self._advance.turns.unused(seat, run, again, is_repeat=False)
                self._advance.jobs.send_again(attempt, path, again, now)
            else:                               # a kill, or another who found it dead: look again
                self.lost(attempt_id, path, run, token, reason, now, is_crash=is_crash, seat=seat)
            return
        self(self.run_of(attempt, leaf), self._verdict(attempt, leaf, reason), now)
        if seat != leaf.seat:                   # it died between the two: the container's was the newer one
            self._advance.turns.leave(seat, attempt_id, path, run, is_repeat=False)

    def report(self, report: Mapping[str, Any], now: datetime) -> None:
        """What `script` or a container reports. The token must be the claim's (F-8)."""
        attempt = self._advance.attempt(int(report["attempt_id"]))
        leaf = self._tasks.leaf(attempt.id, report["path"])
        if leaf is None or leaf.run != report["run"] or leaf.token != report["token"]:
            LOG.warning("a report without the claim's token is refused", extra={
                "action": "report_refused", "attempt_id": attempt.id, "path": report["path"]})
            return
        if leaf.state is not State.RUNNING:
            self._advance.turns.over(leaf, is_repeat=True)
            self._advance.advance(attempt, self._advance.leaf_changed(attempt, leaf, now), now)
            return
        self(self.run_of(attempt, leaf), Ended.from_json(report["ended"]), now)

    def run_of(self, attempt: Attempt, leaf: Leaf) -> Run:
        """The run with its definition, from the page its claim names."""
        page = self._advance.definitions.page(attempt, leaf.parent_page)
        child = page.child(paths.ordinal(leaf.path))
        return Run(attempt=attempt, leaf=leaf, name=child.full_name, config=child.config,
                   is_parent_wide=page.is_wide or page.is_chunk)

    def _verdict(self, attempt: Attempt, leaf: Leaf, reason: str) -> Ended:
        page = self._advance.definitions.page(attempt, leaf.parent_page)
        child = page.child(paths.ordinal(leaf.path))
        policy = group_policy(merge(child.export, child.config))
        if policy is not None and policy.limit > leaf.retry_count:
            return Ended(kind=AGAIN, after_s=retry_wait(policy, leaf.retry_count).total_seconds(),
                         state={**leaf.state_params, "retry_count": leaf.retry_count + 1})
        return failed(reason)
