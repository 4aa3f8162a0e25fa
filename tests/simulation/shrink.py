"""The least that still fails: mishaps that are not needed are dropped, then parts of the workflow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.simulation.generate import Behaviour, Workload
from tests.simulation.mishaps import Mishap
from tests.simulation.trial import Case, Invalid, run

RUNS_MAX: Final = 600
BODIES: Final = ("_do", "_else_do", "_error", "_check", "sla")
NEAR: Final = 40                    # a smaller workflow makes fewer calls: the mishap is looked for at earlier ones


@dataclass(frozen=True, kw_only=True)
class Failure:
    seed: int
    why: str
    case: Case
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        work, plan = self.case.work, self.case.plan
        text = json.dumps([work.definition, work.files, [one.subtasks for one in work.behaviours.values()]])
        numbers = sorted({int(number) for number in re.findall(r'"do(?:_once)?>": (\d+)', text)})
        used = {number: work.behaviours[number] for number in numbers}
        lines = [f"seed {self.seed}, {plan.mode}: {self.why}", f"w.dig: {json.dumps(work.definition)}",
                 *(f"{name}.dig: {json.dumps(body)}" for name, body in work.files.items()),
                 *(f"do {number}: {_plain(behaviour)}" for number, behaviour in used.items()),
                 f"params: {json.dumps(work.params)}, task limit: {work.task_limit}",
                 "mishaps:", *(f"  {one}" for one in plan.mishaps)]
        if self.trace:
            lines += ["trace:", *(f"  {line}" for line in self.trace[-60:])]
        return "\n".join([*lines, f"repeat it: make simulate SEEDS=1 FIRST={self.seed} MODE={plan.mode}"])


def _plain(behaviour: Behaviour) -> str:
    nothing = Behaviour()
    return ", ".join(f"{name} {value}" for name in vars(nothing)
                     if (value := getattr(behaviour, name)) != getattr(nothing, name)) or "succeeds"


def wrong(case: Case) -> str | None:
    """What is wrong; whatever breaks the run counts."""
    try:
        return run(case)[0]
    except Invalid:
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def shortened(seed: int, case: Case, why: str) -> Failure:
    """case: one that fails. The order in which pending things are taken stays the seed's."""
    runs = 0
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for less in (one for smaller in (*_less_mishaps(case), *_less_workflow(case))
                     for one in (smaller, *_nearby(smaller, case))):
            runs += 1
            if runs > RUNS_MAX:
                break
            if still := wrong(less):
                case, why, is_shorter = less, still, True
                break
    try:
        why_now, storm = run(case)
    except Exception as error:
        return Failure(seed=seed, why=f"{type(error).__name__}: {error}", case=case)
    return Failure(seed=seed, why=why_now or why, case=case, trace=tuple(storm.trace))


def _less_mishaps(case: Case) -> Iterator[Case]:
    made = case.plan
    if len(made.mishaps) > 1:
        yield Case(work=case.work, plan=replace(made, mishaps=(), is_killed=False))
    for mishap in made.mishaps:
        yield Case(work=case.work, plan=replace(
            made, mishaps=tuple(one for one in made.mishaps if one != mishap),
            is_killed=made.is_killed and mishap.what != "step"))


def _less_workflow(case: Case) -> Iterator[Case]:
    work = case.work
    for definition in _less(work.definition):
        yield Case(work=replace(work, definition=definition), plan=case.plan)
    for name, body in work.files.items():
        for less in _less(body):
            yield Case(work=replace(work, files={**work.files, name: less}), plan=case.plan)
    if work.params:
        yield Case(work=replace(work, params={}), plan=case.plan)
    if work.task_limit is not None:
        yield Case(work=replace(work, task_limit=None), plan=case.plan)
    for number, behaviour in work.behaviours.items():
        for name in ("fails", "polls", "store", "reset", "export"):
            if getattr(behaviour, name):
                plain = replace(behaviour, **{name: getattr(Behaviour(), name)})
                yield Case(work=_with(work, number, plain), plan=case.plan)
        for less in _less(behaviour.subtasks) if behaviour.subtasks else ():
            yield Case(work=_with(work, number, replace(behaviour, subtasks=less)), plan=case.plan)


def _with(work: Workload, number: int, behaviour: Behaviour) -> Workload:
    return replace(work, behaviours={**work.behaviours, number: behaviour})


def _less(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One key less, here or further down; a task that goes is waited for by nobody."""
    for key in body:
        if not key.endswith(">") and key != "_do" and not (key == "duration" or key == "_after"):
            rest = {k: v for k, v in body.items() if k != key}
            yield _forgotten(rest, key) if key.startswith("+") else _in_order(rest) if key == "_parallel" else rest
    for key, value in body.items():
        if key.startswith("+"):                     # a group gives way to one of its children
            yield from ({**body, key: child} for name, child in value.items() if name.startswith("+"))
    for key, value in body.items():
        if key.startswith("+") or key in BODIES:
            for less in _less(value):
                yield {**body, key: less}


def _forgotten(body: Mapping[str, Any], gone: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in body.items():
        if isinstance(value, Mapping) and gone in value.get("_after", ()):
            after = [name for name in value["_after"] if name != gone]
            value = {k: v for k, v in value.items() if k != "_after"} | ({"_after": after} if after else {})
        out[key] = value
    return out


def _in_order(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: {k: v for k, v in value.items() if k != "_after"} if isinstance(value, Mapping) else value
            for key, value in body.items()}


def _nearby(less: Case, case: Case) -> Iterator[Case]:
    """A single mishap of a smaller workflow, at an earlier call."""
    if less.work is case.work or len(less.plan.mishaps) != 1:
        return
    mishap = less.plan.mishaps[0]
    for number in range(mishap.number - 1, max(0, mishap.number - NEAR), -1):
        yield Case(work=less.work, plan=replace(less.plan, mishaps=(Mishap(mishap.what, number, mishap.how),)))
