"""Shared parameters of local runs (O-81): a JSON file, `.digdag/params.json` of the project.

    {"<key>": {"value": "...", "updated_at": "2025-01-01T00:00:00Z", "expires_at": 1743465600}}

It is written whole or not at all, and one run at a time changes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from skydag.errors import TaskError
from skydag.ports import Clock
from skydag.store.shared_params import KEPT
from skydag.store.times import to_text

try:
    import fcntl
except ImportError:                 # Windows: only the tasks of one run are kept apart
    fcntl = None                    # type: ignore[assignment]


class FileParams:
    """spi.SharedParams over a file, which the first `set` makes."""

    def __init__(self, file: Path, now: Clock) -> None:
        self._file, self._now, self._lock = file, now, Lock()

    def get(self, keys: Iterable[str]) -> Mapping[str, str]:
        live = self._live()
        return {key: live[key]["value"] for key in keys if key in live}

    def set(self, values: Mapping[str, str]) -> None:
        now = self._now()
        new = {key: {"value": value, "updated_at": to_text(now), "expires_at": int((now + KEPT).timestamp())}
               for key, value in values.items()}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, _alone(self._file.with_suffix(".lock")):
                self._write(self._live() | new)
        except OSError as trouble:
            raise TaskError(f"shared parameters cannot be kept in {self._file}: {trouble.strerror}") from trouble

    def _live(self) -> dict[str, Any]:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
            now = int(self._now().timestamp())
            return {key: entry for key, entry in known.items() if entry["expires_at"] > now}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TaskError(f"{self._file}, where shared parameters are kept, is damaged: mend or delete it") from None

    def _write(self, entries: Mapping[str, Any]) -> None:
        part = self._file.with_suffix(".part")
        with part.open("w", encoding="utf-8") as out:
            json.dump(entries, out, ensure_ascii=False, indent=1)
            out.flush()
            os.fsync(out.fileno())
        part.replace(self._file)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        if fcntl is not None:
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
