"""Virtual time for code that knows nothing of it: calls run one at a time, and hand over where they wait.

    loop = Loop(start)
    loop.at(0.2, lambda: handler(...))      # in 0.2 s
    loop.spend(0.01)                        # inside such a call: 10 ms pass, and others go on meanwhile
    loop.run()                              # until nothing is left

Every call has a thread of its own, of which only one runs at any moment: the order is that of the times, then of the
asking, and the same in every run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any

Call = Callable[[], Any]
STACK_BYTES = 1024 * 1024


class Loop:
    """now_s: seconds since the start."""

    def __init__(self, start: datetime) -> None:
        self._start, self.now_s = start, 0.0
        self._heap: list[tuple[float, int, int, Call | _Worker]] = []
        self._asked = 0
        self._turn = threading.Semaphore(0)
        self._idle: list[_Worker] = []
        self._all: list[_Worker] = []
        self.current: _Worker | None = None
        self.trouble: BaseException | None = None

    def clock(self) -> datetime:
        return self._start + timedelta(seconds=self.now_s)

    def at(self, delay_s: float, call: Call, *, is_last: bool = False) -> None:
        """is_last: after everything else of that very moment."""
        self._push(self.now_s + delay_s, call, is_last=is_last)

    def spend(self, seconds: float) -> None:
        due = self.now_s + seconds
        worker = self.current
        if seconds <= 0 or worker is None or not self._heap or due < self._heap[0][0]:
            self.now_s = max(due, self.now_s)
            return
        self._push(due, worker)
        self._turn.release()
        worker.go.acquire()

    def run(self) -> None:
        """Raises what a call raised."""
        while self._heap and self.trouble is None:
            due, _, _, what = heappop(self._heap)
            self.now_s = max(self.now_s, due)
            self.current = what if isinstance(what, _Worker) else self._worker(what)
            self.current.go.release()
            self._turn.acquire()
            self.current = None
        if self.trouble is not None:
            raise self.trouble

    def close(self) -> None:
        for worker in self._idle:
            worker.call = None
            worker.go.release()

    def _push(self, due: float, what: Call | _Worker, *, is_last: bool = False) -> None:
        self._asked += 1
        heappush(self._heap, (due, int(is_last), self._asked, what))

    def _worker(self, call: Call) -> _Worker:
        worker = self._idle.pop() if self._idle else _Worker(self)
        worker.call = call
        return worker

    def ended(self, worker: _Worker) -> None:
        self._idle.append(worker)
        self._turn.release()


class _Worker:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.go = threading.Semaphore(0)
        self.call: Call | None = None
        before = threading.stack_size(STACK_BYTES)
        threading.Thread(target=self._run, daemon=True).start()
        threading.stack_size(before)

    def _run(self) -> None:
        while True:
            self.go.acquire()
            if self.call is None:
                return
            try:
                self.call()
            except BaseException as trouble:
                self._loop.trouble = trouble
            self._loop.ended(self)
