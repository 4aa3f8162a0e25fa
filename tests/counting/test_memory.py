"""The memory of a call of `advance`, and what it reads and writes, do not grow with the attempt (F-6, rule 4)."""

from __future__ import annotations

import pickle
import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from tests.counting.cloud import Cloud, Step
from tests.counting.shapes import DIRECT, FORMS

from skydag.app.groups import Groups
from skydag.engine import pages
from skydag.engine.group import Group
from skydag.store.definitions import Definitions

WARM, SMALL, LARGE = 100, 250, 1_000
GROWTH = 1.3
BATCH = 10


class Gauge:
    """Looks at every call of Advance: the most memory that it took, the most items that it read and wrote. What it
    hands over has left its process, so it waits in a file until the call is over."""

    def __init__(self) -> None:
        self.cloud = Cloud(parameters=DIRECT.parameters, around=self._around)
        self._call_later, self.cloud.call_later = (     # type: ignore[method-assign]
            self.cloud.call_later, self._spooled)       # type: ignore[assignment]
        for mapping in (one for reader in self.cloud._readers for one in reader._mappings):
            mapping.settings = replace(mapping.settings, batch_size=BATCH)
        self._spool: Any = None
        self.peak_bytes = self.items = 0

    def _spooled(self, *call: Any) -> None:
        if self._spool is None:
            self._call_later(*call)
        else:
            pickle.dump(call, self._spool)

    def _around(self, step: Step, call: Callable[[], Any]) -> Any:
        if step.function != "Advance":
            return call()
        with tempfile.TemporaryFile() as self._spool:
            tracemalloc.start()
            try:
                return call()
            finally:
                self.peak_bytes = max(self.peak_bytes, tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
                spool, self._spool = self._spool, None
                self.items = max(self.items, step.reads + step.writes)
                end = spool.tell()
                spool.seek(0)
                while spool.tell() < end:
                    self._call_later(*pickle.load(spool))


def gauged(form: str, size: int) -> Gauge:
    gauge = Gauge()
    workflow_id = gauge.cloud.push(FORMS[form].text(size))
    gauge.peak_bytes = gauge.items = 0
    started = gauge.cloud.start(workflow_id)
    assert gauge.cloud.attempt(started.id).is_success
    gauge.cloud.close()
    return gauge


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches, chunks of wide groups and bundles of definitions have a tenth of their size or less, so that a
    thousand tasks fill many; a process keeps two bundles at most."""
    monkeypatch.setattr(pages, "CHUNK", pages.CHUNK // 10)
    monkeypatch.setattr(pages, "BUNDLE_CHARS", pages.BUNDLE_CHARS // 50)
    monkeypatch.setattr(Definitions.__init__, "__kwdefaults__", {"cache_chars_max": 2 * pages.BUNDLE_CHARS})


def larger_than(small: Gauge, large: Gauge) -> dict[str, float]:
    """What of a call has grown by more than GROWTH, and how much."""
    ratios = {"peak bytes": large.peak_bytes / small.peak_bytes, "items": large.items / small.items}
    return {name: value for name, value in ratios.items() if value > GROWTH}


@pytest.mark.parametrize("form", ["fan-out", "loop>", "nested groups"])
def test_a_call_of_advance_is_no_larger_where_the_attempt_is_F_6(form: str) -> None:
    gauged(form, WARM)
    assert larger_than(gauged(form, SMALL), gauged(form, LARGE)) == {}


def test_a_call_that_reads_a_whole_attempt_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Groups.get

    calls = count()

    def get(self: Groups, attempt_id: int, path: str) -> Group:
        if next(calls) % 25 == 0:
            assert list(self._tasks.partition(attempt_id, ""))
        return real(self, attempt_id, path)
    monkeypatch.setattr(Groups, "get", get)
    assert "items" in larger_than(gauged("nested groups", SMALL), gauged("nested groups", LARGE))
