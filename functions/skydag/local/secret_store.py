"""Secrets of a local run (C-32, O-51): `secrets.*` of the configuration, then files `<config home>/secrets/<key>`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from skydag.model.secrets import is_key


class LocalSecrets:
    """ports.SecretStore; every project sees the same. values: key -> secret, without `secrets.` in front. folders: the
    first that has a file of the key's name counts."""

    def __init__(self, values: Mapping[str, str], *folders: Path) -> None:
        self._values, self._folders = dict(values), folders

    def get(self, project_id: int, key: str) -> str | None:
        if key in self._values:
            return self._values[key]
        if not is_key(key):
            return None                             # such a key names no secret, and could name a file elsewhere
        for folder in self._folders:
            with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
                return (folder / key).read_bytes().decode("utf-8", errors="replace")
        return None
