"""The picture of a local run on a terminal, by rich (the extra `tui`): loaded only there.

What tasks print runs above it as it comes; the picture stays below, and is gone when the run is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import Event, Thread
from typing import Any, Final, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from skydag.local.progress import DONE, FAILED, RUNNING, SKIPPED, TO_COME, Line, Progress
from skydag.local.tell import RunEnd, RunStart, Teller, written
from skydag.model.workflow import Task

SIGNS: Final = {RUNNING: ("●", "yellow"), DONE: ("✓", "green"), SKIPPED: ("-", "dim"), FAILED: ("✗", "red"),
                TO_COME: (" ", "dim")}
PLAIN_SIGNS: Final = {RUNNING: ">", DONE: "+", SKIPPED: "-", FAILED: "x", TO_COME: " "}
INDENT: Final = 2
REFRESH_S: Final = 0.1
LINES_SPARED: Final = 4             # of the terminal's height, for what was printed


class LiveTeller(Teller):
    """Log lines are not shown, unless they go to a file: the picture says it."""

    def __init__(self, out: TextIO, err: TextIO, now: Callable[[], datetime], tasks: Sequence[Task], *,
                 level: str = "info", log: TextIO | None = None) -> None:
        super().__init__(out, err, now, level=level, log=log)
        self._has_log = log is not None
        self._console = Console(file=err, highlight=False, soft_wrap=False)
        self._is_out_here = out.isatty()
        self._progress, self._title = Progress(tasks), tasks[0].full_name[1:]
        self._began = time.monotonic()
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False,
                          redirect_stderr=False)
        self._over = Event()
        self._painter: Thread | None = None

    def starts(self, start: RunStart) -> None:
        super().starts(start)
        self._title = f"{start.workflow}  {start.session_time.isoformat()}"
        with self._lock:
            self._live.start()
        self._painter = Thread(target=self._paint, daemon=True)
        self._painter.start()

    def begins(self, task: str, command: str, *, is_first: bool) -> None:
        with self._lock:
            self._progress.begins(task, command, time.monotonic())
        if self._has_log:
            super().begins(task, command, is_first=is_first)

    def output(self, task: str, text: str) -> None:
        with self._lock:
            self._progress.output(task, text)
        super().output(task, text)

    def skipped(self, task: str, *, is_saved: bool, subtasks: Mapping[str, Any]) -> None:
        with self._lock:
            self._progress.ended(task, is_success=True, is_skipped=True, subtasks=subtasks, now=time.monotonic())
        if self._has_log:
            super().skipped(task, is_saved=is_saved, subtasks=subtasks)

    def ended(self, task: str, *, is_success: bool, message: str, subtasks: Mapping[str, Any]) -> None:
        with self._lock:
            self._progress.ended(task, is_success=is_success, is_skipped=False, subtasks=subtasks, now=time.monotonic())
        if self._has_log:
            super().ended(task, is_success=is_success, message=message, subtasks=subtasks)

    def group_ended(self, task: str, state: str) -> None:
        with self._lock:
            self._progress.group_ended(task, state, time.monotonic())

    def finished(self, end: RunEnd) -> None:
        self.close()
        counts = self._progress.counts()
        told = [f"{counts[state]} {state}" for state in (DONE, SKIPPED, FAILED) if counts[state]]
        self.say(f"{', '.join(told) or 'nothing ran'} in {duration(time.monotonic() - self._began)}")
        super().finished(end)

    def close(self) -> None:
        if self._over.is_set():
            return
        self._over.set()
        if self._painter is not None:
            self._painter.join()
            with self._lock:
                self._live.stop()

    # --- how it is drawn ---------------------------------------------------------------------------------------------

    def _write(self, to: TextIO, text: str) -> None:
        """Above the picture, while there is one; to somewhere else as it is."""
        is_here = to is self._err or (to is self._out and self._is_out_here)
        with self._lock:
            if is_here and self._live.is_started:
                self._console.print(Text.from_ansi(text.removesuffix("\n")), soft_wrap=True)
            else:
                self._lost = written(to, text) or self._lost

    def _paint(self) -> None:
        while not self._over.wait(REFRESH_S):
            with self._lock:
                self._live.update(self._picture(time.monotonic()), refresh=True)

    def _picture(self, now: float) -> Text:
        width, height = self._console.size
        lines = list(self._progress.lines(now))
        room = max(3, height - LINES_SPARED)
        if len(lines) > room:                           # what runs or failed is of more interest than what is done
            lines = [line for line in lines if line.state not in (DONE, SKIPPED)] or lines[-room:]
        hidden = len(lines) - room
        counts = self._progress.counts()
        head = f"{self._title}   {counts[DONE] + counts[SKIPPED]} done, {counts[RUNNING]} running, "
        head += f"{counts[TO_COME]} to come" + (f", {counts[FAILED]} failed" if counts[FAILED] else "")
        out = Text(f"{head}   {duration(now - self._began)}"[:width - 1], style="bold", no_wrap=True, overflow="crop")
        for line in lines[:room]:
            out.append("\n")
            out.append_text(self._line(line, width - 1))
        if hidden > 0:
            out.append(f"\n  ... and {hidden} more", style="dim")
        return out

    def _line(self, line: Line, width: int) -> Text:
        sign, style = SIGNS[line.state]
        if (self._console.encoding or "").lower().replace("-", "") != "utf8":
            sign = PLAIN_SIGNS[line.state]
        text = Text(" " * (INDENT * line.depth), no_wrap=True, overflow="crop")
        text.append(f"{sign} ", style=style)
        text.append(line.name, style="red" if line.state == FAILED else "")
        if line.count:
            text.append(f"  {line.count}", style="cyan")
        if line.seconds is not None:
            text.append(f"  {duration(line.seconds)}", style="dim")
        detail = line.last_line or line.command.partition("\n")[0]
        if detail and line.state == RUNNING:
            text.append(f"  {Text.from_ansi(detail).plain}", style="dim")
        text.truncate(width)
        return text


def duration(seconds: float) -> str:
    """3s, 2m 5s, 1h 2m"""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"
