"""Log files by name (R-66): `<task full name>@<epoch seconds, 8 hex><nanoseconds, 8 hex>.<agent>.log.gz`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from skydag.model.patterns import pattern
from skydag.model.records import dataclass

TASK_BYTES_MAX = 160                # a full name has no limit (L-50), a file name has 255 bytes
NAME = pattern(r"(?P<task>.*)@(?P<seconds>[0-9a-f]{8})(?P<nanos>[0-9a-f]{8})\.(?P<agent>[^/@]*)\.log\.gz", re.DOTALL)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogName:
    task_name: str                  # as far as the file name tells: a long one is cut
    time: datetime
    agent: str

    def __str__(self) -> str:
        whole, rest = divmod(self.time - EPOCH, timedelta(seconds=1))
        return f"{_short(self.task_name)}@{whole:08x}{rest.microseconds * 1000:08x}.{self.agent}.log.gz"

    @classmethod
    def parse(cls, name: str) -> LogName | None:
        """None for a name that is none of ours. The last `@` counts: task names may hold one (errata R-66)."""
        found = NAME.fullmatch(name)
        if found is None:
            return None
        time = EPOCH + timedelta(seconds=int(found["seconds"], 16), microseconds=int(found["nanos"], 16) // 1000)
        return cls(task_name=found["task"], time=time, agent=found["agent"])


def _short(task_name: str) -> str:
    """The name, safe in a path; cut in the middle, with eight hex digits of its hash, where it is too long."""
    name = task_name.replace("/", "%2F")
    data = name.encode()
    if len(data) <= TASK_BYTES_MAX:
        return name
    import hashlib

    mark = hashlib.sha256(data).hexdigest()[:8]
    return f"{data[:TASK_BYTES_MAX].decode(errors='ignore')}~{mark}"
