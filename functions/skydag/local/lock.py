"""One run at a time over the saved states of a workflow's session: a lock that its owner's death releases.

The operating system holds the lock, not the file: a file that a crash left behind locks nobody out. What is written in
it only tells who holds it.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path

from skydag.errors import ConflictError

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        os.lseek(handle, 1 << 20, os.SEEK_SET)          # locked bytes cannot be read: not those that say who
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True
else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True                                 # a file system without locks: better run than refuse
        return True


class RunLock:
    """path: of the lock file, whose folder is there; what: what is locked, in the user's words."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._handle: int | None = None

    def take(self, now: datetime) -> None:
        """ConflictError: somebody has it. OSError: the file cannot be made."""
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            if not _take(handle):
                who = _who(handle)
                os.close(handle)
                raise ConflictError(f"another run of {self._what} is going on{who}; wait for it, or give this one "
                                    "a session or a state folder of its own (--session, -o DIR)")
            if self._is_current(handle):
                break
            os.close(handle)                            # its last owner has just removed it
        try:
            os.ftruncate(handle, 0)
            os.write(handle, json.dumps({"pid": os.getpid(), "host": _host(), "since": _shown(now)}).encode())
        except OSError:
            os.close(handle)
            raise
        self._handle = handle

    def release(self) -> None:
        """A second time does nothing."""
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        if sys.platform == "win32":
            os.close(handle)                            # an open file cannot be removed there
        self._path.unlink(missing_ok=True)
        if sys.platform != "win32":
            os.close(handle)

    def _is_current(self, handle: int) -> bool:
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(handle))


def _who(handle: int) -> str:
    try:
        told = json.loads(os.read(handle, 4096))
        return f" (process {int(told['pid'])} on {told['host']}, since {told['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""                                       # he has not written it yet


def _shown(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "this machine")
