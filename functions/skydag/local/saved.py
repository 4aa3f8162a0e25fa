"""States of tasks that succeeded, so that the next run of the same session goes on where this one stopped (C-25, C-26).

One YAML file a task, written whole or not at all. Saved states are read once, at the start (K-11).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from skydag.app.tasks import TaskRow
from skydag.model.outcome import OK, Ended
from skydag.model.params import Store
from skydag.model.task import State

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)    # libyaml's is ten times faster
LOG = logging.getLogger(__name__)
NAME_BYTES_MAX: Final = 200
_NEVER_SAVED: Final = ("^error", "^failure-alert", "^sla")         # K-3


class SavedStates:
    def __init__(self, folder: Path | None, *, is_used: bool) -> None:
        """folder: of this session; None: nothing is read or written."""
        self._folder = folder
        self._known = self._read() if folder is not None and is_used else {}
        self._ended: dict[str, Ended] = {}

    def known(self, full_name: str) -> Ended | None:
        return self._known.get(full_name)

    def ended(self, full_name: str, ended: Ended) -> None:
        """Kept until `save` finds that the task, with all it generated, succeeded."""
        if ended.kind == OK:
            self._ended[full_name] = ended

    def save(self, rows: Iterable[TaskRow]) -> None:
        if self._folder is None:
            return
        newest = {row.full_name: row for row in rows}
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, row in newest.items():
            if row.state is State.SUCCESS and not any(mark in name for mark in _NEVER_SAVED):
                self._write(name, self._ended.get(name, Ended(kind=OK)))

    def _write(self, name: str, ended: Ended) -> None:
        assert self._folder is not None
        result = {
            "subtaskConfig": dict(ended.subtasks), "exportParams": dict(ended.export),
            "resetStoreParams": list(ended.store.resets) if ended.store else [],
            "storeParams": dict(ended.store.params) if ended.store else {}, "report": {"inputs": [], "outputs": []},
        }
        state = {"fullName": name, "state": "success", "result": result}
        text = yaml.dump(state, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
        path = self._folder / f"{_file_name(name)}.yml"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)

    def _read(self) -> dict[str, Ended]:
        assert self._folder is not None
        out: dict[str, Ended] = {}
        for path in sorted(self._folder.glob("*.yml")):
            try:
                data = yaml.safe_load(path.read_text(encoding="utf-8"))
                if data["state"] == "success":
                    out[data["fullName"]] = _ended(data["result"])
            except (OSError, yaml.YAMLError, KeyError, TypeError) as broken:
                LOG.warning("a saved state cannot be read and is ignored",
                            extra={"action": "state_ignored", "path": str(path), "reason": type(broken).__name__})
        return out


def _ended(result: Mapping[str, Any]) -> Ended:
    resets, params = result.get("resetStoreParams") or [], result.get("storeParams") or {}
    return Ended(kind=OK, subtasks=result.get("subtaskConfig") or {}, export=result.get("exportParams") or {},
                 store=Store(resets=tuple(resets), params=params) if resets or params else None)


def _file_name(name: str) -> str:
    """The full name, cut where a file name could not hold it (L-50)."""
    data = name.encode()
    if len(data) <= NAME_BYTES_MAX:
        return name
    return data[:NAME_BYTES_MAX].decode(errors="ignore") + "~" + hashlib.sha256(data).hexdigest()[:8]
