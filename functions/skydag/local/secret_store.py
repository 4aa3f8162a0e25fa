"""Secrets of a local run (C-32, O-51): `secrets.*` of the configuration, then files `<config home>/secrets/<key>`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skydag.model.secrets import is_key


class LocalSecrets:
    """ports.SecretStore; every project sees the same. values: key -> secret, without `secrets.` in front."""

    def __init__(self, values: Mapping[str, str], folder: Path | None = None) -> None:
        self._values, self._folder = dict(values), folder

    def get(self, project_id: int, key: str) -> str | None:
        if key in self._values:
            return self._values[key]
        if self._folder is None or not is_key(key):
            return None                             # such a key names no secret, and could name a file elsewhere
        try:
            return (self._folder / key).read_bytes().decode("utf-8", errors="replace")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
