"""Digdag's rules over plain rows, one after another (engine.md E-32): what a run without a kill must come to.

Written from the specification alone, by other means than the engine: rows that know their parents, a loop over all of
them until nothing changes, parameters by walking the tree for each task (L-73). It shares no code with engine/ or
language/; slow, and plain enough to be believed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation.generate import Workload, size

DONE: Final = ("success", "error", "group_error", "canceled")
PROGRESSIBLE: Final = ("ready", "retry_waiting", "group_retry_waiting", "running", "planned")
Seen = dict[tuple[str, int, int, int], str]         # (full name, try, retries, polls) -> parameters as JSON


@dataclass(eq=False, kw_only=True)
class Row:
    name: str
    parent: Row | None
    body: Mapping[str, Any]
    is_group: bool
    export: Mapping[str, Any]
    upstreams: list[Row] = field(default_factory=list)
    state: str = "blocked"
    retry_at: float = 0
    retry_count: int = 0                            # of state_params (E-59)
    polls: int = 0
    store: Mapping[str, Any] = field(default_factory=dict)
    reset: Sequence[str] = ()
    export_params: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)
    is_delayed_error: bool = False
    is_delayed_group_error: bool = False
    children: list[Row] = field(default_factory=list)

    def below(self) -> Iterator[Row]:
        for child in self.children:
            yield child
            yield from child.below()


@dataclass(frozen=True, kw_only=True)
class Happened:
    """What a run leaves to chance, as it happened there.

    sla: when the SLA passed, as (retries of the root by then, "running" | "waiting" | "ending"); None: never.
    refused: which (^sub or ^error, full name of the task, its turn) the task limit refused; None: by counting rows.
    """

    sla: tuple[int, str] | None = None
    refused: frozenset[tuple[str, str, int]] | None = None


class Reference:
    """`rows` at the end, what each run saw, and whether the attempt succeeded."""

    def __init__(self, work: Workload, happened: Happened | None = None) -> None:
        self.work, self.now, self.seen = work, 0.0, Seen()
        self.happened = happened or Happened()
        self.refusals: list[tuple[str, str, int]] = []              # what, whose, how many rows
        self.rows: list[Row] = []
        self.ran: dict[str, list[Row]] = {}
        self.root = self._insert("+w", None, work.definition, [])
        self.root.state = "planned"
        while self.root.state not in DONE:
            self._sla()
            if not self._pass():
                waits = [r.retry_at for r in self.rows if r.state.endswith("retry_waiting")]
                assert waits, "nothing can go on, and nothing waits"
                self.now = max(self.now, min(waits))

    def _sla(self) -> None:
        """E-128, S-94: below the root, beside whatever runs, once."""
        if self.happened.sla is None or any(row.name.endswith("^sla") for row in self.root.children):
            return
        is_ending = self.root.is_delayed_group_error
        phase = "waiting" if self.root.state == "group_retry_waiting" else "ending" if is_ending else "running"
        if self.happened.sla != (self.root.retry_count, phase):
            return
        sla = self.work.definition["sla"]
        if sla.get("alert", True):
            self._insert("^sla^alert", self.root, {"notify>": ""}, [])
        if sla.get("fail"):
            self._insert("^sla^fail", self.root, {"fail>": "SLA violation"}, [])
        body = {key: value for key, value in sla.items() if key not in ("time", "duration", "alert", "fail")}
        self._insert("^sla", self.root, body, [])

    # --- the step of E-32 ---

    def _pass(self) -> bool:
        changed, count = False, len(self.rows)
        for row in list(self.rows):
            before = row.state
            if row.state == "blocked" and self._is_startable(row):
                row.state = "planned" if row.is_group else "ready"
            elif row.state.endswith("retry_waiting") and row.retry_at <= self.now:
                row.state = "ready"
            if row.state == "ready":
                if row.is_group:
                    row.state = "planned"
                    self._insert_children(row)
                else:
                    self._run(row)
            if row.state == "planned" and not any(map(self._can_go_on, row.children)):
                self._end(row)
            changed = changed or row.state != before or (row.state == "retry_waiting" and row.retry_at <= self.now)
        return changed or len(self.rows) > count

    def _is_startable(self, row: Row) -> bool:
        return row.parent is not None and row.parent.state in ("planned", "success") \
            and all(up.state == "success" for up in row.upstreams)

    def _can_go_on(self, row: Row) -> bool:
        return row.state in PROGRESSIBLE or (row.state == "blocked" and self._is_startable(row))

    def _end(self, row: Row) -> None:
        newest = {child.name: child for child in row.children}
        if row.is_delayed_error:
            row.state = "error"
        elif row.is_delayed_group_error:
            row.state = "group_error"
        elif not any(child.state in ("error", "group_error") for child in newest.values()):
            row.state = "success"
        elif (wait := self._retry_wait(row)) is not None:
            row.state, row.retry_at = "group_retry_waiting", self.now + wait
            row.retry_count += 1
        else:
            added = False
            if row.parent is None:
                self._insert("^failure-alert", row, {"notify>": ""}, [])
                added = True
            if row.body.get("_error") and self._fits("^error", row, row.body["_error"]):
                self._insert("^error", row, row.body["_error"], [], self._for_error_tasks(row))
                added = True
            if added:
                row.is_delayed_group_error = True
            else:
                row.state = "group_error"

    def _retry_wait(self, row: Row) -> float | None:
        """L-110, E-50."""
        retry = row.body.get("_retry", 0)
        plain: Mapping[str, Any] = retry if isinstance(retry, Mapping) else {"limit": retry}
        if plain["limit"] <= row.retry_count:
            return None
        interval: float = plain.get("interval", 0)
        if plain.get("interval_type") == "exponential":
            interval = min(interval * 2 ** row.retry_count, plain.get("max_interval", 10**9))
        return interval

    def _for_error_tasks(self, row: Row) -> dict[str, Any]:
        """E-61: the stores of all descendants over the user's own entries, and their errors merged."""
        export = dict(row.body["_error"].get("_export", {}))
        error: dict[str, Any] = {}
        for one in row.below():
            export = _stored(export, one)
            error = _merged(error, one.error)
        return _merged(export, {"error": error})

    # --- one run of a leaf ---

    def _run(self, row: Row) -> None:
        body = row.body
        operator = next((key[:-1] for key in body if key.endswith(">")), None)
        if operator in ("do", "do_once"):
            self._do(row, operator)
        elif operator == "if":
            self._succeed(row, body.get("_do", {}) if body["if>"] else body.get("_else_do", {}))
        elif operator == "loop":
            self._succeed(row, _copies(body, [(f"+loop-{i}", {"i": i}) for i in range(body["loop>"])]))
        elif operator == "for_each":
            self._succeed(row, _copies(body, [
                (f"+for-0=x={i}={value}", {"x": value}) for i, value in enumerate(body["for_each>"]["x"])]))
        elif operator == "call":
            self._succeed(row, self.work.files[body["call>"]])
        elif operator == "for_range":
            self._succeed(row, _copies(body, _pieces(body["for_range>"])))
        elif operator == "fail":
            self._fail(row, {"message": body["fail>"]})
        else:
            self._succeed(row, {})

    def _do(self, row: Row, operator: str) -> None:
        behaviour = self.work.behaviours[row.body[f"{operator}>"]]
        tries = self.ran.setdefault(row.name, [])
        if row not in tries:
            tries.append(row)
        turn = tries.index(row)
        self.seen[row.name, turn, row.retry_count, row.polls] = shown(self._params(row))
        if row.polls < behaviour.polls:
            row.polls += 1
            row.state, row.retry_at = "retry_waiting", self.now + behaviour.wait_s
        elif turn + row.retry_count < behaviour.fails:
            wait = self._retry_wait(row) if operator == "do" or behaviour.dies else None
            if wait is not None:
                row.state, row.retry_at = "retry_waiting", self.now + wait
                row.retry_count += 1
            else:
                self._fail(row, {"message": f"{row.name} {turn} {row.retry_count}"})
        else:
            self._succeed(row, behaviour.subtasks, behaviour.store, behaviour.reset, behaviour.export)

    def _succeed(self, row: Row, subtasks: Mapping[str, Any], store: Mapping[str, Any] | None = None,
                 reset: Sequence[str] = (), export: Mapping[str, Any] | None = None) -> None:
        wanted = [body for body in (subtasks, row.body.get("_check")) if body]
        if wanted and not self._fits("^sub", row, *wanted):
            self._fail(row, {"message": "Too many tasks"})      # T9, E-41: nothing of the result is kept
            return
        row.store, row.reset, row.export_params, row.error = store or {}, reset, export or {}, {}
        above: list[Row] = []
        if subtasks:
            above = [self._insert("^sub", row, subtasks, [])]
        if row.body.get("_check"):
            above = [self._insert("^check", row, row.body["_check"], above)]
        row.state = "planned" if above else "success"

    def _fail(self, row: Row, error: Mapping[str, Any]) -> None:
        row.error, row.store, row.reset, row.export_params = error, {}, (), {}
        row.state = "error"
        if row.body.get("_error") and self._fits("^error", row, row.body["_error"]):
            export = {**row.body["_error"].get("_export", {}), "error": error}
            self._insert("^error", row, row.body["_error"], [], export)
            row.state, row.is_delayed_error = "planned", True

    def _fits(self, what: str, row: Row, *bodies: Mapping[str, Any]) -> bool:
        """E-121: all rows of the attempt and those to add."""
        if self.work.task_limit is None:
            return True
        wanted = sum(map(size, bodies))
        if self.happened.refused is None:
            fits = len(self.rows) + wanted <= self.work.task_limit
        else:
            turn = [one for one in self.rows if one.name == row.name].index(row)
            fits = (what, row.name, turn) not in self.happened.refused
        if not fits:
            self.refusals.append((what, row.name, wanted))
        return fits

    # --- rows from bodies (language.md sections 4 and 7) ---

    def _insert(self, name: str, parent: Row | None, body: Mapping[str, Any], upstreams: Sequence[Row],
                export: Mapping[str, Any] | None = None) -> Row:
        if body.get("_disable"):
            body = {}
        row = Row(name=(parent.name if parent else "") + name, parent=parent, body=body,
                  is_group=not any(key.endswith(">") for key in body), upstreams=list(upstreams),
                  export=body.get("_export", {}) if export is None else export)
        self.rows.append(row)
        if parent is not None:
            parent.children.append(row)
        if row.is_group:
            self._insert_children(row)
        return row

    def _insert_children(self, group: Row) -> None:
        how = group.body.get("_parallel", False)
        bodies = [(key, body) for key, body in group.body.items() if key.startswith("+")]
        placed: dict[str, Row] = {}
        limit = how["limit"] if isinstance(how, Mapping) else 0
        last: list[Row] = []                        # what the next child of a sequence waits for
        background: list[Row] = []
        for number, (key, body) in enumerate(bodies):
            is_plain = bool(body.get("_disable"))
            if not how:
                is_background = body.get("_background", False) and not is_plain
                row = self._insert(key, group, body, [] if is_background else [*last, *background])
                if is_background:
                    background.append(row)
                else:
                    last, background = [row], []
            else:
                start = number // limit * limit if limit else 0
                before = list(placed.values())[max(0, start - limit):start] if limit else []
                after = [] if is_plain else [placed[name] for name in body.get("_after", ())]
                row = self._insert(key, group, body, [*before, *(one for one in after if one not in before)])
            placed[key] = row

    # --- parameters (L-73) ---

    def _params(self, row: Row) -> dict[str, Any]:
        path = [row]
        while path[0].parent is not None:
            path.insert(0, path[0].parent)
        params = dict(self.work.params)
        for node in path:
            for upstream in self._upstreams(node):
                for one in (upstream, *upstream.below()):
                    params = _stored(params, one)
            if node is not row:
                params = _stored(_merged(params, _merged(node.export, node.export_params)), node)
        return _merged(params, row.export)

    def _upstreams(self, row: Row) -> list[Row]:
        """Direct and indirect ones, in order of insertion."""
        found: set[Row] = set()
        queue = list(row.upstreams)
        while queue:
            one = queue.pop()
            if one not in found:
                found.add(one)
                queue.extend(one.upstreams)
        return sorted(found, key=self.rows.index)

    # --- what is compared ---

    def outcome(self) -> dict[str, Any]:
        turns: dict[str, int] = {}
        rows = []
        for row in self.rows:
            turn = turns[row.name] = turns.get(row.name, -1) + 1
            rows.append((row.name, turn, row.state, sorted(up.name for up in row.upstreams), shown(row.store),
                         row.error.get("message", "")))
        is_success = self.root.state == "success"
        alerts = [] if is_success else [("+w^failure-alert", "Workflow session attempt failed")]
        late = [("+w^sla^alert", "SLA violation")] if any(row.name == "+w^sla^alert" for row in self.rows) else []
        return {"rows": sorted(rows), "status": "success" if is_success else "error", "alerts": alerts + late}


def _copies(body: Mapping[str, Any], each: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    do = body["_do"]
    how = {"_parallel": body["_parallel"]} if body.get("_parallel") else {}
    return {**how, **{name: {**do, "_export": {**do.get("_export", {}), **variables}} for name, variables in each}}


def _pieces(given: Mapping[str, int]) -> list[tuple[str, Mapping[str, Any]]]:
    """E-94."""
    start, end = given["from"], given["to"]
    step = given["step"] if "step" in given else max(1, (end - start + given["slices"] - 1) // given["slices"])
    pairs = [(at, min(at + step, end)) for at in range(start, end, step)]
    return [(f"+range-from={a}&to={b}", {"range": {"from": a, "to": b, "index": i}}) for i, (a, b) in enumerate(pairs)]


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """L-72."""
    out = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = _merged(out[key], value) if both else value
    return out


def _stored(params: Mapping[str, Any], row: Row) -> dict[str, Any]:
    out = dict(params)
    for dotted in row.reset:
        out = _without(out, dotted.split("."))
    return _merged(out, row.store)


def _without(params: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    out = dict(params)
    if len(path) == 1:
        out.pop(path[0], None)
    elif isinstance(out.get(path[0]), Mapping):
        out[path[0]] = _without(out[path[0]], path[1:])
    return out


def shown(value: Any) -> str:
    """As text; how many tasks were too many depends on who came first."""
    return re.sub(r"Too many tasks\.[^\"]*", "Too many tasks", json.dumps(value, sort_keys=True))
