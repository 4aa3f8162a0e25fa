"""Promises that every single write must keep (design.md section 7), judged as it happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from skydag.app.stream import SET_ASIDE_AFTER
from skydag.engine import bits, paths
from skydag.engine.pages import SLOT_SLA_ALERT
from skydag.engine.steps import STEPS, TOGETHER, ends
from skydag.model.task import State
from skydag.store.aside import PK


class Promises:
    """`wrong`: what was broken. `was_set_aside`: the attempt is not the stream's any more. `sla`: when its tasks came,
    as reference.Happened tells it."""

    def __init__(self, sla_at: datetime | None = None, *, limits: Mapping[str, int] | None = None) -> None:
        self.limits, self.running = limits or {}, dict[str, str]()      # of runs at once by kind; path -> kind
        self.wrong: list[str] = []
        self.was_set_aside = False
        self.begun_late: list[str] = []                 # children that a group to be killed began all the same
        self.sla_at = sla_at
        self.sla: tuple[int, str] | None = None
        self.claims: dict[tuple[str, int], str] = {}
        self.owned: set[tuple[str, str]] = set()        # (sort key, token): tasks that an invocation kept for itself

    def __call__(self, old: Mapping[str, Any] | None, new: Mapping[str, Any], now: datetime,
                 reported: tuple[str, int] | None = None) -> None:
        """One write: the item before and after. reported: (path, run) of the report that brought the writer here."""
        self.was_set_aside |= new["pk"] == PK and new["failures"] >= SET_ASIDE_AFTER
        kind = new.get("k")
        if kind == "l":
            self._in_flight(new)
            if reported is not None and old is not None and old["st"] == "r" != new["st"] \
                    and new["sk"] == f"t{reported[0]}~l" and new["run"] != reported[1]:
                self.wrong.append(f"G-3: a report of run {reported[1]} of {new['sk']} ended run {new['run']}")
            if new["st"] == "r":
                claimed = self.claims.setdefault((new["sk"], new["run"]), new["tok"])
                if claimed != new["tok"]:
                    self.wrong.append(f"G-3: run {new['run']} of {new['sk']} is claimed by {claimed} and {new['tok']}")
            if new["st"] in "sec" and old is not None and old["st"] in "sec" and old["run"] == new["run"] \
                    and old["st"] != new["st"]:
                self.wrong.append(f"G-3: run {new['run']} of {new['sk']} has two results: {old['st']}, {new['st']}")
        if kind == "g" and "ow" in new:
            ordinal, _, token = new["ow"].partition(":")
            self.owned.add((f"t{paths.child(new['sk'][1:], new['gen'], int(ordinal))}~l", token))
        if kind in ("g", "l"):
            is_owned = kind == "l" and (new["sk"], new["tok"]) in self.owned
            unborn = State.BLOCKED if kind == "g" or _is_taken_over(new) else \
                State.RUNNING if is_owned else State.READY
            step = (unborn if old is None else _state(old), _state(new))
            is_fresh = kind == "g" and old is not None and old["gen"] != new["gen"]
            if step[0] is not step[1] and not is_fresh and step not in (_GROUP if kind == "g" else _LEAF):
                self.wrong.append(f"G-4: {new['sk']} goes from {step[0]} to {step[1]}")
            self._time(old, new, now)
        if kind == "g" and new["sk"] == "t" and _has_sla(new) and not _has_sla(old or {}):
            self._sla_came(new, now)
        if kind == "l" and old is not None and old.get("xc") and new["st"] not in "rc":
            self.wrong.append(f"E-71: {new['sk']} was to be killed and goes to {step[1]}")
        if kind == "g" and old is not None and old.get("xc") and old["gen"] == new["gen"]:
            for ordinal in bits.each(_set(new, "su") & ~_set(old, "su") & ~_set(new, "ca")):
                self.begun_late.append(paths.child(new["sk"][1:], new["gen"], ordinal))

    def _sla_came(self, root: Mapping[str, Any], now: datetime) -> None:
        phase = "waiting" if root["st"] == "w" else "ending" if "dl" in root else "running"
        if self.sla is not None:
            self.wrong.append("S-96: the SLA's tasks come a second time")
        if self.sla_at is None or now < self.sla_at:
            self.wrong.append("S-94: the SLA's tasks come before its time")
        if root.get("xc"):
            self.wrong.append("K-16: the SLA's tasks come to an attempt that is being killed")
        self.sla = (root.get("rc", 0), phase)

    def _in_flight(self, leaf: Mapping[str, Any]) -> None:
        """G-7: no more run than may, at any moment."""
        self.running.pop(leaf["sk"], None)
        if not self.limits or leaf["st"] != "r":
            return
        kind = self.running[leaf["sk"]] = leaf.get("fl", "").partition("-")[0]
        count = sum(one == kind for one in self.running.values())
        if count > self.limits.get(kind, 0):
            self.wrong.append(f"G-7: {count} runs are in flight as {kind or 'nothing'}, {self.limits.get(kind, 0)} may")

    def _time(self, old: Mapping[str, Any] | None, new: Mapping[str, Any], now: datetime) -> None:
        """A timer is a hint: nothing that waits goes on before its time, but for a kill (A-116)."""
        goes_on = new["gen"] != old["gen"] if old is not None and new["k"] == "g" else new["st"] == "r"
        if old is not None and old["st"] in "wy" and "ra" in old and goes_on and old["ra"] > now.timestamp():
            self.wrong.append(f"A-116: {new['sk']} goes on before its time")

    def by_kill(self, items: Iterable[Mapping[str, Any]]) -> list[str]:
        """Leaves that a flagged group began (T2, E-73): groups it may, to have them canceled. What was taken over from
        an old attempt had succeeded before the kill."""
        there = {item["sk"] for item in items if item.get("k") == "l" and not _is_taken_over(item)}
        return [f"E-73: {path} was begun, though its group was to be killed" for path in self.begun_late
                if f"t{path}~l" in there]


def _is_taken_over(leaf: Mapping[str, Any]) -> bool:
    return bool(leaf["run"] == 1 and not leaf["tok"])


def _has_sla(root: Mapping[str, Any]) -> bool:
    return any(int(part.partition(":")[0]) >= SLOT_SLA_ALERT for part in root.get("sl", "").split(".") if part)


def _pairs(*kinds: str) -> set[tuple[State, State]]:
    return {(s.before, s.after) for s in STEPS if s.of in kinds} | {ends(t) for t in TOGETHER if t.of in kinds}


_GROUP: Final = _pairs("group", "generator") | {
    (before, after) for before, after in _pairs("group") if before is State.BLOCKED} | {
    (State.BLOCKED, after) for before, after in _pairs("group", "generator") if before is State.PLANNED}
_LEAF: Final = _pairs("leaf", "generator") | {(State.PLANNED, State.READY)}
_STATES: Final = {"p": State.PLANNED, "w": State.GROUP_RETRY_WAITING, "g": State.GROUP_ERROR, "s": State.SUCCESS,
                  "e": State.ERROR, "c": State.CANCELED, "r": State.RUNNING, "y": State.RETRY_WAITING, "d": State.READY}


def _state(item: Mapping[str, Any]) -> State:
    if item["k"] == "l" and item["st"] in "se" and item.get("gn"):
        return State.PLANNED
    return _STATES[item["st"]]


def _set(item: Mapping[str, Any], name: str) -> int:
    return bits.from_text(item.get(name, ""))
