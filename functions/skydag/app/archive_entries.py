"""An archive entry by entry, distrusted: what each one is, and whether it stays inside of the project.

tarfile's own ways to unpack are not used: nothing here touches the disk.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Final, cast

from skydag.errors import ArchiveError
from skydag.model.records import dataclass

NAME_BYTES_MAX: Final = 255
PATH_BYTES_MAX: Final = 1024
LINKS_MAX: Final = 40                   # on the way from one link to what it leads to, as Linux has it
CHUNK: Final = 1 << 16
HEADER_BYTES_MAX: Final = 4096          # of an entry, padding included, on average
TAIL_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    bytes_max: int = 200_000_000        # all files together, unpacked
    files_max: int = 10_000


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or a symbolic link."""

    path: str
    mode: int                           # permission bits
    size: int = 0
    sha256: str = ""                    # of a file's bytes, hex
    link: str | None = None             # where a symbolic link leads
    same_as: str | None = None          # a hard link: the file before it whose bytes it has


def files_of(data: bytes, limits: Limits) -> Iterator[tuple[Entry, IO[bytes] | None]]:
    """Files with their bytes, links without, in the order of the archive; read the bytes before the next."""
    with sound(), gzip.GzipFile(fileobj=io.BytesIO(data)) as zipped:
        source = _Bounded(cast("IO[bytes]", zipped), limits)
        with tarfile.open(fileobj=cast("IO[bytes]", source), mode="r|") as tar:
            yield from _entries(tar, limits)
            source.check_end(tar.offset)
        while source.read(CHUNK):                       # to the end: its checksum is looked at there
            pass


@contextmanager
def sound() -> Iterator[None]:
    """Says ArchiveError for whatever a broken archive does to gzip and tarfile; to be used where a file's bytes are
    read, too."""
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, OverflowError) as error:
        raise ArchiveError(f"this is no whole tar.gz archive: {error}") from None


def _entries(tar: tarfile.TarFile, limits: Limits) -> Iterator[tuple[Entry, IO[bytes] | None]]:
    seen: dict[str, Entry] = {}
    size = 0
    for number, member in enumerate(tar, 1):
        if (len(seen) >= limits.files_max and not member.isdir()) or number > 2 * limits.files_max:
            raise ArchiveError(f"{member.name}: the archive has more than {limits.files_max:,} files")
        path = _path(member.name)
        if member.isdir():
            continue
        if path in seen or not path:
            raise ArchiveError(f"{member.name} is in the archive twice" if path else f"{member.name!r} is no name")
        entry = seen[path] = _entry(path, member, seen)
        size += entry.size
        if size > limits.bytes_max:
            raise ArchiveError(f"{path}: the archive has more than {limits.bytes_max:,} bytes unpacked")
        yield entry, tar.extractfile(member) if member.isreg() else None


def _entry(path: str, member: tarfile.TarInfo, seen: Mapping[str, Entry]) -> Entry:
    if member.isreg() and member.size >= 0:
        return Entry(path=path, mode=member.mode & 0o777, size=member.size)
    if member.issym():
        if member.linkname.startswith("/"):
            raise ArchiveError(f"{path} -> {member.linkname} leaves the project")
        return Entry(path=path, mode=0o777, link=member.linkname)
    if member.islnk():
        same = seen.get(_path(member.linkname))
        if same is None or same.link is not None:
            raise ArchiveError(f"{path} is a hard link to {member.linkname}, which is no file before it in the archive")
        return Entry(path=path, mode=same.mode, size=same.size, same_as=same.same_as or same.path)
    kind = "a device" if member.isdev() and not member.isfifo() else "a pipe" if member.isfifo() else "no regular file"
    raise ArchiveError(f"{path} is {kind}; only files, folders and symbolic links belong in a project")


def _path(name: str) -> str:
    """The name as a path below the project's folder, "" for that folder itself."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                raise ArchiveError(f"{name} leaves the project")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if name.startswith("/"):
        raise ArchiveError(f"{name} leaves the project: an absolute path")
    size = len("/".join(parts).encode("utf-8", "surrogateescape"))
    longest = max((len(part.encode("utf-8", "surrogateescape")) for part in parts), default=0)
    if longest > NAME_BYTES_MAX or size > PATH_BYTES_MAX:
        raise ArchiveError(f"{name[:80]}... is too long a name")
    return "/".join(parts)


def check_tree(entries: Mapping[str, Entry]) -> None:
    for path, entry in entries.items():
        above = posixpath.dirname(path)
        while above:
            if above in entries:
                raise ArchiveError(f"{path} lies below {above}, which is no folder")
            above = posixpath.dirname(above)
        if entry.link is not None and destination(entries, path) is None:
            raise ArchiveError(f"{path} -> {entry.link} leaves the project, or leads in a circle")


def destination(entries: Mapping[str, Entry], path: str) -> str | None:
    """Where a path leads once all links in it are followed; None if out of the project, or in a circle."""
    at: list[str] = []
    todo, links = path.split("/")[::-1], 0
    while todo:
        part = todo.pop()
        if part == "..":
            if not at:
                return None
            at.pop()
        elif part not in ("", "."):
            at.append(part)
            entry = entries.get("/".join(at))
            if entry is not None and entry.link is not None:
                links += 1
                if links > LINKS_MAX:
                    return None
                at.pop()
                todo += entry.link.split("/")[::-1]
    return "/".join(at)


class _Bounded:
    """The unpacked stream, which ends in an error when it grows past all that headers and files may take."""

    def __init__(self, inner: IO[bytes], limits: Limits) -> None:
        self._inner = inner
        self._left = limits.bytes_max + 2 * limits.files_max * HEADER_BYTES_MAX
        self._read, self._tail = 0, b""

    def read(self, size: int) -> bytes:
        data = self._inner.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError("the archive is larger unpacked than a project may be")
        self._read += len(data)
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        return data

    def check_end(self, offset: int) -> None:
        """tarfile takes a header that it cannot read for the end; the true end is zeros, or nothing."""
        start = offset - (self._read - len(self._tail))
        if start < 0 or any(self._tail[start:start + tarfile.BLOCKSIZE]):
            raise ArchiveError("this is no whole tar.gz archive: a header in it cannot be read")
