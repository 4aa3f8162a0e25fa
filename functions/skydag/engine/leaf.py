"""A leaf task once somebody has claimed it. Before that there is no item: its group's sets say all there is to say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from skydag.engine.group import End
from skydag.model.params import Store
from skydag.model.records import dataclass, field
from skydag.model.task import State

_ENDS: Final = {State.SUCCESS: End.SUCCESS, State.ERROR: End.FAILED, State.CANCELED: End.CANCELED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """state: RUNNING, RETRY_WAITING (until retry_at), READY (to be run again at once), SUCCESS, ERROR, CANCELED.

    A leaf that generated tasks (generated > 0) is not finished: its own group, at the same path and with the run number
    as generation, goes on from here and reports in its place.
    """

    attempt_id: int
    path: str
    number: int                             # within the attempt
    run: int                                # 1, 2, ...: the fence (rule 1)
    token: str                              # of this claim; a report must carry it
    state: State
    started_at: datetime | None
    updated_at: datetime
    deadline: datetime | None = None        # a run that has not ended by then is lost
    retry_at: datetime | None = None
    state_params: Mapping[str, Any] = field(default_factory=dict)
    export: Mapping[str, Any] = field(default_factory=dict)
    store: Store | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    output: str = ""                        # what a small task printed, up to 512 bytes (design.md section 4, Logs)
    generated: int = 0                      # numbers taken for what it generated
    generated_first: int = 0
    is_cancel_requested: bool = False
    container: str | None = None            # of a run in a container: what StopTask wants
    seat: str = ""                          # of this run, where tasks in flight are limited (store/flights)
    carry: int = 0                          # as in a group: earlier runs left stores of generated tasks behind
    secrets: tuple[str, ...] = ()           # keys that the run, handed over, may ask for (app/grants.py)
    lost: int = 0                           # runs in a row that ended without a trace
    parent_page: str = ""                   # where its definition lies, for those who find it dead
    definition: Mapping[str, Any] = field(default_factory=dict)     # of a result taken over, where it was another:
                                            # {"config": ..., "export": ...} (E-113)

    @property
    def end(self) -> End | None:
        """What its group is told; None while it lasts, or while its own group lasts."""
        if self.generated and self.state in (State.SUCCESS, State.ERROR):
            return None
        return _ENDS.get(self.state)

    @property
    def retry_count(self) -> int:
        """E-59: one counter for `_retry` of the leaf itself and of what it generates."""
        value = self.state_params.get("retry_count", 0)
        return value if isinstance(value, int) else 0
