"""The aggregate: what one group knows of its children (design.md section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from skydag.engine.pages import SLOT_ALERT, SLOT_ERROR, SLOT_SLA, SLOT_SLA_ALERT, SLOT_SLA_FAIL, Page
from skydag.model.records import dataclass, field
from skydag.model.task import DONE, State


class End(StrEnum):
    """How a child ended, as its group counts it."""

    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A child says how it ended. Reports of another generation are ignored (rule 3)."""

    generation: int
    ordinal: int
    end: End
    has_stores: bool = False
    has_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The invocation that runs a started child itself, without a claim (engine/owner)."""

    ordinal: int
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sets are integers (engine/bits). `base` is the number of the first child; slots hold numbers of their own."""

    attempt_id: int
    path: str
    generation: int
    page: str                               # where its definition lies (store/pages)
    base: int
    inherit: str                            # the parameters its children start from: text, or where they lie
    state: State = State.PLANNED            # PLANNED, GROUP_RETRY_WAITING, or a final one
    version: int = 0
    started: int = 0
    unconfirmed: int = 0                    # started, but not yet known to have been handed over
    done: int = 0
    failed: int = 0                         # part of done
    canceled: int = 0                       # part of done
    stored: int = 0                         # part of done: left stores
    erred: int = 0                          # part of done: succeeded, but a task below failed in an earlier try
    owner: Owner | None = None              # who runs the newest child himself
    slots: Mapping[int, int] = field(default_factory=dict)      # slot -> its first number; 0: it ran in an earlier try
    is_cancel_requested: bool = False
    delayed: State | None = None            # ERROR or GROUP_ERROR: the end once ^error (and the alert) are done
    is_parent_wide: bool = False            # its end goes to the parent through the stream
    retry_count: int = 0
    retry_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    carry: int = 0                          # 1 + the last try whose stores and errors lie beside (E-54), 0: none
    due_at: datetime | None = None          # the coarse mark for watch

    @property
    def succeeded(self) -> int:
        return self.done & ~self.failed & ~self.canceled

    @property
    def in_progress(self) -> int:
        return self.started & ~self.done

    @property
    def is_done(self) -> bool:
        return self.state in DONE

    @property
    def end(self) -> End | None:
        """What the parent is told, None while it lasts."""
        if not self.is_done:
            return None
        return {State.SUCCESS: End.SUCCESS, State.CANCELED: End.CANCELED}.get(self.state, End.FAILED)


#: Slots that are counted when the end of a root is decided like any child (E-128); ^error and the alert are not.
SLA_SLOTS: Final = (SLOT_SLA_ALERT, SLOT_SLA_FAIL, SLOT_SLA)
ERROR_SLOTS: Final = (SLOT_ERROR, SLOT_ALERT)


def number_of(page: Page, group: Group, ordinal: int) -> int:
    """The number (within the attempt) of a child."""
    if ordinal >= page.count:
        return group.slots[ordinal - page.count]
    return group.base + page.children[ordinal].offset
