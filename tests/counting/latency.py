"""How long AWS takes, for the model of time: spec/aws.md where it says so, else an assumption that is named."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

Z99 = 2.3263                        # the 99th percentile of a normal distribution, in standard deviations


@dataclass(frozen=True, slots=True)
class Spread:
    """A log-normal distribution by its 50th and 99th percentile, in milliseconds."""

    p50_ms: float
    p99_ms: float

    def draw_s(self, chance: random.Random) -> float:
        if self.p50_ms <= 0:
            return 0.0
        return self.p50_ms / 1000 * math.exp(chance.gauss(0, 1) * math.log(self.p99_ms / self.p50_ms) / Z99)


NONE = Spread(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    invoke: Spread = NONE           # from an asynchronous call to the handler's first line
    accept: Spread = NONE           # of that, what the caller waits for
    calls_at_once: int = 16         # by threads of one caller (aws/dispatch.py)
    poll_s: float = 0.0             # each shard is looked at so often
    deliver: Spread = NONE          # from there to the handler's first line
    queue: Spread = NONE            # from a message to the handler's first line
    table: Spread = NONE            # one request
    objects: Spread = NONE
    cold_s: float = 0.0             # before the first line, in an environment that is new
    concurrency: int = 1_000_000_000
    shards: int = 1


INSTANT = Latencies()

#: Warm functions. Poll and delivery together give the 215 and 550 ms of A-15 (a test holds that).
AWS = Latencies(
    invoke=Spread(73, 225),
    accept=Spread(15, 45),          # assumed: a fifth of the hop
    poll_s=0.25,
    deliver=Spread(85, 310),
    queue=Spread(16, 105),
    table=Spread(10, 20),           # "one or two calls, 10 to 20 ms"
    objects=Spread(30, 100),        # assumed
    concurrency=1000,
    shards=4,                       # what a new on-demand table bears, 1,000 writes a second each
)
