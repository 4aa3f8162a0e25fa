"""States of tasks that succeeded, so that the next run of the same session goes on where this one stopped (C-25, C-26).

One YAML file a task, whose values are JSON, one a line. It is written whole or not at all: beside its place, then
renamed. What a task of a second or more has left is flushed to the disk, too; a power failure may cost the others their
files, never their sense: what was cut off is recognised, and the task runs again. Saved states are read once, at the
start (K-11).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

from skydag.model.outcome import OK, Ended
from skydag.model.params import Store
from skydag.model.patterns import pattern

NAME_BYTES_MAX: Final = 200
WHOLE_IN_NAME: Final = NAME_BYTES_MAX // 4 - 1      # characters of a full name that no file name cuts
PART: Final = ".part"
_NEVER_SAVED: Final = ("^error", "^failure-alert", "^sla")         # K-3
_HEADS: Final = ("fullName: ", "state: ", "result:", "  subtaskConfig: ", "  exportParams: ", "  resetStoreParams: ",
                 "  storeParams: ", "  report: ")
_ENCODED: Final = json.JSONEncoder(ensure_ascii=False).encode
_NOT_YAML: Final = pattern("[\x7f-\x9f\ud800-\udfff\ufffe\uffff\u2028\u2029\ufeff]")


class SavedStates:
    """folder: of this session; None: nothing is read or written. Threads may tell it of tasks; one writes."""

    def __init__(self, folder: Path | None, workflow: str, *, is_read: bool) -> None:
        self._folder, self._workflow = folder, workflow
        self.broken: list[tuple[str, str]] = []                     # files that make no sense, and why
        self.trouble: OSError | None = None                         # why the last files could not be written
        self._known = dict(self._read()) if folder is not None and is_read else {}
        self._generating: dict[str, Ended] = {}
        self._pending: dict[str, tuple[Ended, bool] | None] = {}    # None: its file goes
        self._taken: set[str] = set()
        self._unsaved_above: set[str] = set()
        self._lock = Lock()

    @property
    def count(self) -> int:
        """Tasks whose states are not written yet."""
        with self._lock:
            return len(self._pending)

    def take(self, full_name: str) -> Ended | None:
        """The saved result of the task; it stays as it is saved."""
        found = self._known.get(full_name)
        if found is not None:
            self._taken.add(full_name)
        return found

    def passed_over(self, full_name: str) -> None:
        """The task was left out on purpose: neither it nor a group it lies in counts as done."""
        with self._lock:
            self._unsaved_above.add(full_name)
            while full_name := parent(full_name):
                if full_name in self._unsaved_above:
                    break
                self._unsaved_above.add(full_name)

    def ended(self, full_name: str, ended: Ended, *, goes_on: bool, is_slow: bool) -> None:
        """How a leaf's run ended. goes_on: tasks of its own follow, it is done when its group is. is_slow: it took so
        long that losing its state would hurt."""
        if self._folder is None or full_name in self._taken or full_name in self._unsaved_above:
            return
        with self._lock:
            if ended.kind == OK and goes_on:
                self._generating[full_name] = ended
            elif ended.kind == OK:
                self._keep(full_name, ended, is_slow)
            else:
                self._pending[full_name] = None

    def group_ended(self, full_name: str, *, is_success: bool) -> None:
        with self._lock:
            ended = self._generating.pop(full_name, Ended(kind=OK))
            if is_success and self._folder is not None and full_name not in self._taken | self._unsaved_above:
                self._keep(full_name, ended, is_slow=False)

    def _keep(self, full_name: str, ended: Ended, is_slow: bool) -> None:
        if not any(mark in full_name for mark in _NEVER_SAVED):
            self._pending[full_name] = ended, is_slow

    # --- files -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Writes what is known and not yet written. What cannot be written stays to be; `trouble` says why."""
        if self._folder is None or not self._pending:
            return
        with self._lock:
            todo, self._pending = self._pending, {}
        done: set[str] = set()
        folder = str(self._folder)
        try:
            for name, state in todo.items():
                path = f"{folder}/{file_name(name)}"
                if state is None:
                    Path(path).unlink(missing_ok=True)
                else:
                    self._put(path, text_of(name, state[0]).encode(), is_flushed=state[1])
                done.add(name)
            if any(state is not None and state[1] for state in todo.values()):
                _flush_folder(folder)
            self.trouble = None
        except OSError as trouble:
            self.trouble = trouble
        finally:
            if len(done) < len(todo):
                with self._lock:
                    rest = {name: state for name, state in todo.items() if name not in done}
                    self._pending = {**rest, **self._pending}

    def _put(self, path: str, data: bytes, *, is_flushed: bool) -> None:
        try:
            _write(path, data, is_flushed=is_flushed)
        except FileNotFoundError:                       # a task has removed the folder (`git clean`, `rm -rf .digdag`)
            self._path.mkdir(parents=True, exist_ok=True)
            _write(path, data, is_flushed=is_flushed)

    def clean(self) -> None:
        """Removes what an earlier run left half written."""
        for name in self._names(PART):
            (self._path / name).unlink(missing_ok=True)

    def _read(self) -> Iterator[tuple[str, Ended]]:
        for name in self._names(".yml"):
            try:
                with open(f"{self._path}/{name}", encoding="utf-8") as file:        # noqa: PTH123  ten times a Path's
                    text = file.read()
                found = parsed(text)
                if found is not None and is_of(self._workflow, found[0]):
                    yield found
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
                self.broken.append((name, str(broken) or type(broken).__name__))

    def _names(self, suffix: str) -> Iterable[str]:
        """This workflow's files in the folder."""
        head = f"+{self._workflow}"
        heads = tuple(head + sign for sign in "+^.") if len(head) < WHOLE_IN_NAME else (head[:WHOLE_IN_NAME],)
        return sorted(name for name in names_in(self._path) if name.endswith(suffix) and name.startswith(heads))

    @property
    def _path(self) -> Path:
        assert self._folder is not None
        return self._folder


def names_in(folder: Path) -> list[str]:
    """Of files and folders, in no order; none where there is no such folder."""
    try:
        return os.listdir(folder)                       # noqa: PTH208  there may be ten thousand
    except FileNotFoundError:
        return []


def is_of(workflow: str, full_name: str) -> bool:
    """Whether a task is one of this workflow's."""
    root = f"+{workflow}"
    return full_name == root or full_name.startswith((root + "+", root + "^"))


def parent(full_name: str) -> str:
    """+w+load^sub+x -> +w+load^sub -> +w+load -> +w -> "" """
    return full_name[:max(full_name.rfind("+"), full_name.rfind("^"), 0)]


def text_of(full_name: str, ended: Ended) -> str:
    is_bare = not (ended.subtasks or ended.export or ended.store)
    text = f"{_HEADS[0]}{_ENCODED(full_name)}\n" + (_bare() if is_bare else _behind_the_name(ended))
    return text if text.isascii() and "\x7f" not in text else \
        _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _behind_the_name(ended: Ended) -> str:
    store = ended.store
    values: tuple[Any, ...] = (
        "success", None, dict(ended.subtasks), dict(ended.export), list(store.resets) if store else [],
        dict(store.params) if store else {}, {"inputs": [], "outputs": []})
    lines = [head if head == "result:" else head + _ENCODED(value)
             for head, value in zip(_HEADS[1:], values, strict=True)]
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=1)
def _bare() -> str:
    """What most tasks leave: nothing."""
    return _behind_the_name(Ended(kind=OK))


def parsed(text: str) -> tuple[str, Ended] | None:
    """Name and result of a state file, ours or Digdag's; None: it tells of no success. ValueError, KeyError, TypeError,
    AttributeError: it makes no sense."""
    lines = text.split("\n")
    if len(lines) == len(_HEADS) + 1 and all(map(str.startswith, lines, _HEADS)):
        values: list[Any] = [None if head == "result:" else json.loads(line[len(head):])
                  for head, line in zip(_HEADS, lines, strict=False)]
        data: Any = {"fullName": values[0], "state": values[1], "result": {
            "subtaskConfig": values[3], "exportParams": values[4], "resetStoreParams": values[5],
            "storeParams": values[6], "report": values[7]}}
    else:
        data = _yaml(text)
        if not text.endswith("\n") and "report" not in data["result"]:
            raise ValueError("it was cut off")
    if data["state"] != "success":
        return None
    result = data["result"]
    resets, params = result.get("resetStoreParams") or [], result.get("storeParams") or {}
    if not isinstance(data["fullName"], str) or not isinstance(params, Mapping) or not isinstance(resets, list):
        raise ValueError("its values are of the wrong kind")
    return data["fullName"], Ended(
        kind=OK, subtasks=dict(result.get("subtaskConfig") or {}), export=dict(result.get("exportParams") or {}),
        store=Store(resets=tuple(resets), params=params) if resets or params else None)


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as broken:
        raise ValueError(" ".join(str(broken).split())) from None


def _write(path: str, data: bytes, *, is_flushed: bool) -> None:
    """Whole, or not at all."""
    part = path.removesuffix(".yml") + PART
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        try:
            while data:
                data = data[os.write(handle, data):]
            if is_flushed:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(part, path)                          # noqa: PTH105  paths are texts here
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _flush_folder(folder: str) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_name(name: str, suffix: str = ".yml") -> str:
    """The full name, cut where a file name could not hold it (L-50)."""
    data = name.encode(errors="replace")
    if len(data) > NAME_BYTES_MAX:
        import hashlib  # few names are so long

        name = data[:NAME_BYTES_MAX].decode(errors="ignore") + "~" + hashlib.sha256(data).hexdigest()[:8]
    return name.replace("/", "%2F") + suffix
