"""Archives fetched once a process: a warm function runs many tasks of one project."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Final

from skydag.ports import Objects

ARCHIVES_KEPT_MAX: Final = 8


class ArchiveCache:
    """Those last used stay in `folder`. User code may have run beside them with our rights: what lies there is used
    only if it is, by its hash, what we put there."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects, self._folder = objects, folder
        self._known: OrderedDict[str, str] = OrderedDict()      # key -> sha256 of the bytes

    def __call__(self, key: str) -> bytes:
        """The archive's bytes. Raises NotFoundError."""
        if key in self._known:
            data = self._kept(key)
            if hashlib.sha256(data).hexdigest() == self._known[key]:
                self._known.move_to_end(key)
                return data
        data = self._objects.get(key)
        self._keep(key, data)
        return data

    def _kept(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except OSError:
            return b""

    def _keep(self, key: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(self._path(key))
        self._known[key] = hashlib.sha256(data).hexdigest()
        self._known.move_to_end(key)
        while len(self._known) > ARCHIVES_KEPT_MAX:
            self._path(self._known.popitem(last=False)[0]).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.tar.gz"
