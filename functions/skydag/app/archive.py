"""Archives of projects, as they come from outside: read with distrust, unpacked without surprise (R-36, C-66).

Refused, naming the entry and the reason: what is no gzip'ed tar, or is broken; paths and links that leave the project,
by themselves or through other links; devices and pipes; more than 200 MB unpacked, or 10,000 files.
"""

from __future__ import annotations

import hashlib
import posixpath
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from skydag.app.archive_entries import CHUNK, LIMITS, Entry, Limits, check_tree, destination, files_of, sound
from skydag.app.packing import listed, pack
from skydag.errors import ArchiveError
from skydag.model.records import replace

__all__ = ["LIMITS", "ArchiveFiles", "Entry", "Limits", "content_hash", "listed", "pack", "read", "unpack"]

KEPT_SUFFIXES: Final = (".dig", ".yml", ".yaml", ".json")


class ArchiveFiles:
    """What a sound archive holds. Small texts are at hand; other files are looked up in the archive when asked for."""

    def __init__(self, data: bytes, entries: Mapping[str, Entry], kept: Mapping[str, bytes], limits: Limits) -> None:
        self._data, self.entries, self._kept, self._limits = data, entries, kept, limits

    @property
    def paths(self) -> tuple[str, ...]:
        """Files, and links that lead to files, by path."""
        return tuple(path for path in sorted(self.entries) if self._file(path) is not None)

    def read(self, path: str) -> bytes:
        """The bytes of a file; FileNotFoundError."""
        entry = self._file(posixpath.normpath(path))
        if entry is None:
            raise FileNotFoundError(path)
        if entry.path in self._kept:
            return self._kept[entry.path]
        with sound():
            for one, file in files_of(self._data, self._limits):
                if one.path == (entry.same_as or entry.path) and file is not None:
                    return file.read()
        raise FileNotFoundError(path)

    def _file(self, path: str) -> Entry | None:
        end = destination(self.entries, path)
        entry = None if end is None else self.entries.get(end)
        return entry if entry is not None and entry.link is None else None


def read(data: bytes, limits: Limits = LIMITS) -> ArchiveFiles:
    """Everything in the archive, checked. ArchiveError."""
    entries: dict[str, Entry] = {}
    kept: dict[str, bytes] = {}
    for entry, file in files_of(data, limits):
        if entry.same_as is not None:
            entry = replace(entry, sha256=entries[entry.same_as].sha256)
        elif file is not None:
            text = bytearray() if entry.path.endswith(KEPT_SUFFIXES) else None
            with sound():
                entry = replace(entry, sha256=_hash(file, text))
            if text is not None:
                kept[entry.path] = bytes(text)
        entries[entry.path] = entry
    check_tree(entries)
    return ArchiveFiles(data, entries, kept, limits)


def unpack(data: bytes, into: Path, limits: Limits = LIMITS) -> None:
    """Write the archive's files into a folder, new or empty. ArchiveError, and then the folder is gone."""
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise FileExistsError(f"{into} is not empty")
    entries: dict[str, Entry] = {}
    try:
        for entry, file in files_of(data, limits):
            entries[entry.path] = entry
            if entry.link is None:
                _write(entry, file, into)
        check_tree(entries)
        for entry in entries.values():                  # links last: nothing is ever written through one
            if entry.link is not None:
                path = into / entry.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(entry.link)
    except (ArchiveError, OSError) as error:
        shutil.rmtree(into, ignore_errors=True)
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"the archive cannot be unpacked: {error}") from None


def content_hash(files: ArchiveFiles) -> str:
    """A name for what an archive holds: the same for the same paths, permission bits and bytes, however packed."""
    out = hashlib.sha256()
    for path, entry in sorted(files.entries.items()):
        what = f"link {entry.link}" if entry.link is not None else f"{entry.mode:o} {entry.sha256}"
        out.update(f"{path}\0{what}\n".encode("utf-8", "surrogateescape"))
    return out.hexdigest()


def _write(entry: Entry, file: IO[bytes] | None, into: Path) -> None:
    path = into / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.same_as is not None:
        shutil.copyfile(into / entry.same_as, path)
    elif file is not None:
        with path.open("xb") as out, sound():
            shutil.copyfileobj(file, out, CHUNK)
    path.chmod(entry.mode)


def _hash(file: IO[bytes], text: bytearray | None) -> str:
    """Of what is read from the file; the bytes themselves go into `text`."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        if text is not None:
            text += chunk
    return digest.hexdigest()
