"""`!include : path`: the keys of another file, in place of the directive (language.md section 2).

Files come through a reader that is handed in, by their path below the project folder, parts joined by '/'.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Final

from skydag.language.collector import no_collection
from skydag.language.problems import Refused
from skydag.language.source import Document
from skydag.model.workflow import Place, Problem

Reader = Callable[[str], bytes]         # raises FileNotFoundError

INCLUDES_MAX: Final = 1_000


@no_collection()
def load(path: str, read: Reader) -> Document:
    """The document at `path` with everything it includes. FileNotFoundError if it does not exist; Refused if it, or a
    file it includes, cannot be read. Other mistakes are in its `problems`, those of included files with it."""
    return _Loading(read).document(path, read(path))


@no_collection()
def load_text(file: str, data: bytes, read: Reader) -> Document:
    """As `load`, for data at hand; `file` is its name in messages and the place from which it includes."""
    return _Loading(read).document(file, data)


class _Loading:
    """One file with its includes: what was read already, and what is being read."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._known: dict[str, Document | None] = {}        # None: it was refused, and that is reported
        self._stack: list[str] = []
        self._count = 0

    def document(self, path: str, data: bytes) -> Document:
        self._stack.append(path)
        try:
            document = Document(path, data, self._include)
        finally:
            self._stack.pop()
        self._known[path] = document
        return document

    def _include(self, parent: Document, wanted: str, place: Place) -> Document | None:
        target = _target(parent.file, wanted)
        wrong = self._obstacle(target, wanted)
        if target is None or wrong:
            parent.problems.append(Problem(place=place, code="include", message=wrong or wanted))
            return None
        self._count += 1
        if target in self._known:
            return self._known[target]
        try:
            document = self.document(target, self._read(target))
        except FileNotFoundError:
            parent.problem(place, "include", f"'!include' names a file that does not exist: {wanted}",
                           f"looked for {target} in the project")
            return None
        except OSError as error:                # a folder, for example
            parent.problem(place, "include", f"'!include' names a file that cannot be read: {wanted}", error.strerror)
            return None
        except Refused as refused:
            self._known[target] = None
            parent.problems.extend(refused.problems)
            return None
        parent.problems.extend(document.problems)
        return document

    def _obstacle(self, target: str | None, wanted: str) -> str | None:
        if target is None:
            return f"File name must not include ..: {wanted}; an include stays in the folder of its file"
        if target in self._stack:
            return f"include cycle: {' includes '.join([*self._stack[self._stack.index(target):], target])}"
        if self._count >= INCLUDES_MAX:
            return f"more than {INCLUDES_MAX:,} includes"
        return None


def _target(parent: str, wanted: str) -> str | None:
    """The path that an include in file `parent` means; None if it leads out of the parent's folder (L-22)."""
    folder = posixpath.dirname(parent)
    path = posixpath.normpath(wanted)
    if posixpath.isabs(wanted) or path == ".." or path.startswith("../") or "\\" in wanted or "\0" in wanted:
        return None
    return posixpath.join(folder, path) if folder else path
