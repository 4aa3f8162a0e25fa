"""A world in which tasks take time, side by side: who is in flight, and when each attempt ends."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.simulation.scripted import Script, begin
from tests.simulation.world import START, World

from skydag.app.job import Job
from skydag.local.table import Change
from skydag.ports import Payload
from skydag.store.task_items import SAFETY

TASK = timedelta(seconds=1)


class Busy(World):
    """Every task takes a second from when it is sent. Nobody dies, so there is no safety net."""

    def __init__(self, project: Path, *, tasks_in_flight: int, mode: str = "direct") -> None:
        self.flying: list[tuple[datetime, int, dict[str, Any]]] = []
        self.most, self._order, self._days = 0, itertools.count(), itertools.count()
        super().__init__(project, mode=mode, replay=Script(), has_script=False,
                         tasks_in_flight=tasks_in_flight, task_limit=20_000)

    @property
    def _dispatch(self) -> Any:
        world = self

        class Dispatch(type(super()._dispatch)):                    # type: ignore[misc]
            def work(self, jobs: Sequence[Payload]) -> None:
                for job in jobs:
                    heapq.heappush(world.flying, (world.now + TASK, next(world._order), dict(job.to_json())))
                world.most = max(world.most, len(world.flying))
        return Dispatch()

    def _changed(self, change: Change) -> None:
        if change.new is None or change.new.get("act") != SAFETY:
            super()._changed(change)

    def drain(self) -> None:
        """What the stream alone does, while time stands still."""
        while self.records:
            self._step()

    def start_all(self, text: str, count: int, folder: Path) -> list[int]:
        days = [next(self._days) for _ in range(count)]
        return [begin(self, text, folder, START + timedelta(days=day), workflow_id=days[0] + 1) for day in days]

    def fly(self, *, until: timedelta = timedelta(days=1)) -> None:
        """Until nothing is in flight."""
        end = self.now + until
        while self.now < end:
            if self.records:
                self._step()
            elif self.flying:
                self.now, number, job = heapq.heappop(self.flying)
                self.application.work(Job.from_json(job), f"call-{number}")
            else:
                return

    def lasted(self, attempt_id: int) -> float:
        """Seconds from the start of all to the end of this attempt."""
        attempt = self.application.attempts.get(attempt_id)
        assert attempt.is_success
        assert attempt.finished_at is not None
        return (attempt.finished_at - START).total_seconds()
