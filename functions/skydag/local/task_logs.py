"""`run -O DIR` (C-34): the log of each task run as a gzip file, readable while it grows.

    <DIR>/<created yyyy-MM-dd, UTC>/<site>.<project id><workflow>@<session time yyyyMMddTHHmmss+hhmm>/<file of R-66>
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Final

from skydag.errors import NotFoundError
from skydag.ports import LogFile
from skydag.store.log_files import LogName

SITE: Final = 0
PART_CHARACTERS_MAX: Final = 256 * 1024
PART_S: Final = 5.0


class NoLogs:
    """ports.Logs that keep nothing: without -O what tasks print is shown, and that is all."""

    def open(self, attempt_id: int, task_name: str, task_id: int, run: int, *, now: datetime) -> NoLogs:
        return self

    def files(self, attempt_id: int) -> Sequence[LogFile]:
        return ()

    def read(self, attempt_id: int, name: str) -> bytes:
        raise NotFoundError(f"there is no log file {name}")

    def write(self, text: str) -> None: ...

    def flush_old(self) -> None: ...

    def close(self) -> None: ...


class TaskLogs:
    """ports.Logs over files. folder: of this attempt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trouble: OSError | None = None         # why a log could not be written
        self._files: dict[str, Path] = {}

    def open(self, attempt_id: int, task_name: str, task_id: int, run: int, *, now: datetime) -> GzipLog:
        path = self.folder / str(LogName(task_name=task_name, time=now, agent=f"local-{task_id}-{run}"))
        self._files[task_name] = path
        return GzipLog(path, self._failed)

    def _failed(self, trouble: OSError) -> None:
        self.trouble = trouble

    def of(self, task_name: str) -> Path | None:
        """The file of the task's latest run."""
        return self._files.get(task_name)

    def files(self, attempt_id: int) -> Sequence[LogFile]:
        return ()

    def read(self, attempt_id: int, name: str) -> bytes:
        raise NotFoundError(f"there is no log file {name}")


class GzipLog:
    """ports.LogWriter. Each part is one gzip member; one after another they are a gzip file. Threads may share it."""

    def __init__(self, path: Path, failed: Callable[[OSError], None]) -> None:
        self._path, self._failed = path, failed
        self._next = time.monotonic() + PART_S
        self._held: list[str] = []
        self._size = 0
        self._lock = Lock()

    def write(self, text: str) -> None:
        with self._lock:
            self._held.append(text)
            self._size += len(text)
            if self._size >= PART_CHARACTERS_MAX or time.monotonic() >= self._next:
                self._flush()

    def flush_old(self) -> None:
        with self._lock:
            self._flush()

    def close(self) -> None:
        self.flush_old()

    def _flush(self) -> None:
        if self._held:
            import gzip  # most runs keep no such logs

            data = gzip.compress("".join(self._held).encode("utf-8", errors="backslashreplace"), mtime=0)
            self._held, self._size, self._next = [], 0, time.monotonic() + PART_S
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("ab") as file:
                    file.write(data)
            except OSError as trouble:              # the task itself may go on
                self._failed(trouble)


def attempt_folder(root: Path, *, created: datetime, project_id: int, workflow: str, session: str) -> Path:
    """session: the session time in the workflow's zone, yyyyMMddTHHmmss+hhmm."""
    day = created.astimezone(UTC).strftime("%Y-%m-%d")
    return root / day / f"{SITE}.{project_id}{workflow}@{session}"
