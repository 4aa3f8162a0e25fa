"""Objects kept in memory, or as files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock, get_ident

from skydag.errors import InvalidError, NotFoundError

PART = ".part~"                     # how a file ends that is still being written


class MemoryObjects:
    """ports.Objects over a dict."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = Lock()

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        with self._lock:
            self._objects[key] = bytes(data)

    def get(self, key: str) -> bytes:
        try:
            return self._objects[key]
        except KeyError:
            raise NotFoundError(f"there is no object {key}") from None

    def metadata(self, key: str) -> Mapping[str, str]:
        return {}

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        with self._lock:
            found = sorted((key, len(data)) for key, data in self._objects.items() if key.startswith(prefix))
        yield from found

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)

    def url(self, key: str, *, for_s: int = 600) -> str | None:
        return None

    def upload_url(self, key: str, *, for_s: int = 600) -> str | None:
        return None


class FolderObjects:
    """ports.Objects over files: the key is the path below `root`. A file appears whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.parent / f"{os.getpid()}-{get_ident()}{PART}"
        part.write_bytes(data)
        part.replace(path)

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFoundError(f"there is no object {key}") from None

    def metadata(self, key: str) -> Mapping[str, str]:
        return {}

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        folder = self._path(prefix.rpartition("/")[0]) if "/" in prefix else self._root
        found = []
        for path in folder.rglob("*"):
            key = path.relative_to(self._root).as_posix()
            if key.startswith(prefix) and not key.endswith(PART) and path.is_file():
                found.append((key, path.stat().st_size))
        yield from sorted(found)

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def url(self, key: str, *, for_s: int = 600) -> str | None:
        return None

    def upload_url(self, key: str, *, for_s: int = 600) -> str | None:
        return None

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
            raise InvalidError(f"{key!r} is no key of an object: it would leave its folder")
        return self._root.joinpath(*parts)
