"""Small tasks of a local run: the thread that advances runs them itself.

They take a moment of computing and wait for nothing; in threads of their own they would wait for each other, and keep
that thread waiting, since Python computes in one at a time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from skydag.app.job import Job

STRETCH_S: Final = 0.05     # of small tasks in a row; then results of others are looked at, states are saved

class SmallJobs:
    """Jobs that wait for this thread. is_small: whether an operator as the task's own text names it is small; run: runs
    one job, and small ones that become ready by it until `is_over`; is_stopping: whether the run is to end."""

    def __init__(self, is_small: Callable[[Mapping[str, Any]], bool],
                 run: Callable[[Job, Callable[[], bool]], None], is_stopping: Callable[[], bool]) -> None:
        self._is_small, self._run, self._is_stopping = is_small, run, is_stopping
        self._jobs: deque[Job] = deque()

    def take(self, job: Job) -> bool:
        """False: it is none for here."""
        if not self._is_small(job.config) or _may_change(job):
            return False
        self._jobs.append(job)
        return True

    @property
    def is_waiting(self) -> bool:
        return bool(self._jobs)

    def stretch(self) -> bool:
        """Runs some; False: there is none."""
        end = time.monotonic() + STRETCH_S

        def is_over() -> bool:
            return time.monotonic() > end or self._is_stopping()

        is_any = False
        while self._jobs and not is_over():
            is_any = True
            self._run(self._jobs.popleft(), is_over)
        return is_any


def _may_change(job: Job) -> bool:
    """Whether what the task inherits may give it another operator than its own text names (D-57)."""
    inherit = job.inherit
    if not inherit.startswith("i:") or '>":' in inherit or '"_type":' in inherit:
        return True
    return any(_names_operator(params) for params in (job.export, *(store.params for store in job.stores)))


def _names_operator(params: Mapping[str, Any]) -> bool:
    return any(key == "_type" or key.endswith(">") for key in params)
