"""Threads for the tasks of a local run: few at first, more while all that there are wait for something.

Short tasks share a handful of threads, which is quickest; tasks that wait (a command, an answer) get one each within a
fraction of a second, up to the limit. The threads are daemons: whoever leaves does not wait for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Final

FIRST: Final = 8            # threads from the start
MOST: Final = 2_000         # where nothing limits them
GROW_S: Final = 0.03        # between two looks whether the threads are enough
NOT_SEEN: Final = -1
JOIN_S: Final = 6.0         # how long `close` waits for a thread to come back


class Pool:
    """limit: tasks at once; 0: no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit or MOST
        self._wanted = min(FIRST, self._limit)
        self._todo: deque[Callable[[], None]] = deque()
        self._news = Condition()
        self._threads: list[Thread] = []
        self._idle = 0
        self._finished, self._seen, self._look_at = 0, NOT_SEEN, 0.0
        self._is_closed = False

    def submit(self, call: Callable[[], None]) -> None:
        """The call must not raise."""
        with self._news:
            if self._is_closed:
                return
            self._todo.append(call)
            if self._idle:
                self._news.notify()
            elif len(self._threads) < self._wanted:
                self._start()

    @property
    def is_full(self) -> bool:
        """Whether tasks wait for a thread: one more would begin no sooner for being submitted now."""
        return len(self._todo) > self._idle and len(self._threads) >= self._wanted

    def grow(self, now: float) -> bool:
        """Called now and then: if tasks wait and for GROW_S none has finished, there are to be twice as many threads.
        True: call again by then. now: seconds of any clock that only goes on."""
        with self._news:
            if not self._todo or self._wanted >= self._limit:
                self._seen = NOT_SEEN
                return False
            if now >= self._look_at:
                if self._finished == self._seen and not self._idle:
                    self._wanted = min(2 * self._wanted, self._limit)
                    for _ in range(min(self._wanted - len(self._threads), len(self._todo))):
                        self._start()
                self._seen, self._look_at = self._finished, now + GROW_S
            return True

    def stop(self) -> None:
        """Nothing that is still to come is begun."""
        with self._news:
            self._is_closed = True
            self._todo.clear()
            self._news.notify_all()

    def join(self) -> bool:
        """Waits a while for what runs; whether all came back."""
        for thread in self._threads:
            thread.join(JOIN_S if thread is self._threads[0] else 0.5)
            if thread.is_alive():
                return False
        return True

    def _start(self) -> None:
        thread = Thread(target=self._work, name=f"task-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            with self._news:
                while not self._todo:
                    if self._is_closed:
                        return
                    self._idle += 1
                    self._news.wait()
                    self._idle -= 1
                call = self._todo.popleft()
            call()
            with self._news:
                self._finished += 1
