"""What a local run wants to know of its tasks: which are left out, which begin, how they ended."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from skydag.engine.selection import Selection
from skydag.local.outputs import Outputs
from skydag.local.saved import SavedStates
from skydag.local.tell import Teller
from skydag.model.outcome import AGAIN, FAILED, OK, Ended
from skydag.model.session import Attempt
from skydag.model.task import State

SLOW_S: Final = 1.0         # a task that took longer: its state is worth a flush of the disk


class RunObserver:
    """Tasks run in threads: what is kept here by name is touched by one of them at a time."""

    def __init__(
        self, tell: Teller, states: SavedStates, outputs: Outputs, selection: Selection, *, is_dry_run: bool,
        shows_params: bool,
    ) -> None:
        self._tell, self._states, self._outputs, self._selection = tell, states, outputs, selection
        self._is_dry_run, self._shows_params = is_dry_run, shows_params
        self._begun: dict[str, float] = {}
        self._again: set[str] = set()
        self._retries: dict[str, int] = {}
        self._skipped: set[str] = set()
        self._is_over = False
        self.commands: dict[str, str] = {}          # of each task that runs, or failed

    def interrupt(self) -> None:
        """What ends badly from now on was ended by us: that says nothing about it."""
        self._is_over = True

    def known(self, attempt: Attempt, name: str) -> Ended | None:
        if not is_asked_for(attempt):
            return None
        if not self._selection.runs(name):
            self._states.passed_over(name)
            return self._skip(name, Ended(kind=OK), is_saved=False)
        saved = self._states.take(name) if self._selection.reuses(name) else None
        return None if saved is None else self._skip(name, saved, is_saved=True)

    def _skip(self, name: str, ended: Ended, *, is_saved: bool) -> Ended:
        self._skipped.add(name)
        self._tell.skipped(name, is_saved=is_saved, subtasks=ended.subtasks)
        return ended

    def begins(self, name: str, operator: str, config: Mapping[str, Any]) -> bool:
        """True in a dry run: the task is not to run, and succeeds."""
        typed = config.get("_command")
        command = f"type: {operator}" if typed is None else f"{operator}>: {_shown(typed)}".rstrip()
        self.commands[name] = command
        self._begun.setdefault(name, time.monotonic())
        self._tell.begins(name, command, is_first=name not in self._again)
        if self._shows_params:
            self._tell.params(name, plain(config))
        return self._is_dry_run

    def ended(self, attempt: Attempt, name: str, ended: Ended, *, goes_on: bool) -> None:
        if name in self._skipped or (self._is_over and ended.kind != OK):
            return
        if ended.kind == AGAIN:
            self._again.add(name)
            count = int(ended.state.get("retry_count", 0))
            if count > self._retries.get(name, 0):
                self._retries[name] = count
                self._tell.retries(name, after_s=ended.after_s, count=count)
            return
        self._retries.pop(name, None)
        self._again.discard(name)
        took_s = time.monotonic() - self._begun.pop(name, time.monotonic())
        is_failure = ended.kind == FAILED
        if not is_failure:
            self.commands.pop(name, None)
        self._outputs.ended(name, is_failure=is_failure)
        if is_asked_for(attempt):
            self._states.ended(name, ended, goes_on=goes_on, is_slow=took_s >= SLOW_S)
        self._tell.ended(name, is_success=not is_failure, message=str(ended.error.get("message", "")),
                         subtasks=ended.subtasks)

    def output(self, name: str, text: str) -> None:
        self._outputs.write(name, text)
        self._tell.output(name, text)

    def group_ended(self, name: str, state: State) -> None:
        self._states.group_ended(name, is_success=state is State.SUCCESS)
        self._tell.group_ended(name, str(state))


def is_asked_for(attempt: Attempt) -> bool:
    """The attempt of this run is the first; those that `require>` starts are of other sessions, and have no saved
    states, though their tasks may have the same names."""
    return attempt.id == 1


def _shown(command: Any) -> str:
    """A text as it is, anything else as JSON."""
    if isinstance(command, str):
        return command
    return json.dumps(plain(command), ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """Mappings and lists of whatever kind as dict and list."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value
