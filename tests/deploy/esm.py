"""What Lambda does with a DynamoDB stream (A-14 to A-24), without AWS: filters, batching window, partial batches,
bisecting, retries, record age, the on-failure queue. Pure: whoever uses it supplies `fetch`, `invoke` and the clock.

One StreamMapping stands for one shard with ParallelizationFactor 1. Used by shims.py, on the emulator's interpreter.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]
Numbered = tuple[int, Record]  # (position after the record, the record)
Fetch = Callable[[int, int], Sequence[Numbered]]  # (position, most) -> records from there on, in order
Invoke = Callable[[Mapping[str, Any]], tuple[Any, Any]]  # event -> (payload, error or None)


def _leaf(rule: Any, present: bool, value: Any) -> bool:
    """One alternative of a pattern against one value. Only what patterns here use; others are refused."""
    if isinstance(rule, dict):
        ((operator, wanted),) = rule.items()
        if operator == "exists":
            return present is bool(wanted)
        if operator == "prefix":
            return present and isinstance(value, str) and value.startswith(wanted)
        raise ValueError(f"filter operator '{operator}' is not known here: add it to tests/deploy/esm.py")
    return present and isinstance(rule, bool) == isinstance(value, bool) and bool(rule == value)


def matches(pattern: Mapping[str, Any], record: Any) -> bool:
    """Whether an EventBridge pattern matches a stream record (A-23)."""
    for key, wanted in pattern.items():
        present = isinstance(record, dict) and key in record
        value = record[key] if present else None
        if isinstance(wanted, dict):
            if not matches(wanted, value if isinstance(value, dict) else {}):
                return False
        elif not any(_leaf(rule, present, value) for rule in wanted):
            return False
    return True


@dataclass
class Batch:
    items: list[Numbered]
    end: int  # the checkpoint once it is done
    tries: int = 0


class StreamMapping:
    def __init__(
        self,
        properties: Mapping[str, Any],
        fetch: Fetch,
        invoke: Invoke,
        *,
        on_failure: Callable[[Mapping[str, Any]], None],
        start: int,
        backoff_s: float,
        function_arn: str,
        stream_arn: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`properties` are those of an AWS::Lambda::EventSourceMapping."""
        self.fetch, self.invoke, self.on_failure, self.clock = fetch, invoke, on_failure, clock
        self.position = start  # everything before it is done with
        self.backoff_s, self.function_arn, self.stream_arn = backoff_s, function_arn, stream_arn
        self.batch_size = int(properties.get("BatchSize", 100))
        self.window_s = float(properties.get("MaximumBatchingWindowInSeconds") or 0)
        self.filters = [json.loads(f["Pattern"]) for f in (properties.get("FilterCriteria") or {}).get("Filters", [])]
        self.partial = "ReportBatchItemFailures" in (properties.get("FunctionResponseTypes") or [])
        self.bisect = bool(properties.get("BisectBatchOnFunctionError"))
        self.retries_max = int(properties.get("MaximumRetryAttempts", -1))
        self.age_s_max = int(properties.get("MaximumRecordAgeInSeconds", -1))
        self.todo: list[Batch] = []
        self.wait_until = 0.0
        self._window_ends: float | None = None

    def poll(self) -> bool:
        """One step; True when it moved or tried. Call until False."""
        if self.clock() < self.wait_until:
            return False
        if not self.todo:
            return self._load()
        batch = self.todo[0]
        payload, error = self.invoke({"Records": [record for _, record in batch.items]})
        failed = self._first_failed(batch, payload, error)
        if failed is None:
            self._done(batch)
        elif not self._split(batch, failed):  # a split does not use up the retries
            self._count_try(batch, error)
        return True

    def _load(self) -> bool:
        rows = self.fetch(self.position, self.batch_size)
        kept = [row for row in rows if not self.filters or any(matches(f, row[1]) for f in self.filters)]
        if not kept:
            self.position = rows[-1][0] if rows else self.position
            return bool(rows)
        if self.window_s and len(kept) < self.batch_size:
            now = self.clock()
            if self._window_ends is None:
                self._window_ends = now + self.window_s
            if now < self._window_ends:
                return False
        self._window_ends = None
        self.todo.append(Batch(items=kept, end=rows[-1][0]))
        return True

    def _first_failed(self, batch: Batch, payload: Any, error: Any) -> int | None:
        """None for success, else the index of the first record to do again (A-20, A-21)."""
        if error is not None:
            return 0
        if not self.partial or not isinstance(payload, dict) or not payload.get("batchItemFailures"):
            return None
        order = [record["dynamodb"]["SequenceNumber"] for _, record in batch.items]
        try:
            return min(order.index(failure["itemIdentifier"]) for failure in payload["batchItemFailures"])
        except (KeyError, TypeError, ValueError):
            return 0  # an identifier nobody knows fails the whole batch

    def _split(self, batch: Batch, failed: int) -> bool:
        if failed > 0:  # what stands before the lowest failed record is done
            self.position = batch.items[failed - 1][0]
            batch.items = batch.items[failed:]
            return self.bisect
        if not self.bisect or len(batch.items) == 1:
            return False
        half = len(batch.items) // 2
        first, second = batch.items[:half], batch.items[half:]
        self.todo[0:1] = [Batch(first, first[-1][0], batch.tries), Batch(second, batch.end, batch.tries)]
        return True

    def _count_try(self, batch: Batch, error: Any) -> None:
        batch.tries += 1
        written = batch.items[0][1]["dynamodb"].get("ApproximateCreationDateTime", self.clock())
        written_s = written.timestamp() if hasattr(written, "timestamp") else float(written)
        if 0 <= self.retries_max < batch.tries:
            self._give_up(batch, "RetryAttemptsExhausted", error)
        elif 0 < self.age_s_max < self.clock() - written_s:
            self._give_up(batch, "MaximumRecordAgeExceeded", error)
        else:
            self.wait_until = self.clock() + self.backoff_s

    def _done(self, batch: Batch) -> None:
        self.position = batch.end
        self.todo.pop(0)
        self.wait_until = 0.0

    def _give_up(self, batch: Batch, condition: str, error: Any) -> None:
        """A-22: the destination is told where the records are, not what they are."""
        sequence = [record["dynamodb"]["SequenceNumber"] for _, record in batch.items]
        self.on_failure(
            {
                "requestContext": {
                    "requestId": str(uuid.uuid4()),
                    "functionArn": self.function_arn,
                    "condition": condition,
                    "approximateInvokeCount": batch.tries,
                },
                "responseContext": {
                    "statusCode": 200,
                    "executedVersion": "$LATEST",
                    "functionError": "Unhandled" if error else None,
                },
                "version": "1.0",
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self.clock())),
                "DDBStreamBatchInfo": {
                    "shardId": "shardId-local",
                    "startSequenceNumber": sequence[0],
                    "endSequenceNumber": sequence[-1],
                    "batchSize": len(batch.items),
                    "streamArn": self.stream_arn,
                },
            }
        )
        self._done(batch)
