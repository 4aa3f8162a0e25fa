"""The project as a task finds it: the folder itself on a laptop, a fresh copy of the archive elsewhere (O-39)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from skydag.language.compile import load_body, text_body


class Folder:
    """spi.ProjectFiles over a project folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        return self._root

    def compile(self, path: str) -> Mapping[str, Any]:
        return load_body(path, reader(self._root))

    def compile_text(self, name: str, text: str, folder: str = "") -> Mapping[str, Any]:
        return text_body(name, text, reader(self._root / folder))


class Copy:
    """spi.ProjectFiles over a copy of the archive that this run of this task alone uses; made when first asked for."""

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch = fetch
        self._folder: Path | None = None

    @property
    def root(self) -> Path:
        if self._folder is None:
            import tempfile

            from skydag.app import archive

            folder = Path(tempfile.mkdtemp(prefix="skydag-project-"))
            archive.unpack(self._fetch(), folder)
            self._folder = folder
        return self._folder

    def compile(self, path: str) -> Mapping[str, Any]:
        return load_body(path, reader(self.root))

    def compile_text(self, name: str, text: str, folder: str = "") -> Mapping[str, Any]:
        if self._folder is None and "!include" not in text:
            return text_body(name, text, _no_files)         # nothing of the project is needed: it stays where it is
        return text_body(name, text, reader(self.root / folder))

    def close(self) -> None:
        if self._folder is not None:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _no_files(path: str) -> bytes:
    raise FileNotFoundError(path)


def reader(root: Path) -> Callable[[str], bytes]:
    """Reads project files by their path below the root; raises FileNotFoundError, also for what leaves the project."""
    base = root.resolve()

    def read(path: str) -> bytes:
        full = (base / path).resolve()
        if not full.is_relative_to(base) or not full.is_file():
            raise FileNotFoundError(path)
        return full.read_bytes()
    return read
