"""Attempts that take over what an old one had finished: what they must come to, and trials of them in a storm.

`Resumed` is the reference interpreter with the rules of engine.md section 14, written over its rows and by other means
than engine/resume.py and engine/settle.py.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from tests.simulation.generate import Behaviour, Workload, workload
from tests.simulation.mishaps import Plan, plan
from tests.simulation.modes import MODES
from tests.simulation.reference import Happened, Reference, Row
from tests.simulation.storm import Storm
from tests.simulation.trial import Case, Old, run

from skydag.model.session import Resume

ROWS_MAX: Final = 120
NEW: Final = 900                        # number of the behaviour of tasks that only the new definition has
Taken = Mapping[str, Row]


class Resumed(Reference):
    """A new attempt; taken: the rows of the old one that stand for tasks of the same name."""

    def __init__(self, work: Workload, taken: Taken, happened: Happened) -> None:
        self._taken, self._is_try, self._again = taken, False, set[Row]()
        super().__init__(work, happened)

    def _insert(self, *args: Any, **more: Any) -> Row:
        row = super()._insert(*args, **more)
        if self._is_try:
            self._again.add(row)
        return row

    def _insert_children(self, group: Row) -> None:
        is_outer = group.state != "blocked" and not self._is_try        # it begins a further try: all of it runs (E-52)
        self._is_try = self._is_try or is_outer
        super()._insert_children(group)
        self._is_try = self._is_try and not is_outer

    def _run(self, row: Row) -> None:
        old = self._taken.get(row.name)
        if old is None or row in self._again or row.polls or row.retry_count:
            super()._run(row)
            return
        row.store, row.reset, row.export_params = old.store, old.reset, old.export_params
        generated = {} if old.is_group else {one.name[len(old.name):]: one for one in old.children}
        above: list[Row] = []
        for name in ("^sub", "^check"):
            if name in generated:
                above = [self._insert(name, row, generated[name].body, above)]
        row.state = "planned" if above else "success"


def counting(old: Reference) -> Iterator[Row]:
    """K-1, K-3."""
    newest = {row.name: row for row in old.rows}
    kept: set[Row | None] = {None}
    for row in old.rows:
        own = row.name[len(row.parent.name):] if row.parent else row.name
        if newest[row.name] is row and row.parent in kept and (own[0] == "+" or own in ("^sub", "^check")):
            kept.add(row)
            yield row


def failed(old: Reference) -> Taken:
    return {row.name: row for row in counting(old) if row.state == "success"}


def before(old: Reference, row: Row) -> Taken | None:
    """What stands before it (E-112); None where some of that did not succeed."""
    above: set[Row | None] = set()
    node: Row | None = row
    while node is not None:
        above |= set(old._upstreams(node))
        node = node.parent
    out = {}
    for one in counting(old):
        if one in above or one.parent in above:
            above.add(one)
            out[one.name] = one
    return out if all(one.state == "success" for one in out.values()) else None


# --- trials ----------------------------------------------------------------------------------------------------------

CALM: Final = Plan(seed=0, mishaps=(), mode=next(iter(MODES)), has_script=False, chunk=3)


@lru_cache(maxsize=2)
def _ended(text: str) -> tuple[Storm, Reference]:
    """The old attempt, to which nothing happened."""
    work = _WORKLOADS[text]
    wrong, storm = run(Case(work=work, plan=CALM))
    assert wrong is None, wrong
    return storm, Reference(work)


_WORKLOADS: dict[str, Workload] = {}                # by name: mappings within are no keys of a cache


def old(name: str, first: Workload, work: Workload, start_from: str | None = None) -> Old:
    """What `first` has left for `work`, in mode `failed`, or `from` the task of this full name. name: of `first`."""
    _WORKLOADS[name] = first
    storm, reference = _ended(name)
    taken = failed(reference)
    if start_from is not None:
        row = next(row for row in counting(reference) if row.name == start_from)
        taken = before(reference, row) or {}
    assert storm.attempt_id is not None
    return Old(items=list(storm.table.items()), objects={key: storm.objects.get(key) for key, _ in
                                                         storm.objects.list("")},
               resume=Resume(attempt_id=storm.attempt_id, start_from=start_from),
               reference=lambda happened: Resumed(work, taken, happened))


def case(seed: int) -> Case | None:
    """A workflow, what is changed in it, how it goes on, and what happens then. None: nothing to take over, or more
    than is simulated."""
    chance = random.Random(f"resume {seed}")
    first = workload(seed)
    first = replace(first, task_limit=None, definition={k: v for k, v in first.definition.items() if k != "sla"})
    reference = Reference(first)
    if not 3 <= len(reference.rows) <= ROWS_MAX:
        return None
    froms = [row.name for row in counting(reference) if before(reference, row)]
    is_failed = reference.root.state != "success" and (not froms or chance.random() < 0.6)
    if not is_failed and not froms:
        return None
    work = changed(first, chance)
    made = old(f"seed {seed}", first, work, None if is_failed else chance.choice(froms))
    rows = len(made.reference(Happened()).rows)
    return None if rows > ROWS_MAX else Case(work=work, plan=replace(plan(seed, rows), is_limited=False), old=made)


def broken(seed: int) -> str | None:
    """What is wrong with a seed."""
    try:
        made = case(seed)
        return None if made is None else run(made)[0]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def changed(work: Workload, chance: random.Random) -> Workload:
    """Tasks that run again store something else and often succeed now; perhaps there is a task more, or one less."""
    behaviours = {number: replace(
        one, fails=0 if chance.random() < 0.6 else one.fails, store={**one.store, "k1": "again"} if one.store else {})
        for number, one in work.behaviours.items()}
    definition = json.loads(json.dumps(work.definition))
    for group in list(_groups(definition)):
        if chance.random() < 0.15 and "_after" not in json.dumps(group):
            names = [name for name in group if name.startswith("+")]
            if chance.random() < 0.5 and len(names) > 1:
                del group[chance.choice(names)]
            else:
                body = {key: group.pop(key) for key in names}
                at = chance.randint(0, len(names))
                group.update(dict([*list(body.items())[:at], ("+new", {"do>": NEW}), *list(body.items())[at:]]))
    return replace(work, definition=definition, behaviours={**behaviours, NEW: Behaviour(store={"k2": "new"})})


def _groups(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Static groups, the outer first."""
    if not any(key.endswith(">") for key in body):
        yield body
    for key, value in body.items():
        if key.startswith("+") and isinstance(value, dict):
            yield from _groups(value)
