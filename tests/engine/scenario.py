"""A group's life as a table: what happens, the group's state then, and what starts. Columns stand two blanks apart.

    begin            planned       starts +a
    +a success       planned       starts +b
    +b failed        group_error

What can happen: `begin`; `<child> success | failed | canceled`, `<child> stores` (success, with stores); several with
commas (one batch); `old <child> ...` (a report of the generation before); `kill`; `wait <seconds>`; `sla` (it passes).
A line may end with `again`: some report was already counted, so that everything unconfirmed is done again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import yaml

from skydag.engine import bits
from skydag.engine.group import End, Group, Report
from skydag.engine.pages import Page, build
from skydag.engine.settle import Numbers, Settled, settle, sla_size, with_sla
from skydag.language.bodies import compile_tasks

NOW = datetime(2025, 1, 1, tzinfo=UTC)
SLA = {"alert": True, "fail": False, "body": {"+notice": {"echo>": "late"}}}


def page_of(text: str, *, is_root: bool = False) -> Page:
    """The page of the group +g (or of the root) whose body is this text of a .dig file."""
    body = yaml.safe_load(text) or {}
    tasks = compile_tasks("+w" if is_root else "+g", "" if is_root else "+w", body)
    return build(tasks, sla=SLA if is_root else None, is_attempt=is_root)[0]


def check(definition: str, script: str, *, is_root: bool = False, limit_reached: bool = False) -> Group:
    page = page_of(definition, is_root=is_root)
    life = Life(page, limit_reached)
    for number, line in enumerate(filter(str.strip, script.splitlines()), 1):
        what, *expected = re.split(r"\s{2,}", line.strip())
        found = life.happens(what)
        assert found == "  ".join(expected), f"line {number}, {what!r}: {found!r}, not {'  '.join(expected)!r}"
    return life.group


@dataclass
class Life:
    page: Page
    limit_reached: bool = False
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.group = Group(attempt_id=1, path="", generation=0, page="0", base=2, inherit="i:{}", created_at=NOW,
                           updated_at=NOW)

    def happens(self, what: str) -> str:
        before = self.group
        if what == "kill":
            settled = self._settled(replace(before, is_cancel_requested=True), [])
        elif what == "sla":
            settled = Settled(group=with_sla(self.page, before, Numbers(first=500)))
            assert sla_size(self.page) > 0
        else:
            if what.startswith("wait"):
                self.now += timedelta(seconds=int(what.split()[1]))
            reports = [] if what == "begin" or what.startswith("wait") else [self._report(p) for p in what.split(",")]
            settled = self._settled(before, reports)
        self.group = settled.group
        is_new_try = self.group.generation != before.generation
        started = self.group.started & ~(0 if is_new_try else before.started) & ~self.group.done
        words = [str(self.group.state)]
        if started:
            words.append(" ".join(["starts", *(self.page.child(c).name for c in bits.each(started))]))
        if settled.is_stale:
            words.append("again")
        return "  ".join(words)

    def _settled(self, group: Group, reports: list[Report]) -> Settled:
        settled = settle(self.page, group, reports, self.now)
        if not settled.wants:
            return settled
        return settle(self.page, group, reports, self.now,
                      Numbers(first=100, error_refused=bool(settled.limited) and self.limit_reached))

    def _report(self, text: str) -> Report:
        *old, name, end = text.split()
        ordinals = {child.name: n for n, child in enumerate(self.page.children)}
        ordinals |= {child.name: self.page.count + slot for slot, child in self.page.slots.items()}
        return Report(generation=self.group.generation - len(old), ordinal=ordinals[name], has_stores=end == "stores",
                      end=End.SUCCESS if end == "stores" else End(end))
