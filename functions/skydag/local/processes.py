"""How the process of a command is started (O-87), and how it is waited for.

It leads a session of its own, its standard input is empty, standard error goes where standard output goes. That is what
`subprocess` does, by one call; what it does around that call takes as long as many a command, so thousands of commands
do without it, where they can.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final

LOOK_S: Final = 0.05            # at most, between two looks whether a process has ended
LAST_STANDARD: Final = 2        # descriptors up to it are those of standard input, output and error
SAME_CALL_UNTIL: Final = (3, 14)    # version of Python by which the call below wants other arguments
FILE_NAMES: Final = (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


class Started:
    """A running process that is our child. output: the descriptor from which to read what it prints; whoever has this
    closes it."""

    def __init__(self, pid: int, output: int) -> None:
        self.pid, self.output = pid, output
        self._code: int | None = None
        self._lock = Lock()             # a process can be waited for once; after that its number may be another's

    def poll(self) -> int | None:
        """The exit code, -n if signal n ended it; None: it runs still."""
        if self._code is None and self._lock.acquire(blocking=False):
            try:
                self._look(os.WNOHANG)
            finally:
                self._lock.release()
        return self._code

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The same, at its end or after so long."""
        if timeout_s is None:
            with self._lock:
                self._look(0)
            return self._code
        ends, pause_s = time.monotonic() + timeout_s, 0.0005
        while self.poll() is None and (left_s := ends - time.monotonic()) > 0:
            time.sleep(min(pause_s, left_s))
            pause_s = min(2 * pause_s, LOOK_S)
        return self._code

    def _look(self, how: int) -> None:
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:           # whoever started us ignores the ends of children: nobody knows it
                self._code = 0
            else:
                self._code = os.waitstatus_to_exitcode(status) if pid else None


def start(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: int | None = None) -> Started:
    """stdin: a descriptor to read from, instead of nothing. OSError: there is no such program, or it cannot be run."""
    given = _nothing() if stdin is None else stdin
    reading, writing = os.pipe()
    try:
        pid = _quickly(argv, cwd, env, given, writing)
        return Started(_by_subprocess(argv, cwd, env, given, writing) if pid is None else pid, reading)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)


def _quickly(argv: Sequence[str], cwd: Path, env: Mapping[str, str], given: int, output: int) -> int | None:
    """The process id, by the call that `subprocess` makes. None: it could not be started; `subprocess` says why."""
    if sys.version_info >= SAME_CALL_UNTIL or output <= LAST_STANDARD:
        return None
    from _posixsubprocess import fork_exec

    folders = [""] if "/" in argv[0] else os.get_exec_path(env)
    programs = tuple(os.fsencode(os.path.join(folder, argv[0])) for folder in folders)      # noqa: PTH118
    variables = [f"{name}={value}".encode(*FILE_NAMES) for name, value in env.items()]
    said, saying = os.pipe()
    try:
        pid = fork_exec(
            argv, programs, True, (saying,), str(cwd), variables, given, -1, -1, output, -1, output, said, saying, True,
            True, -1, None, None, None, -1, None, True)     # type: ignore[arg-type]
        os.close(saying)
        saying = -1
        if not os.read(said, 1):                # closed by the program's start
            return pid
        os.waitpid(pid, 0)
        return None
    except TypeError:                           # a Python whose call is another
        return None
    finally:
        os.close(said)
        if saying >= 0:
            os.close(saying)


def _by_subprocess(argv: Sequence[str], cwd: Path, env: Mapping[str, str], given: int, output: int) -> int:
    import subprocess  # takes longer to load than most commands to run

    process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=given, stdout=output, stderr=output,
                               start_new_session=True)
    process.returncode = 0                      # it is waited for by `Started`
    return process.pid


@cache
def _nothing() -> int:
    """/dev/null, opened once."""
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
