"""What a local run tells while it runs, as plain lines: what tasks print on standard output, skydag's own words on
standard error (errata C-7).

`tell_json.py` tells the same as events, `live.py` as a picture of the run on a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Lock
from typing import Any, Final, TextIO

from skydag.model.records import dataclass

LEVELS: Final = ("error", "warn", "info", "debug", "trace")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    workflow: str
    session_time: datetime                  # in the workflow's zone
    is_reused: bool                         # the time of the last session, since no other was asked for
    tasks: int                              # known before the run, groups included


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One task in state error, as the end of the run shows it."""

    task: str
    message: str
    command: str | None                     # what it ran: "sh>: ./load.sh 7"
    place: str | None                       # where it is written: "daily.dig:4:3"
    last_lines: Sequence[str]               # of what it printed
    log: str | None                         # the file that has all of it
    advice: str | None                      # what to do about it


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    state: str                              # success, error, interrupted
    failures: Sequence[Failure]
    saved: str | None                       # the folder with the states; None: nothing is saved
    unsaved: str | None                     # why states could not be saved
    resume: str | None                      # the command that goes on from here
    hints: Sequence[str]


class Teller:
    """Plain lines. Threads may share it. level: of the log lines that are shown; log: where they go."""

    def __init__(self, out: TextIO, err: TextIO, now: Callable[[], datetime], *, level: str = "info",
                 log: TextIO | None = None) -> None:
        self._out, self._err, self._now = out, err, now
        self._log_to = log or err
        self._level = LEVELS.index(level)
        self._lock = Lock()
        self._lost: str | None = None           # why some of the output could not be written
        self._stamped = 0, ""

    # --- what happens, in the order in which it does -----------------------------------------------------------------

    def starts(self, start: RunStart) -> None:
        if start.is_reused:
            self.say(f"Reusing the last session time {start.session_time.isoformat()}.")

    def begins(self, task: str, command: str, *, is_first: bool) -> None:
        """A task is about to run. is_first: it has not run before, it is no poll and no retry (L-147)."""
        self._log("info" if is_first else "debug", task, command)

    def params(self, task: str, params: Mapping[str, Any]) -> None:
        import yaml

        self._write(self._out, yaml.safe_dump(params, sort_keys=False, allow_unicode=True))

    def output(self, task: str, text: str) -> None:
        self._write(self._out, text if text.endswith("\n") else text + "\n")

    def note(self, task: str, text: str) -> None:
        """What an operator says by itself, such as why it asks again."""
        self._log("info", task, text.rstrip("\n").replace("\n", "\n  "))

    def skipped(self, task: str, *, is_saved: bool, subtasks: Mapping[str, Any]) -> None:
        """is_saved: its saved result is taken; else it was not chosen to run."""
        if is_saved:
            self._log("warn", task, "Skipped")
        else:
            self._log("debug", task, "Passed over")

    def retries(self, task: str, *, after_s: float, count: int) -> None:
        """A run of the task failed; it runs again, for the count-th time, in after_s seconds."""
        self._log("warn", task, f"failed, runs again {f'in {after_s:g} s ' if after_s else ''}(retry {count})")

    def ended(self, task: str, *, is_success: bool, message: str, subtasks: Mapping[str, Any]) -> None:
        """A task's run is over, for good. The end of the run tells more of a failure."""
        if not is_success:
            lines = [line for line in message.split("\n")[:2] if line]
            said = [line for line in lines[1:] if line.startswith("Error messages from ")]      # O-98
            self._log("error", task, "failed: " + "; ".join([*lines[:1], *said]))

    def group_ended(self, task: str, state: str) -> None:
        """A group, or a task with tasks of its own."""

    def alert(self, message: str) -> None:
        self._write(self._err, f"{self._stamp()} [WARN] notify: {message}\n")

    def warn(self, text: str) -> None:
        """About the run as a whole."""
        self.say(f"warning: {text}")

    def interrupted(self, running: int) -> None:
        commands = f"{running} running command{'s' if running > 1 else ''}" if running else "what runs"
        self.say(f"Interrupted: ending {commands} (once more to leave at once)")

    def finished(self, end: RunEnd) -> None:
        """C-30, C-31."""
        self.close()
        where = f"Task state is saved at {end.saved} directory." if end.saved else ""
        lines = [f"warning: not all that was told could be written: {self._lost}"] if self._lost else []
        lines += [f"warning: {end.unsaved}"] if end.unsaved else []
        if end.state == "success":
            lines.append(f"Success. {where}".rstrip())
        else:
            lines.append("\nerror: " if end.state == "error" else "\nerror: interrupted")
            for failure in end.failures:
                lines += failure_lines(failure)
            lines.append("")
            lines += [where] if where else []
            lines += [f"To go on from here: {end.resume}"] if end.resume else []
        self.say("\n".join([*lines, *(f"  * {hint}" for hint in end.hints)]))

    def close(self) -> None:
        """Nothing more will happen. A second time does nothing."""

    # --- how it is written -------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        self._write(self._err, text + "\n")

    def _log(self, level: str, task: str, text: str) -> None:
        if LEVELS.index(level) <= self._level:
            self._write(self._log_to, f"{self._stamp()} [{level.upper()}] ({task}): {text}\n")

    def _stamp(self) -> str:
        """The same text for all of a second."""
        now = self._now()
        second = int(now.timestamp())
        if second != self._stamped[0]:
            self._stamped = second, now.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
        return self._stamped[1]

    def _write(self, to: TextIO, text: str) -> None:
        with self._lock:
            self._lost = written(to, text) or self._lost


def written(to: TextIO, text: str) -> str | None:
    """With `?` for what this output has no letters for: half a surrogate pair never has. Where nobody reads it any more
    (`skydag run w.dig | head`) it goes nowhere, and the run goes on: no task failed by that. Nor by a full disk that
    the output goes to: then this gives the reason."""
    try:
        try:
            to.write(text)
        except UnicodeEncodeError:
            encoding = to.encoding or "utf-8"
            to.write(text.encode(encoding, "replace").decode(encoding))
        to.flush()
    except BrokenPipeError:
        with suppress(OSError, ValueError):             # a stream without a file
            os.dup2(os.open(os.devnull, os.O_WRONLY), to.fileno())
    except OSError as full:
        return full.strerror or str(full)
    return None


def failure_lines(failure: Failure) -> list[str]:
    lines = [f"  * {failure.task}:"]
    lines += [f"    {line}" for line in failure.message.splitlines()]
    first, *others = (failure.command or "").splitlines() or [""]
    parts = [f"{first} ..." if others else first, f"({failure.place})" if failure.place else ""]
    lines += [f"      {shown}"] if (shown := "   ".join(filter(None, parts))) else []
    lines += [f"      | {line}" for line in failure.last_lines]
    if failure.log:
        lines.append(f"      its whole output: {failure.log}")
    if failure.advice:
        lines.append(f"      -> {failure.advice}")
    return lines
