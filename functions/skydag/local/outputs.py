"""What tasks of a local run print: the last lines of each while it runs, and the whole of what failed, in a file.

The output of a task that succeeded is not kept; `-O DIR` keeps all of it (local/task_logs.py).
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, TextIO

from skydag.local.saved import file_name

LINES_MAX: Final = 20               # that are shown of a failed task
LINE_CHARACTERS_MAX: Final = 500
HELD_MAX: Final = 64 * 1024         # characters of a task that are held in memory; what is more goes to its file


class Outputs:
    """folder: where the outputs of failed tasks go; None: nowhere."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._running: dict[str, _Output] = {}
        self._failed: dict[str, tuple[list[str], Path | None]] = {}
        self._lock = Lock()

    def write(self, name: str, text: str) -> None:
        with self._lock:
            output = self._running.get(name)
            if output is None:
                output = self._running[name] = _Output(self._folder, name)
        output.write(text)

    def ended(self, name: str, *, is_failure: bool) -> None:
        with self._lock:
            output = self._running.pop(name, None)
            self._failed.pop(name, None)
        if output is not None:
            if is_failure:
                self._failed[name] = [*output.last], output.keep()
            else:
                output.drop()

    def of(self, name: str) -> tuple[list[str], Path | None]:
        """The last lines of a task that failed, and the file that has all; None: it has no more, or there is none."""
        return self._failed.get(name, ([], None))


class _Output:
    def __init__(self, folder: Path | None, name: str) -> None:
        self._folder, self._name = folder, name
        self._path: Path | None = None              # of the file, once there is one
        self._held: list[str] = []
        self._size = self._lines = 0
        self.last: deque[str] = deque(maxlen=LINES_MAX)
        self._file: TextIO | None = None

    def write(self, text: str) -> None:
        text = text if text.endswith("\n") else text + "\n"
        lines = text[:-1].split("\n")
        self._lines += len(lines)
        self.last.extend(line[:LINE_CHARACTERS_MAX] for line in lines[-LINES_MAX:])
        self._held.append(text)
        self._size += len(text)
        if self._size > HELD_MAX:
            self._spill()

    def keep(self) -> Path | None:
        if self._lines <= LINES_MAX and self._file is None:
            return None                             # all of it is shown
        self._spill()
        if self._file is None:
            return None
        self._close()
        return self._path

    def drop(self) -> None:
        if self._file is not None and self._path is not None:
            self._close()
            self._path.unlink(missing_ok=True)

    def _spill(self) -> None:
        """To the file; where there is none, or it takes no more, what is old is forgotten."""
        try:
            if self._folder is not None:
                if self._file is None:
                    self._folder.mkdir(parents=True, exist_ok=True)
                    self._path = self._folder / file_name(self._name, ".log")
                    self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace", buffering=1 << 16)
                self._file.write("".join(self._held))
        except OSError:
            self._give_up()
        self._held, self._size = [], 0

    def _give_up(self) -> None:
        """A full disk: what is cut off is worth less than the room it takes, which task states need."""
        if self._file is not None and self._path is not None:
            self._close()
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._folder = self._path = self._file = None

    def _close(self) -> None:
        assert self._file is not None
        with suppress(OSError):                     # a full disk: what is there is there
            self._file.close()
