"""One task of one operator, from its first run to its end, without waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from skydag.app import execute
from skydag.app.operators import cleans_up
from skydag.engine.retry import polled
from skydag.engine.variables import variables
from skydag.model.outcome import AGAIN, FAILED, Ended
from skydag.model.records import dataclass, field, replace
from skydag.spi import Operator
from skydag.testing.bench import ATTEMPT, START, TASK_NAME, Bench

RUNS_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How one run ended: with an `error`, with the wish to run again (`retry_in`), or well."""

    store: Mapping[str, Any] = field(default_factory=dict)
    reset: tuple[str, ...] = ()
    export: Mapping[str, Any] = field(default_factory=dict)
    subtasks: Mapping[str, Any] = field(default_factory=dict)
    retry_in: timedelta | None = None                           # a poll, or the task's `_retry`
    state: Mapping[str, Any] = field(default_factory=dict)      # what the next run is given
    error: str | None = None                                    # `${error.message}`, as `_error` would see it
    stacktrace: str | None = None

    @property
    def is_success(self) -> bool:
        return self.error is None and self.retry_in is None


class Trial(Bench):
    """A task with this operator and these parameters. params: its own keys, `${...}` evaluated, with what stands behind
    `name>:` as `_command`; the built-in variables are there besides. own: where `params` holds inherited ones, too, the
    task's own keys.

        trial = Trial(Greet(), {"_command": "world"}, secrets={"greet.token": "abc-def-ghi"})
        assert trial.run() == Tried(store={"greeted": True})
        assert trial.log == ["hello world"]

    A run that asks to be run again leaves its state to the next one. Errors are results, too, and `_retry` among the
    parameters counts, as in a real run.
    """

    def __init__(
        self, operator: Operator, params: Mapping[str, Any], own: Mapping[str, Any] | None = None, *,
        project: Path | str = ".", secrets: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None, time: datetime = START, session_time: datetime = START,
        timezone: str = "UTC",
    ) -> None:
        super().__init__(project, secrets=secrets, properties=properties, time=time,
                         attempt=replace(ATTEMPT, session_time=session_time, timezone=timezone))
        self.operator, self.params, self.own = operator, params, own
        self.waits: list[timedelta] = []            # between the runs so far

    def run(self, *, is_lost: bool = False) -> Tried:
        """One run, at the present `time`. is_lost: whoever ran it died before anybody heard of the result; the next
        run has the same state."""
        ended = execute.run(self._task(), self.attempt, self.operator, self._surroundings())
        self.run_number += 1
        tried = _tried(ended)
        if not is_lost and tried.retry_in is not None:
            self.waits.append(tried.retry_in)
            self.state = polled(tried.state, self.state.get("retry_count", 0))
        return tried

    def kill(self) -> None:
        """The attempt is killed while the task waits: the operator's `cleanup` is called, as an installation does where
        it has `cleans_up = True`."""
        if cleans_up(self.operator):
            execute.clean_up(self._task(), self.attempt, self.operator, self._surroundings())

    def _task(self) -> Mapping[str, Any]:
        params = {**variables(self.attempt, TASK_NAME, self.params), **self.params}
        return self._job(params, self.params if self.own is None else self.own)

    def run_until_done(self, runs_max: int = RUNS_MAX) -> Tried:
        """Runs until it asks for no other run, each at the time that the one before asked for: `time` moves, nobody
        waits. AssertionError after runs_max."""
        for _ in range(runs_max):
            tried = self.run()
            if tried.retry_in is None:
                return tried
            self.time += tried.retry_in
        raise AssertionError(f"after {runs_max} runs it still asks to be run again; its state is {dict(self.state)}")


def _tried(ended: Ended) -> Tried:
    if ended.kind == AGAIN:
        return Tried(retry_in=timedelta(seconds=ended.after_s), state=ended.state)
    if ended.kind == FAILED:
        return Tried(error=str(ended.error.get("message", "")), stacktrace=ended.error.get("stacktrace"))
    store = ended.store
    return Tried(store=store.params if store else {}, reset=store.resets if store else (), export=ended.export,
                 subtasks=ended.subtasks)
