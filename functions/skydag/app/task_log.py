"""What one run of a task prints: up to 512 bytes stay with its result, more goes to the log store as it comes.

A put per `echo>` would double its cost (design.md section 4, Logs); the API makes log files of both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from skydag.app.mask import Mask
from skydag.ports import LogWriter

KEPT_BYTES_MAX: Final = 512


class TaskLog:
    def __init__(self, open_writer: Callable[[], LogWriter], *, is_live: bool = False) -> None:
        """is_live: write to the store from the first line on, so that it can be followed while the task runs."""
        self._open, self._is_live = open_writer, is_live
        self.mask = Mask()
        self._kept: list[str] = []
        self._size = 0
        self._writer: LogWriter | None = None

    def write(self, text: str) -> None:
        """One or more lines; the last one is ended if it isn't. Secrets that the task has read are masked."""
        text = self.mask(text)
        line = text if text.endswith("\n") else text + "\n"
        if self._writer is None:
            self._kept.append(line)
            self._size += len(line.encode(errors="replace"))
            if self._size <= KEPT_BYTES_MAX and not self._is_live:
                return
            self._writer = self._open()
            line = "".join(self._kept)
            self._kept = []
        self._writer.write(line)

    def tick(self) -> None:
        """Called every few seconds while a task runs on: what it printed so far can be read from the store (R-67)."""
        if self._writer is None and self._kept:
            self._writer = self._open()
            self._writer.write("".join(self._kept))
            self._kept = []
        if self._writer is not None:
            self._writer.flush_old()

    def close(self, *, may_be_last: bool = True) -> str:
        """What is to stay with the result; "" when it lies in the store, or nothing was printed. Where another run
        of the task may follow it goes to the store: the next run's result takes the place of this one's."""
        if not may_be_last and self._kept:
            self._writer = self._open()
            self._writer.write("".join(self._kept))
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            return ""
        return "".join(self._kept)
