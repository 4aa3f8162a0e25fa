"""What a killed run leaves below `.digdag/tmp`: files of its commands, in which secrets may stand (G-8).

Whoever works in a project holds a lock on its folder, which ends with the process. So the next run can tell whether it
is alone; then nothing there belongs to anybody.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

FOLDER: Final = ".digdag/tmp"
NAMES: Final = "digdag-"                # what names of folders there begin with (O-40)


@contextmanager
def at_work(project: Path) -> Iterator[None]:
    """While a run works in the project. It begins by removing what is left over, if no other run works there."""
    handle = None if sys.platform == "win32" else _begun(project)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


if sys.platform != "win32":
    import fcntl

    def _begun(project: Path) -> int | None:
        """The descriptor that holds the lock; None where nobody can tell who works there."""
        try:
            handle = os.open(project, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(project / FOLDER)
            fcntl.flock(handle, fcntl.LOCK_SH)
        except OSError:                 # a file system without locks
            os.close(handle)
            return None
        return handle


def _remove(folder: Path) -> None:
    try:
        names = [name for name in os.listdir(folder) if name.startswith(NAMES)]     # noqa: PTH208  quick
    except OSError:
        return
    if names:
        import shutil

        for name in names:
            shutil.rmtree(folder / name, ignore_errors=True)
