"""A project folder as an archive (cli.md section 8). The same files give the same bytes, whenever and by whom."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from skydag.app.ignore import Ignore
from skydag.errors import ArchiveError
from skydag.model.records import dataclass

if TYPE_CHECKING:                               # loaded when something is packed: a local run only lists
    import tarfile

IGNORE_FILE = ".digdagignore"

OnFile = Callable[[str, str | None], None]      # name in the archive; where it links to, None for a regular file


@dataclass(frozen=True, slots=True)
class _Found:
    name: str                   # in the archive
    path: Path                  # on this machine
    link: str | None = None     # what it links to, relative; None: a regular file


def listed(folder: Path) -> list[str]:
    """The files of a project by the names they have in it, sorted: no dot files, nothing that .digdagignore excludes
    (L-2, C-61). Links to files are among them, links that lead nowhere are not."""
    return sorted(found.name for found in _walk(folder, None) if found.path.is_file())


def pack(folder: Path, on_file: OnFile | None = None, *, copy_outgoing_symlinks: bool = False) -> bytes:
    """The folder as tar.gz. ArchiveError for a symbolic link that leaves the project, unless what it leads to is to be
    copied (C-64)."""
    import gzip
    import io
    import tarfile

    files = sorted(_walk(folder, copy_outgoing_symlinks), key=lambda found: found.name)
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for found in files:
            _add(tar, found)
            if on_file is not None:
                on_file(found.name, found.link)
    return out.getvalue()


def _add(tar: tarfile.TarFile, found: _Found) -> None:
    import tarfile

    entry = tarfile.TarInfo(found.name)                 # no owner, no times: they say nothing about the project
    if found.link is not None:
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, found.link, 0o777
        tar.addfile(entry)
        return
    with found.path.open("rb") as file:
        status = os.fstat(file.fileno())
        entry.mode, entry.size = status.st_mode & 0o777, status.st_size
        tar.addfile(entry, file)


def _walk(folder: Path, copies_outgoing: bool | None) -> Iterator[_Found]:
    """copies_outgoing: None takes every link for what it leads to, and refuses none."""
    ignore_file = folder / IGNORE_FILE
    ignore = Ignore(ignore_file.read_text("utf-8", "replace").splitlines() if ignore_file.is_file() else ())
    yield from _inside(folder, folder, "", ignore, copies_outgoing, frozenset())


def _inside(
    top: Path, folder: Path, prefix: str, ignore: Ignore, copies_outgoing: bool | None, above: frozenset[Path],
) -> Iterator[_Found]:
    """above: the true paths of the folders that this one is in."""
    true_path = folder.resolve()
    if true_path in above:
        raise ArchiveError(f"Invalid symbolic link: {prefix} leads in a circle")
    for path in sorted(folder.iterdir()):
        name = prefix + path.name
        is_link = path.is_symlink()
        if path.name.startswith(".") or ignore.excludes(name, is_folder=path.is_dir() and not is_link):
            continue
        if is_link and copies_outgoing is not None:
            link = _inner_link(top, path, name)
            if link is not None:
                yield _Found(name, path, link)
                continue
            if not copies_outgoing:
                raise ArchiveError(f"Invalid symbolic link: {name} -> {path.readlink()} is outside of project "
                                   f"directory {top}")
        if path.is_dir() and not (is_link and copies_outgoing is None):
            yield from _inside(top, path, f"{name}/", ignore, copies_outgoing, above | {true_path})
        elif path.is_file():
            yield _Found(name, path)


def _inner_link(top: Path, path: Path, name: str) -> str | None:
    """Where a link leads, relative to its own folder; None if that is outside of the project (C-64)."""
    target = str(path.readlink())
    if posixpath.isabs(target):
        for root in (top.absolute(), top.resolve()):
            if Path(posixpath.normpath(target)).is_relative_to(root):
                inside = Path(posixpath.normpath(target)).relative_to(root).as_posix()
                return posixpath.relpath(inside, posixpath.dirname(name) or ".")
        return None
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    return None if inside == ".." or inside.startswith("../") else target
