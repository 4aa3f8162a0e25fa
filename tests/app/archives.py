"""Archives as people, and other people, make them."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping

Member = tuple[tarfile.TarInfo, bytes]


def file(name: str, data: bytes | str = b"", mode: int = 0o644) -> Member:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    content = data.encode() if isinstance(data, str) else data
    entry.size = len(content)
    return entry, content


def other(name: str, kind: bytes, linkname: str = "") -> Member:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, linkname
    return entry, b""


def symlink(name: str, target: str) -> Member:
    return other(name, tarfile.SYMTYPE, target)


def packed(*members: Member, mtime: int = 0, change: Callable[[bytes], bytes] = lambda raw: raw) -> bytes:
    """A tar.gz of these members; `change` may spoil the tar before it is zipped."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry, data in members:
            entry.mtime = mtime
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(change(raw.getvalue()), mtime=mtime)


def project(files: Mapping[str, str]) -> bytes:
    return packed(*(file(name, text) for name, text in files.items()))
