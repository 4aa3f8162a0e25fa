"""The files of one run of a command: a folder of its own below `.digdag/tmp` of the project (O-40).

    with scratch(request, "sh", cwd) as files:
        run(request, ["/bin/sh", files.write("runner.sh", script)], ...)
"""

from __future__ import annotations

import os  # not pathlib: each command would pay for it
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skydag.spi import TaskRequest


@contextmanager
def scratch(request: TaskRequest, operator: str, cwd: Path) -> Iterator[Scratch]:
    """Gone afterwards. cwd: where the command works. Where the project can't be written to, the folder lies below the
    system's for such things."""
    prefix = f"digdag-{operator}-{request.task_id}-"
    files = Scratch(_made(f"{request.files.root}/.digdag/tmp", prefix), cwd)
    try:
        yield files
    finally:
        files.remove()


class Scratch:
    """folder: of this run alone; names: of what may be in it, in the end."""

    def __init__(self, folder: str, cwd: Path) -> None:
        self._folder, self._cwd = folder, str(cwd)
        self._names: list[str] = []

    def write(self, name: str, text: str) -> str:
        """Makes the file; its name as the command is to say it."""
        data = memoryview(text.encode("utf-8"))
        file = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            while data:
                data = data[os.write(file, data):]
        finally:
            os.close(file)
        return self.named(name)

    def path(self, name: str) -> str:
        """Where it lies, or is to lie."""
        if name not in self._names:
            self._names.append(name)
        return f"{self._folder}/{name}"

    def named(self, name: str) -> str:
        """The same as the command names it, from its working directory (O-90, O-96)."""
        path = self.path(name)
        below = self._cwd + os.sep
        return path[len(below):] if path.startswith(below) else os.path.relpath(path, self._cwd)

    def remove(self) -> None:
        """Also what others left there; that takes its time, so it is asked for only where something is left."""
        try:
            for name in self._names:
                os.unlink(f"{self._folder}/{name}")         # noqa: PTH108
            os.rmdir(self._folder)                          # noqa: PTH106
        except OSError:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)


def _made(parent: str, prefix: str) -> str:
    folder = f"{parent}/{prefix}{os.urandom(6).hex()}"
    try:
        try:
            os.mkdir(folder, 0o700)                         # noqa: PTH102
        except FileNotFoundError:           # the first task makes the parent
            os.makedirs(parent, exist_ok=True)              # noqa: PTH103
            os.mkdir(folder, 0o700)                         # noqa: PTH102
    except OSError:
        import tempfile

        return tempfile.mkdtemp(prefix=prefix)
    return folder
