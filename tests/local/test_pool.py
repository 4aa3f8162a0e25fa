"""As many threads as there is use for."""

from __future__ import annotations

from threading import Event, Semaphore

from skydag.local.pool import FIRST, GROW_S, Pool


class Waiting:
    """A pool whose tasks begin, and end when they are let go."""

    def __init__(self, tasks: int, limit: int = 0) -> None:
        self.pool, self._begun, self._go_on, self._ended = Pool(limit), Semaphore(0), Semaphore(0), Semaphore(0)
        for _ in range(tasks):
            self.pool.submit(self._task)

    def _task(self) -> None:
        self._begun.release()
        assert self._go_on.acquire(timeout=30)
        self._ended.release()

    def begin(self, count: int) -> None:
        for _ in range(count):
            assert self._begun.acquire(timeout=30)
        assert not self._begun.acquire(blocking=False), "no more"

    def end(self, count: int) -> None:
        for _ in range(count):
            self._go_on.release()
        for _ in range(count):
            assert self._ended.acquire(timeout=30)


def test_while_tasks_wait_and_none_ends_threads_double_every_so_often_however_often_one_looks() -> None:
    waiting = Waiting(10 * FIRST)
    waiting.begin(FIRST)
    assert waiting.pool.is_full
    for now in (0, 0.1 * GROW_S, 0.5 * GROW_S, 0.9 * GROW_S):
        assert waiting.pool.grow(100 + now)
    waiting.begin(0)
    assert waiting.pool.grow(100 + GROW_S)
    waiting.begin(FIRST)
    assert waiting.pool.grow(100 + 1.5 * GROW_S)
    waiting.begin(0)
    assert waiting.pool.grow(100 + 2 * GROW_S)
    waiting.begin(2 * FIRST)
    waiting.end(10 * FIRST)


def test_tasks_that_end_need_no_more_threads() -> None:
    waiting = Waiting(3 * FIRST)
    waiting.begin(FIRST)
    waiting.pool.grow(100)
    waiting.end(1)
    waiting.begin(1)
    assert waiting.pool.grow(100 + GROW_S)
    waiting.begin(0)
    waiting.end(3 * FIRST - 1)


def test_there_are_never_more_threads_than_the_limit_says_nor_than_tasks() -> None:
    limited = Waiting(10, limit=3)
    limited.begin(3)
    assert not limited.pool.grow(100)
    limited.begin(0)
    limited.end(10)
    few = Waiting(FIRST + 1)
    few.begin(FIRST)
    for look in range(3):
        few.pool.grow(100 + look * GROW_S)
    few.begin(1)
    assert not few.pool.is_full
    few.end(FIRST + 1)


def test_what_still_waits_when_the_pool_is_stopped_is_never_begun() -> None:
    waiting, over = Waiting(FIRST + 1), Event()
    waiting.begin(FIRST)
    waiting.pool.stop()
    waiting.pool.submit(over.set)
    waiting.end(FIRST)
    assert waiting.pool.join()
    waiting.begin(0)
    assert not over.is_set()
