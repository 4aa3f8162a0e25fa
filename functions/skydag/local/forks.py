"""Processes of Python programs that are forked from an interpreter which has the program loaded already.

An interpreter takes longer to start than most `py>` tasks to run. So the second task of an interpreter starts a server
under it (`_fork_server.py`), with the same options, directory and environment, and from then on tasks are forked from
there: each a process of its own, in which nothing of any other task was ever loaded. What cannot be served so is
started as usual.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import stat
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from skydag.local import processes

if TYPE_CHECKING:
    from _socket import socket  # beneath the module `socket`, which takes longer to load than most tasks to run

SERVER: Final = Path(__file__).with_name("_fork_server.py")
SERVERS_MAX: Final = 4              # at once; a fifth kind of interpreter is started for each task
START_S: Final = 10.0               # an interpreter that takes longer is not waited for
END_S: Final = 1.0
REFUSALS_MAX: Final = 3             # of one kind, since what it had loaded had changed
ANSWER: Final = struct.Struct("!cq")    # b"p", process id; b"e", exit code

_PYTHON = re.compile(r"python(\d+(\.\d+)*)?\Z")
_OPTION = re.compile(r"-[bBEIOPqRsSu]+\Z|-W\S+\Z|-X(dev|utf8(=\d)?)\Z")
_OPTION_OF_TWO = {"-W": re.compile(""), "-X": re.compile(r"(dev|utf8(=\d)?)\Z")}
#: Variables that are read while an interpreter starts: with others than the server's it has to be started.
_READ_AT_START = re.compile(r"(PYTHON|LD_|DYLD_|LC_|LANG|TZ|MALLOC_|GLIBC_|GCONV_|LOCPATH|HOME$|PATH$|VIRTUAL_ENV)")


class Forked:
    """A running process as `processes.Started`, that is the child of a server."""

    def __init__(self, pid: int, task: socket, output: int) -> None:
        self.pid, self.output = pid, output
        self._code: int | None = None
        self._task, self._lock = task, Lock()

    def poll(self) -> int | None:
        return self.wait(0)

    def wait(self, timeout_s: float | None = None) -> int | None:
        if self._code is None and _is_readable(self._task, timeout_s):
            with self._lock:
                if self._code is None:
                    code = _answer(self._task, b"e")
                    if code is None:                # the server is gone, and nobody knows about its children
                        with suppress(ProcessLookupError, PermissionError):
                            os.killpg(self.pid, signal.SIGKILL)
                    self._code = -signal.SIGKILL if code is None else code
                    self._task.close()
        return self._code


class PythonServers:
    """The servers of one run. environment: of all its commands, beneath their own variables; serves_from: the how
    manieth task of its kind starts a server."""

    def __init__(self, environment: Mapping[str, str], *, serves_from: int = 2) -> None:
        self._environment, self._serves_from = dict(environment), serves_from
        self._asked: Counter[object] = Counter()
        self._refused: Counter[object] = Counter()
        self._servers: dict[object, _Server] = {}
        self._lock = Lock()
        self._is_closed = False

    def start(self, argv: Sequence[str], program: Path, *, cwd: Path, env: Mapping[str, str]) -> Forked | None:
        """The running process of `argv`: an interpreter, options, a copy of the program, arguments. None: it has to be
        started as any other command, since it is the first of its kind, or cannot be served."""
        count = interpreter(argv)
        if count is None or any(_READ_AT_START.match(name) for name in env):
            return None
        found = self._found(argv[0], cwd)
        if found is None:
            return None
        kind = (found, *argv[:count], str(cwd), str(program))
        server = self._server(kind, [*argv[:count], str(SERVER), str(program)], cwd)
        if server is None:
            return None
        forked = server.fork({"argv": list(argv), "program": argv[count], "cwd": str(cwd.absolute()), "env": dict(env)})
        if forked is None:
            self._forget(kind, server)
        return forked

    def close(self) -> None:
        """The servers end; tasks that they started are not theirs to end."""
        with self._lock:
            self._is_closed = True
            servers = list(self._servers.values())
        for server in servers:
            server.end()

    def _found(self, name: str, cwd: Path) -> object:
        """Which file the interpreter is, as it is now; None: there is none."""
        folders = [str(cwd)] if "/" in name else os.get_exec_path(self._environment)
        for path in (os.path.join(folder, name) for folder in folders):                 # noqa: PTH118
            try:
                status = os.stat(path)                                                  # noqa: PTH116
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode) and os.access(path, os.X_OK):
                return path, status.st_ino, status.st_mtime_ns
        return None

    def _server(self, kind: object, argv: list[str], cwd: Path) -> _Server | None:
        with self._lock:
            self._asked[kind] += 1
            server = self._servers.get(kind)
            if server is None:
                if self._asked[kind] < self._serves_from or len(self._servers) >= SERVERS_MAX or self._is_closed:
                    return None
                server = self._servers[kind] = _Server(argv, cwd, self._environment)
        return server if server.is_ready() else None

    def _forget(self, kind: object, server: _Server) -> None:
        """It refused a task: what it has loaded is out of date. The next task starts another, a few times."""
        with self._lock:
            self._refused[kind] += 1
            if self._servers.get(kind) is server and self._refused[kind] < REFUSALS_MAX:
                del self._servers[kind]
        server.end()


class _Server:
    def __init__(self, argv: list[str], cwd: Path, env: Mapping[str, str]) -> None:
        from _socket import socketpair

        self._lock = Lock()
        self._is_ready: bool | None = None
        self._process: processes.Started | None = None
        self._control, theirs = socketpair()
        with suppress(OSError):
            self._process = processes.start(argv, cwd=cwd, env=env, stdin=theirs.fileno())
        theirs.close()

    def is_ready(self) -> bool:
        """Waits for its first word, once. No: this interpreter cannot serve, or its start prints something, which each
        task is to print, or it has ended."""
        with self._lock:
            if self._is_ready is None:
                self._is_ready = (self._process is not None and _is_readable(self._control, START_S)
                                  and self._control.recv(1) == b"r" and not _is_readable(self._process.output, 0))
                if self._process is not None:
                    os.close(self._process.output)
                if not self._is_ready:
                    self._end()
            return self._is_ready

    def fork(self, wanted: Mapping[str, object]) -> Forked | None:
        """None: it refused, or is gone."""
        from _socket import socketpair

        task, theirs = socketpair()
        reading, writing = os.pipe()
        pid = None
        try:
            with self._lock:
                _hand_over(theirs.fileno(), self._control)
            theirs.close()
            _hand_over(writing, task)
            task.sendall(json.dumps(wanted).encode() + b"\n")
            pid = _answer(task, b"p")
        except OSError:
            pass
        finally:
            theirs.close()
            os.close(writing)
            if pid is None:
                os.close(reading)
                task.close()
        return None if pid is None else Forked(pid, task, reading)

    def end(self) -> None:
        with self._lock:
            self._is_ready = False
            self._end()

    def _end(self) -> None:
        self._control.close()
        if self._process is not None and self._process.wait(END_S) is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()


def interpreter(argv: Sequence[str]) -> int | None:
    """How many of the words are the interpreter and its options; None: it is none that can be known by its words (a
    program that starts one, an option that says what to run)."""
    if not argv or not _PYTHON.match(Path(argv[0]).name):
        return None
    count = 1
    while count < len(argv) and argv[count].startswith("-"):
        value = _OPTION_OF_TWO.get(argv[count])
        if value is not None and count + 1 < len(argv) and value.match(argv[count + 1]):
            count += 2
        elif _OPTION.match(argv[count]):
            count += 1
        else:
            return None
    return count if count < len(argv) else None


def _is_readable(end: socket | int, timeout_s: float | None) -> bool:
    poller = select.poll()
    try:
        poller.register(end, select.POLLIN)
    except ValueError:
        return True                 # closed by another thread, which has read what there was
    return bool(poller.poll(None if timeout_s is None else timeout_s * 1000))


def _hand_over(descriptor: int, end: socket) -> None:
    """With a blank, which before JSON means nothing."""
    from _socket import SCM_RIGHTS, SOL_SOCKET

    end.sendmsg([b" "], [(SOL_SOCKET, SCM_RIGHTS, struct.pack("i", descriptor))])


def _answer(task: socket, kind: bytes) -> int | None:
    """The number that the other end tells next; None: it is closed, or tells something else."""
    from _socket import MSG_WAITALL

    try:
        data = task.recv(ANSWER.size, MSG_WAITALL)
    except OSError:
        return None
    told, number = ANSWER.unpack(data) if len(data) == ANSWER.size else (b"", 0)
    return number if told == kind else None
