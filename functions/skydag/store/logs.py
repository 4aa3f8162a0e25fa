"""Logs of tasks, over any Objects: S3, a folder, memory.

One file a task run, in parts, so that it can be read while the task runs (R-67):

    logs/<attempt id>/<file name of R-66>/<part, 5 digits>      each part one gzip member

The parts one after another are again a gzip file, which is what the API serves.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock

from skydag.errors import NotFoundError
from skydag.ports import Clock, LogFile, Objects
from skydag.store.log_files import LogName

PART_BYTES_MAX = 256 * 1024         # of text, before it is compressed
PART_AGE_MAX = timedelta(seconds=5)
SLOW_PART_AGE_MAX = timedelta(seconds=30)
QUICK_PARTS = 12                    # a minute's worth; a longer task writes less often
GZIP = "application/gzip"


class ObjectLogs:
    """ports.Logs. agent: who runs the task, `[A-Za-z0-9_-.]`, part of the file names."""

    def __init__(self, objects: Objects, *, agent: str, clock: Clock) -> None:
        self._objects, self._agent, self._clock = objects, agent, clock

    def open(self, attempt_id: int, task_name: str, task_id: int, run: int, *, now: datetime) -> PartWriter:
        name = LogName(task_name=task_name, time=now, agent=f"{self._agent}-{task_id}-{run}")
        return PartWriter(self._objects, f"{_folder(attempt_id)}{name}", self._clock)

    def files(self, attempt_id: int) -> Sequence[LogFile]:
        """By file name. A pre-signed address only where the file is of one part."""
        parts: dict[str, list[tuple[str, int]]] = {}
        for key, size in self._objects.list(_folder(attempt_id)):
            name = key.removeprefix(_folder(attempt_id)).rpartition("/")[0]
            parts.setdefault(name, []).append((key, size))
        out = []
        for name in sorted(parts):
            if (told := LogName.parse(name)) is not None:
                url = self._objects.url(parts[name][0][0]) if len(parts[name]) == 1 else None
                out.append(LogFile(name=name, task_name=told.task_name, time=told.time, agent=told.agent,
                                   size=sum(size for _, size in parts[name]), url=url))
        return out

    def read(self, attempt_id: int, name: str) -> bytes:
        if LogName.parse(name) is None or "/" in name:
            raise NotFoundError(f"there is no log file {name}")
        keys = [key for key, _ in self._objects.list(f"{_folder(attempt_id)}{name}/")]
        if not keys:
            raise NotFoundError(f"there is no log file {name}")
        return b"".join(self._objects.get(key) for key in keys)


class PartWriter:
    """ports.LogWriter. Threads may share it. Nothing is stored while nothing was written."""

    def __init__(self, objects: Objects, folder: str, clock: Clock) -> None:
        self._objects, self._folder, self._clock = objects, folder, clock
        self._lock = Lock()
        self._text: list[str] = []
        self._size = 0
        self._since: datetime | None = None         # when the first of the text kept here came
        self._parts = 0

    def write(self, text: str) -> None:
        if not text:
            return
        with self._lock:
            self._text.append(text)
            self._size += len(text)
            if self._since is None:
                self._since = self._clock()
            if self._size >= PART_BYTES_MAX or self._is_old():
                self._flush()

    def flush_old(self) -> None:
        """Store what has waited long enough: for whoever watches a task that has fallen silent."""
        with self._lock:
            if self._since is not None and self._is_old():
                self._flush()

    def close(self) -> None:
        with self._lock:
            self._flush()

    def _is_old(self) -> bool:
        age_max = PART_AGE_MAX if self._parts < QUICK_PARTS else SLOW_PART_AGE_MAX
        return self._since is not None and self._clock() - self._since >= age_max

    def _flush(self) -> None:
        if not self._text:
            return
        data = gzip.compress("".join(self._text).encode("utf-8", errors="backslashreplace"), mtime=0)
        self._objects.put(f"{self._folder}/{self._parts + 1:05d}", data, content_type=GZIP)
        self._parts += 1
        self._text, self._size, self._since = [], 0, None


def _folder(attempt_id: int) -> str:
    return f"logs/{attempt_id}/"
