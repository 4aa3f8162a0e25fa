"""A job: one run of one leaf, as it travels to whoever runs it. JSON, below a megabyte (A-2).

    attempt     the attempt (store/attempts.to_json)
    path, ordinal, page, wide       where it stands: its path, and its group's page
    number, run, lost               its number, the run to claim, how many runs before it were lost in a row
    name, config, export            its definition, not evaluated
    inherit, stores                 what it inherits: a pointer, then its upstream siblings' stores
    state                           what Again carried
    carry                           earlier tries of what it generates
    started                     when its first run began; absent before
    cleanup     it was canceled: its operator may stop what it started, nothing is claimed; else absent
    seat        what it has where tasks in flight are limited (app/flights.py); else absent
    group       its group's item as the sender wrote it, for direct continuation; absent where that is off
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from skydag.engine.group import Group
from skydag.model.params import Store
from skydag.model.records import dataclass, field
from skydag.model.session import Attempt
from skydag.store import task_items
from skydag.store.attempts import from_json, to_json
from skydag.store.task_items import stores_from
from skydag.store.times import to_text, to_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    attempt: Attempt
    path: str
    ordinal: int
    page: str
    is_parent_wide: bool
    number: int
    run: int
    name: str
    config: Mapping[str, Any]
    export: Mapping[str, Any]
    inherit: str
    stores: Sequence[Store] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    lost: int = 0
    carry: int = 0
    started_at: datetime | None = None
    seat: str = ""
    group: Group | None = None
    is_cleanup: bool = False

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "attempt": to_json(self.attempt), "path": self.path, "ordinal": self.ordinal, "page": self.page,
            "wide": self.is_parent_wide, "number": self.number, "run": self.run, "name": self.name,
            "config": self.config, "export": self.export, "inherit": self.inherit, "lost": self.lost,
            "carry": self.carry,
            "stores": [s.to_json() for s in self.stores], "state": self.state,
        }
        if self.started_at is not None:
            out["started"] = to_text(self.started_at)
        if self.seat:
            out["seat"] = self.seat
        if self.is_cleanup:
            out["cleanup"] = True
        if self.group is not None:
            out["group"] = task_items.group_item(self.group, task_items.NOTHING)
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            attempt=from_json(data["attempt"]), path=data["path"], ordinal=data["ordinal"], page=data["page"],
            is_parent_wide=data["wide"], number=data["number"], run=data["run"], name=data["name"],
            config=data["config"], export=data["export"], inherit=data["inherit"], lost=data["lost"],
            carry=data["carry"], stores=stores_from(data["stores"]), state=data["state"],
            started_at=to_time(data["started"]) if "started" in data else None, seat=data.get("seat", ""),
            group=task_items.group_from(data["group"]) if "group" in data else None,
            is_cleanup=data.get("cleanup", False),
        )
