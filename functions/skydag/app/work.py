"""Run one leaf: claim it, evaluate it, run its operator here or hand it over, record how it ended.

Fused: the small task that became ready by that result is run by the same call, and so on (app/hands).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from skydag.app import evaluate, execute
from skydag.app.flights import Flights
from skydag.app.grants import granted
from skydag.app.hands import Hands
from skydag.app.job import Job
from skydag.app.log import logger
from skydag.app.operators import is_small, unknown
from skydag.app.record import Record, Run
from skydag.app.task_log import TaskLog
from skydag.app.turns import Turns
from skydag.engine.leaf import Leaf
from skydag.errors import ConfigError, TaskError
from skydag.language.evaluate import Evaluator
from skydag.model.ids import AttemptId, task_id
from skydag.model.outcome import AGAIN, OK, Ended, failed
from skydag.model.records import Protocol, replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.ports import Clock, Dispatch
from skydag.spi import Operator
from skydag.store.attempts import to_json
from skydag.store.flights import CONTAINER as CONTAINERS
from skydag.store.tasks import TaskStore
from skydag.store.values import Blobs

LOG = logger(__name__)
LEASE: Final = timedelta(minutes=16)            # longer than any function runs; then `watch` asks
CONTAINER_WAIT: Final = timedelta(seconds=10)   # until a task looks again for a free container, times its runs so far
CONTAINER_WAITS_MAX: Final = 12

RETRY: Final = "_retry"                         # a task with it may run again, whatever became of this run (E-59)
HERE, SCRIPT, CONTAINER = "here", "script", "container"


class Places(Protocol):
    """Where tasks of this installation run, and what they find there."""

    def place(self, operator: Operator, config: Mapping[str, Any]) -> str:
        """HERE, SCRIPT or CONTAINER."""

    def surroundings(self, attempt: Attempt, config: Mapping[str, Any], name: str, number: int,
                     log: TaskLog) -> execute.Surroundings: ...


class Observer(Protocol):
    """Who watches tasks come and go: a local run, which shows them and knows some results already."""

    def known(self, attempt: Attempt, name: str) -> Ended | None:
        """The result of an earlier run that is to be taken instead of running the task (C-26)."""

    def begins(self, name: str, operator: str, config: Mapping[str, Any]) -> bool:
        """A task is about to run; True: it is not to run, and succeeds with an empty result (a dry run)."""

    def ended(self, attempt: Attempt, name: str, ended: Ended, *, goes_on: bool) -> None:
        """goes_on: tasks that it generated, or its _check, come first, then it is done."""


class _NotSmall(Exception):
    """A task to be fused has another operator than its text said (an exported one, D-57)."""


class Work:
    def __init__(
        self, *, tasks: TaskStore, blobs: Blobs, record: Record, dispatch: Dispatch, places: Places,
        find_operator: Callable[[str], Operator | None], open_log: Callable[[Attempt, str, int, int], TaskLog],
        evaluator: Callable[[str], Evaluator], now: Clock, task_limit: int, container_lease: timedelta,
        hands: Callable[[str, Callable[[], bool]], Hands | None], flights: Flights, turns: Turns,
        observer: Observer | None = None,
    ) -> None:
        self._hands, self._flights, self._turns = hands, flights, turns
        self._observer, self._container_lease = observer, container_lease
        self._tasks, self._blobs, self._record, self._dispatch = tasks, blobs, record, dispatch
        self._places, self._find, self._open_log = places, find_operator, open_log
        self._evaluator, self._now, self._task_limit = evaluator, now, task_limit
        self._inherited: tuple[str, Mapping[str, Any]] = "", {}

    def __call__(self, job: Job, token: str, is_over: Callable[[], bool] = bool, *, is_alone: bool = False) -> None:
        """token: of this very call; the claim carries it, and who reports the call as lost must name it. is_over:
        whether the call must come to its end, so that it takes no further task. is_alone: nobody else can have got this
        job, so a first run needs no claim, but only a look whether it was canceled meanwhile."""
        if job.is_cleanup:
            self._clean_up(job)
            return
        leaf = self._leaf(job, token)
        is_claimed = not (is_alone and job.run == 1 and self._tasks.leaf(job.attempt.id, job.path) is None)
        if is_claimed and not self._has_claimed(job, leaf):
            return
        hands = self._hands(token, is_over)
        self._claimed(job, leaf, hands, is_claimed=is_claimed)
        if hands is not None:
            self.go_on(hands)

    def _has_claimed(self, job: Job, leaf: Leaf) -> bool:
        found = self._tasks.claim(leaf)
        if found is None:
            return True
        LOG.info("somebody else runs it", extra={"action": "claim_lost", "attempt_id": job.attempt.id,
                 "task": job.name, "run": job.run})
        self._turns.unused(job.seat, job.run, found, is_repeat=False)
        return False

    def _clean_up(self, job: Job) -> None:
        """The task was canceled, and its operator may stop what it started. It may be called twice; how it ends is told
        by the log alone."""
        log = self._open_log(job.attempt, job.name, job.number, job.run)
        try:
            task, operator = self._prepared(job, "")
            if operator is not None:
                around = self._places.surroundings(job.attempt, task["config"], job.name, job.number, log)
                execute.clean_up(task, job.attempt, operator, around)
        except ConfigError as error:
            log.write(f"Configuration error at task {job.name}: {error}")
        finally:
            log.close(may_be_last=False)

    def go_on(self, hands: Hands) -> None:
        """Runs the task that these hands hold, then the one that they hold after it, until they are empty."""
        while (job := hands.take()) is not None:
            self._claimed(job, self._leaf(job, hands.token), hands, is_claimed=False, is_fused=True)

    def _leaf(self, job: Job, token: str) -> Leaf:
        now = self._now()
        return Leaf(attempt_id=job.attempt.id, path=job.path, number=job.number, run=job.run, token=token,
                    state=State.RUNNING, started_at=job.started_at or now, updated_at=now, deadline=now + LEASE,
                    state_params=job.state, lost=job.lost, carry=job.carry, parent_page=job.page, seat=job.seat)

    def _claimed(self, job: Job, leaf: Leaf, hands: Hands | None, *, is_claimed: bool, is_fused: bool = False) -> None:
        """is_claimed: by an item; else it is this invocation's all the same. is_fused: it has it for being small."""
        run = Run(attempt=job.attempt, leaf=leaf, name=job.name, config=job.config, group=job.group,
                  is_parent_wide=job.is_parent_wide, is_claimed=is_claimed)
        log = self._open_log(job.attempt, job.name, job.number, job.run)
        ended: Ended | None = None
        try:
            ended = self._run(job, leaf, log, is_fused=is_fused)
        except _NotSmall:                   # its text promised a small one; somebody else claims and runs it
            self._record.hand_back(job)
            return
        finally:
            output = log.close(may_be_last=ended is not None and ended.kind != AGAIN and RETRY not in job.config)
        if ended is not None and self._observer is not None:
            goes_on = bool(ended.subtasks or job.config.get("_check"))
            self._observer.ended(job.attempt, job.name, ended, goes_on=goes_on)
        if ended is not None:
            self._record(run, replace(ended, output=output) if output else ended, self._now(), hands)

    def _run(self, job: Job, leaf: Leaf, log: TaskLog, *, is_fused: bool) -> Ended | None:
        """How it ended; None when it was handed over. Raises _NotSmall."""
        if self._observer is not None and (known := self._observer.known(job.attempt, job.name)) is not None:
            return known
        try:
            task, operator = self._prepared(job, leaf.token)
        except ConfigError as error:
            log.write(f"Configuration error at task {job.name}: {error}")
            return failed(execute.config_message(error))
        if operator is None:
            return Ended(kind=OK)
        if is_fused and not is_small(operator):
            raise _NotSmall
        config = task["config"]
        if self._observer is not None and self._observer.begins(job.name, task["operator"], config):
            return Ended(kind=OK)
        place = self._places.place(operator, config)
        if place != HERE:
            try:
                return self._hand_over(task | {"attempt": to_json(job.attempt)}, leaf, place)
            except ConfigError as error:
                log.write(f"Configuration error at task {job.name}: {error}")
                return failed(execute.config_message(error))
            except TaskError as error:      # it cannot be started at all: no run is lost, the task has failed
                log.write(f"Task {job.name} failed.\n{error}")
                return failed(str(error))
        around = self._places.surroundings(job.attempt, config, job.name, job.number, log)
        return execute.run(task, job.attempt, operator, around)

    def _prepared(self, job: Job, token: str) -> tuple[dict[str, Any], Operator | None]:
        """What execute.run wants, and the operator; None for a task without one. ConfigError when an expression fails,
        or there is no such operator."""
        pointer, inherited = self._inherited            # most often what the task before inherited, too
        if pointer != job.inherit:
            inherited = self._blobs.json(job.inherit)
            self._inherited = job.inherit, inherited
        evaluated = evaluate.evaluate(job, inherited, self._evaluator(job.attempt.timezone))
        if evaluated.operator is None:
            return {}, None
        operator = self._find(evaluated.operator)
        if operator is None:
            raise ConfigError(unknown(evaluated.operator))
        return {
            "operator": evaluated.operator, "config": evaluate.with_section(evaluated.config, evaluated.operator),
            "local": evaluated.local, "state": job.state,
            "task_id": task_id(AttemptId(job.attempt.id), job.number), "task_name": job.name, "number": job.number,
            "path": job.path, "run": job.run, "token": token, "task_limit": self._task_limit,
        }, operator

    def _hand_over(self, task: dict[str, Any], leaf: Leaf, place: str) -> Ended | None:
        """First the claim learns which secrets the run may ask for. A kill that came before ends the run here. None: it
        has gone."""
        names = granted(task["config"], task["local"])
        if names:
            task["secrets"] = list(names)
        if place == CONTAINER:
            return self._to_container(task, leaf, names)
        if names and self._tasks.change(leaf, replace(leaf, secrets=names), "n") is not None:
            return failed("killed before it began")
        self._dispatch.script(task)
        return None

    def _to_container(self, task: Mapping[str, Any], leaf: Leaf, secrets: tuple[str, ...]) -> Ended | None:
        """The claim gets a longer lease first, then the container starts; its id is kept for a kill. A kill that came
        before ends the run here, one that came meanwhile stops the container. Where containers are limited and no seat
        is free, the run ends and asks for another; once the container runs, the seat of the function is left."""
        longer = replace(leaf, deadline=leaf.updated_at + self._container_lease, seat="", secrets=secrets)
        if self._flights.limit(CONTAINERS):
            seats = self._flights.take(CONTAINERS, leaf.attempt_id, {leaf.path: leaf.run})
            if not seats:
                wait = CONTAINER_WAIT * min(leaf.run, CONTAINER_WAITS_MAX)
                return Ended(kind=AGAIN, after_s=wait.total_seconds(), state=leaf.state_params)
            longer = replace(longer, seat=seats[leaf.path])
        if self._tasks.change(leaf, longer, "n") is not None:
            self._turns.over(longer, is_repeat=False)
            return failed("killed before it began")
        token = f"{leaf.attempt_id}-{leaf.number}-{leaf.run}"
        try:
            container = self._dispatch.container(task, token=token)
        except TaskError:
            self._turns.over(longer, is_repeat=False)
            raise
        if self._tasks.set_container(longer, container):
            self._dispatch.stop_container(container, "killed")
        self._turns.over(leaf, is_repeat=False)
        return None
