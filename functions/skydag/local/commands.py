"""Runs commands as child processes (O-87, O-121): on a laptop, in the Lambda function `script`, in a container."""

from __future__ import annotations

import codecs
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from skydag.local import processes
from skydag.spi import Outcome

if TYPE_CHECKING:
    from skydag.local.forks import Forked, PythonServers  # loaded by the first Python program

    Child = processes.Started | Forked

CHUNK_BYTES: Final = 65_536
LINE_CHARACTERS_MAX: Final = 65_536     # a longer line is written in parts
LOOK_S: Final = 1.0                     # how often we look whether a silent child has ended
STOP_GRACE_S: Final = 5.0               # between asking a process to end and ending it
NOT_THE_USERS: Final = ("SKYDAG_", "_HANDLER", "AWS_LAMBDA_RUNTIME_API", "_X_AMZN_", "_AWS_XRAY_")


def user_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Our environment without what is only ours: the variables beneath those of user code."""
    return {name: value for name, value in environment.items() if not name.startswith(NOT_THE_USERS)}


class Children:
    """The commands that run now, in whatever thread, so that all can be ended together."""

    def __init__(self) -> None:
        self._running: set[Child] = set()
        self._lock = Lock()
        self._is_closed = False

    @contextmanager
    def running(self, child: Child) -> Iterator[None]:
        with self._lock:
            self._running.add(child)
            is_late = self._is_closed
        try:
            if is_late:
                _signal_group(child, signal.SIGKILL)
            yield
        finally:
            with self._lock:
                self._running.discard(child)

    def end_all(self) -> None:
        """Ends every command, and every one that is still to come."""
        with self._lock:
            self._is_closed = True
            running = tuple(self._running)
        for child in running:
            _signal_group(child, signal.SIGTERM)
        ends = time.monotonic() + STOP_GRACE_S
        for child in running:                   # all have the same time, however many they are
            child.wait(max(0.0, ends - time.monotonic()))
            _signal_group(child, signal.SIGKILL)
            child.wait()

    def kill_all(self) -> None:
        """The same without asking, and without waiting: whoever calls is leaving. May interrupt `end_all`."""
        for child in self._running.copy():
            _signal_group(child, signal.SIGKILL)

    @property
    def count(self) -> int:
        return len(self._running)


class LocalCommands:
    """Each command in a process group of its own; standard error is merged into standard output.

    write        takes the output as it comes, as `TaskRequest.log` does: one or more whole lines a call, without the
                 last line's end; bytes that are no UTF-8 are replaced
    base_env     the variables beneath those of the command
    should_stop  asked every `stop_poll_s` seconds while the command runs; once it says yes, by true or by the reason as
                 a text, the whole group is ended
    children     where running commands are known, so that somebody else can end them
    forks        where Python programs may be forked from, made by the first of them; its environment is base_env
    """

    def __init__(
        self, write: Callable[[str], None], base_env: Mapping[str, str], *,
        should_stop: Callable[[], bool | str] | None = None, stop_poll_s: float = 3.0,
        children: Children | None = None, forks: Callable[[], PythonServers] | None = None,
    ) -> None:
        self._write, self.base_env = write, dict(base_env)
        self._should_stop, self._stop_poll_s = should_stop, stop_poll_s
        self._children = children or Children()
        self._forks = forks

    def __call__(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], inherit_env: bool = True,
        preload: Path | None = None,
    ) -> Outcome:
        """The exit code, 128 + n for a command that signal n ended, 126 or 127 for one that could not be started."""
        child: Child | None = None
        if preload is not None and inherit_env and self._forks is not None:
            child = self._forks().start(argv, preload, cwd=cwd, env=env)
        try:
            if child is None:
                child = processes.start(argv, cwd=cwd, env={**self.base_env, **env} if inherit_env else env)
        except FileNotFoundError:
            return Outcome(code=127, reason=f"command not found: {argv[0]}")
        except OSError as refused:
            return Outcome(code=126, reason=f"cannot run {argv[0]}: {refused.strerror}")
        try:
            with self._children.running(child):
                reason = self._follow(child)
        except BaseException:
            _end_group(child)
            raise
        finally:
            os.close(child.output)
        code = child.wait()
        assert code is not None
        if code >= 0:
            return Outcome(code=code, reason=reason)
        return Outcome(code=128 - code, reason=reason or _killed_by(-code))

    def _follow(self, child: Child) -> str | None:
        """Copies the output until the command has ended; the reason if it was stopped."""
        poller = select.poll()
        poller.register(child.output, select.POLLIN)
        lines = _Lines(self._write)
        wait_s = LOOK_S if self._should_stop is None else min(LOOK_S, self._stop_poll_s)
        next_look = time.monotonic() + self._stop_poll_s
        is_open = True
        while True:
            if not is_open:
                if child.wait(None if self._should_stop is None else wait_s) is not None:
                    break
            elif poller.poll(wait_s * 1000):
                data = os.read(child.output, CHUNK_BYTES)
                lines.feed(data)
                is_open = bool(data)
            elif child.poll() is not None:
                break                       # somebody it left behind holds the output open: not ours to wait for
            if self._should_stop is not None and time.monotonic() >= next_look:
                if stop := self._should_stop():
                    _end_group(child)
                    lines.close()
                    return stop if isinstance(stop, str) else "stopped, because the attempt was killed"
                next_look = time.monotonic() + self._stop_poll_s
        lines.close()
        return None


def _killed_by(number: int) -> str:
    """Why a command has no exit code of its own; nobody but the system ends one by SIGKILL, and for want of memory."""
    return f"killed by signal {number}" + (" (out of memory?)" if number == signal.SIGKILL else "")


class _Lines:
    """Bytes in any pieces -> whole lines of text."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        text = self._rest + self._decoder.decode(data, is_last)
        whole, newline, self._rest = text.rpartition("\n")
        if newline:
            self._write(f"{whole}\n" if whole.endswith("\n") else whole)     # its last line is empty: it is one, too
        if len(self._rest) > LINE_CHARACTERS_MAX or (is_last and self._rest):
            self._write(self._rest)
            self._rest = ""

    def close(self) -> None:
        self.feed(b"", is_last=True)


def _end_group(child: Child) -> None:
    """Asks the whole group to end, and ends what doesn't within STOP_GRACE_S."""
    _signal_group(child, signal.SIGTERM)
    child.wait(STOP_GRACE_S)
    _signal_group(child, signal.SIGKILL)
    child.wait()


def _signal_group(child: Child, number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):       # nobody is left (macOS: only zombies)
        return
