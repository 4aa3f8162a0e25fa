"""What Lambda does between a table's stream and a function: filter, gather, call, call again, give up.

    mapping = StreamMapping(settings, call, discard)
    mapping.add(records, now)           # as they appear in the stream, in order
    mapping.poll(now)                   # calls the function if a batch is due; True when something happened
    mapping.next_at()                   # when to poll next, None with nothing to do

Pure but for what `call` and `discard` do. One mapping stands for one shard with a parallelization factor of 1. Source:
A-14 to A-30.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from skydag.embedded.patterns import matches
from skydag.model.records import dataclass, field

Record = Mapping[str, Any]
FIRST_WAIT: Final = timedelta(seconds=1)        # before a failed batch comes again, doubled each time
LONGEST_WAIT: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """An event source mapping's properties; the defaults are AWS's. retries: -1 for ever. on_failure: an ARN."""

    batch_size: int = 100
    window: timedelta = timedelta(0)
    patterns: tuple[Mapping[str, Any], ...] = ()
    reports_failures: bool = False
    bisects: bool = False
    retries: int = -1
    max_age: timedelta | None = None
    on_failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a call of the function ended."""

    payload: Any = None
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """A batch given up: what the on-failure destination is told about it (A-22)."""

    condition: str
    records: tuple[Record, ...]
    tries: int


@dataclass(slots=True)
class _Batch:
    records: list[Record]
    came: datetime              # when its oldest record was written
    due: datetime
    tries: int = 0


@dataclass(slots=True)
class StreamMapping:
    """One reader of one stream."""

    settings: StreamSettings
    call: Callable[[Sequence[Record]], Answer]
    discard: Callable[[Discarded], None]
    _waiting: deque[tuple[datetime, Record]] = field(default_factory=deque)     # not yet in a batch
    _batches: deque[_Batch] = field(default_factory=deque)                      # the first one is being worked on

    def add(self, records: Iterable[Record], now: datetime) -> None:
        """Records written at `now`; those that no pattern wants are dropped here."""
        for record in records:
            if not self.settings.patterns or any(matches(pattern, record) for pattern in self.settings.patterns):
                self._waiting.append((now, record))

    def next_at(self) -> datetime | None:
        """When the next call is due."""
        if self._batches:
            return self._batches[0].due
        if not self._waiting:
            return None
        first = self._waiting[0][0]
        return first if len(self._waiting) >= self.settings.batch_size else first + self.settings.window

    def poll(self, now: datetime) -> bool:
        """Call the function once if that is due by `now`."""
        due = self.next_at()
        if due is None or due > now:
            return False
        if not self._batches:
            taken = [self._waiting.popleft() for _ in range(min(self.settings.batch_size, len(self._waiting)))]
            self._batches.append(_Batch(records=[record for _, record in taken], came=taken[0][0], due=now))
        batch = self._batches[0]
        answer = self.call(tuple(batch.records))
        failed = self._first_failed(batch, answer)
        if failed is None:
            self._batches.popleft()
        else:
            self._again(batch, failed, now)
        return True

    def _first_failed(self, batch: _Batch, answer: Answer) -> int | None:
        """Where to begin again: the lowest reported record (A-20), the first one when the answer is of no use."""
        if answer.failed:
            return 0
        if not self.settings.reports_failures or not isinstance(answer.payload, Mapping):
            return None
        failures = answer.payload.get("batchItemFailures")
        if not failures:
            return None
        order = [record["dynamodb"]["SequenceNumber"] for record in batch.records]
        try:
            return min(order.index(failure["itemIdentifier"]) for failure in failures)
        except (KeyError, TypeError, ValueError):
            return 0

    def _again(self, batch: _Batch, failed: int, now: datetime) -> None:
        """Split it, try it again later, or give it up. A split does not use up a try (A-19)."""
        records = batch.records[failed:]
        batch.records = records
        if self.settings.bisects and failed > 0:
            batch.due = now
            return
        if self.settings.bisects and len(records) > 1:
            half = len(records) // 2
            self._batches.popleft()
            self._batches.extendleft((
                _Batch(records=records[half:], came=batch.came, due=now, tries=batch.tries),
                _Batch(records=records[:half], came=batch.came, due=now, tries=batch.tries)))
            return
        batch.tries += 1
        if 0 <= self.settings.retries < batch.tries:
            self._give_up(batch, "RetryAttemptsExhausted")
        elif self.settings.max_age is not None and now - batch.came > self.settings.max_age:
            self._give_up(batch, "MaximumRecordAgeExceeded")
        else:
            batch.due = now + min(FIRST_WAIT * 2 ** min(batch.tries - 1, 10), LONGEST_WAIT)

    def _give_up(self, batch: _Batch, condition: str) -> None:
        self._batches.popleft()
        self.discard(Discarded(condition=condition, records=tuple(batch.records), tries=batch.tries))
