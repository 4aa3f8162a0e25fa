"""An attempt's log files, as Digdag names them (R-65 to R-67): those in the log store, and small outputs that were kept
with the task's result."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from skydag.app.tasks import TaskRow
from skydag.errors import NotFoundError
from skydag.model.task import DONE
from skydag.ports import LogFile, Logs, LogWriter
from skydag.store.log_files import LogName

AGENT: Final = "kept"             # of files that are made of outputs kept in the table


class LogFiles:
    """ports.Logs that also shows what small tasks printed."""

    def __init__(self, stored: Logs, rows: Callable[[int], Sequence[TaskRow]]) -> None:
        self._stored, self._rows = stored, rows
        self._last: tuple[int, dict[str, TaskRow]] = (0, {})       # a done attempt and its files

    def open(self, attempt_id: int, task_name: str, task_id: int, run: int, *, now: datetime) -> LogWriter:
        return self._stored.open(attempt_id, task_name, task_id, run, now=now)

    def files(self, attempt_id: int) -> Sequence[LogFile]:
        kept = [_file(name, row) for name, row in self._kept(attempt_id).items()]
        return sorted([*self._stored.files(attempt_id), *kept], key=lambda one: one.name)

    def read(self, attempt_id: int, name: str) -> bytes:
        if f".{AGENT}-" in name:
            row = self._kept(attempt_id).get(name)
            if row is None:
                raise NotFoundError(f"Resource does not exist: log file {name}")
            return _packed(row)
        return self._stored.read(attempt_id, name)

    def _kept(self, attempt_id: int) -> dict[str, TaskRow]:
        """By file name. Of the attempt that was read last it is remembered once that is done: whoever reads file after
        file would otherwise walk all its rows for each."""
        known, found = self._last
        if known == attempt_id:
            return found
        rows = self._rows(attempt_id)
        kept = {str(LogName(task_name=row.full_name, time=row.started_at or row.updated_at, agent=_agent(row))): row
                for row in rows if row.output}
        if rows[0].state in DONE:
            self._last = attempt_id, kept
        return kept


def _file(name: str, row: TaskRow) -> LogFile:
    data = _packed(row)
    return LogFile(name=name, task_name=row.full_name, time=row.started_at or row.updated_at, agent=_agent(row),
                   size=len(data), content=data)


def _agent(row: TaskRow) -> str:
    """Two tasks of one name may start in one second: the number keeps their files apart."""
    return f"{AGENT}-{row.number}"


def _packed(row: TaskRow) -> bytes:
    return gzip.compress(row.output.encode(errors="replace"), mtime=0)
