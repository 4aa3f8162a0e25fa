"""A workflow from a seed: at most 20 tasks, every key the engine knows, leaves whose behaviour a number names.

A leaf is `do>: N` (honours `_retry`) or `do_once>: N` (does not), and `Behaviour` number N says what its runs do; or it
is one of the real operators that generate tasks, or `wait>`. Everything is JSON data, so the text of the file is JSON,
which is YAML.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

TASKS_MAX: Final = 20
KEYS: Final = ("k1", "k2", "k3")
VALUES: Final[tuple[Any, ...]] = (1, 2, "text", None, [1, 2], {"p": 1}, {"q": 2}, {"p": {"r": 3}}, {"p": 5, "q": [6]})
RESETS: Final = ("k1", "k2", "k1.p", "k3.q", "k2.p.r")


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What the runs of one leaf do. fails: its first tries, over all rows of its name and its retries."""

    fails: int = 0
    dies: bool = False                          # those tries end without a report: an event says so, with a reason
    polls: int = 0                              # it asks to be called again so many times first
    wait_s: int = 0                             # between polls
    store: Mapping[str, Any] = field(default_factory=dict)
    reset: tuple[str, ...] = ()
    export: Mapping[str, Any] = field(default_factory=dict)
    subtasks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Workload:
    definition: Mapping[str, Any]               # of w.dig
    files: Mapping[str, Mapping[str, Any]]      # bodies for `call>`, by name without .dig
    behaviours: Mapping[int, Behaviour]
    params: Mapping[str, Any] = field(default_factory=dict)
    task_limit: int | None = None               # None: more than enough


def workload(seed: int) -> Workload:
    return _Generator(random.Random(f"workflow {seed}")).all()


class _Generator:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.left = chance.choice((3, 5, 8, 12, TASKS_MAX)) - 1
        self.is_limited = chance.random() < 0.12
        self.behaviours: dict[int, Behaviour] = {}
        self.files: dict[str, Mapping[str, Any]] = {}

    def all(self) -> Workload:
        definition = self._group(0)
        if self._likely(0.25):
            definition["sla"] = self._sla()
        params = {} if self.chance.random() < 0.5 else self._values()
        limit = max(4, size(definition) + self.chance.randint(0, 6)) if self.is_limited else None
        return Workload(definition=definition, files=self.files, behaviours=self.behaviours, params=params,
                        task_limit=limit)

    def _likely(self, probability: float) -> bool:
        return self.chance.random() < probability

    def _values(self) -> dict[str, Any]:
        return {key: self.chance.choice(VALUES) for key in KEYS if self._likely(0.4)}

    def _sla(self) -> dict[str, Any]:
        body = self._body(1) if self.left > 0 else {}
        return {**body, "duration": self.chance.choice(("00:00:10", "00:05:00", "00:30:00")),
                "alert": self._likely(0.7), "fail": self._likely(0.4)}

    # --- tasks ---

    def _group(self, depth: int) -> dict[str, Any]:
        group = self._common(depth)
        names: list[str] = []
        how: Any = self.chance.choice((None, None, None, True, True, {"limit": 2}, {"limit": 3}))
        if how is not None:
            group["_parallel"] = how
        for number in range(self.chance.randint(1, 5 if depth else 6)):
            if self.left <= 0:
                break
            child = self._task(depth + 1)
            if how is not None and names and self._likely(0.25):
                child["_after"] = sorted(self.chance.sample(names, self.chance.randint(1, min(2, len(names)))))
            if how is None and self._likely(0.15):
                child["_background"] = True
            if self._likely(0.05):
                child["_disable"] = True
            names.append(f"+t{number}")
            group[names[-1]] = child
        return group

    def _task(self, depth: int) -> dict[str, Any]:
        self.left -= 1
        if depth < 4 and self.left > 1 and self._likely(0.35):
            return self._group(depth)
        return self._leaf(depth)

    def _common(self, depth: int) -> dict[str, Any]:
        """Keys that groups and leaves share."""
        out: dict[str, Any] = {}
        if self._likely(0.2) and (values := self._values()):
            out["_export"] = values
        if self._likely(0.25):
            out["_retry"] = self._retry()
        if self.left > 0 and self._likely(0.15):
            out["_error"] = self._body(depth)
        return out

    def _retry(self) -> Any:
        kind = self.chance.random()
        if kind < 0.5:
            return self.chance.choice((1, 1, 2))
        if kind < 0.75:
            return {"limit": self.chance.choice((1, 2)), "interval": self.chance.choice((1, 30, 1500))}
        most = {"max_interval": self.chance.choice((15, 30))} if self._likely(0.6) else {}
        return {"limit": self.chance.choice((2, 3)), "interval": self.chance.choice((3, 20)),
                "interval_type": self.chance.choice(("exponential", "EXPONENTIAL")), **most}

    def _body(self, depth: int) -> dict[str, Any]:
        """What an operator generates, or `_error` and `_check` run: one leaf, or a group."""
        self.left -= 1
        if depth < 4 and self.left > 1 and self._likely(0.5):
            return self._group(depth + 1)
        return self._leaf(depth + 1)

    def _leaf(self, depth: int) -> dict[str, Any]:
        leaf = self._common(depth)
        if self._likely(0.03):
            return leaf | {"wait>": self.chance.choice(("1s", "90s", "20m"))}
        if self.left > 0 and self._likely(0.1):
            leaf["_check"] = self._body(depth)
        if depth < 4 and self.left > 1 and self._likely(0.3):
            return self._once(leaf | self._control(depth))
        number = len(self.behaviours) + 1
        self.behaviours[number] = Behaviour()
        subtasks = self._body(depth) if depth < 4 and self.left > 1 and self._likely(0.15) else {}
        fails = self.chance.choice((0, 0, 0, 0, 0, 1, 1, 2, 99))
        self.behaviours[number] = Behaviour(
            fails=fails, dies=fails > 0 and self._likely(0.2), polls=self.chance.choice((0, 0, 0, 0, 1, 2)),
            wait_s=self.chance.choice((0, 5, 200)), store=self._values() if self._likely(0.5) else {},
            reset=tuple(self.chance.sample(RESETS, 1)) if self._likely(0.15) else (),
            export=self._values() if subtasks and self._likely(0.4) else {}, subtasks=subtasks)
        if self._likely(0.15):
            leaf["docker"] = {"image": "x"}
        leaf[self.chance.choice(("do>", "do_once>"))] = number
        return self._once(leaf) if subtasks or "_check" in leaf else leaf

    def _once(self, leaf: dict[str, Any]) -> dict[str, Any]:
        """Under a task limit a leaf that generates tasks does so once, so that its row says whether it was refused."""
        if self.is_limited:
            leaf.pop("_retry", None)
        return leaf

    def _control(self, depth: int) -> dict[str, Any]:
        kind = self.chance.choice(("if", "loop", "for_each", "for_range", "call"))
        if kind == "call":
            name = f"c{len(self.files) + 1}"
            self.files[name] = {}
            self.files[name] = self._group(depth + 1)
            return {"call>": name}
        body = self._body(depth)
        if kind == "if":
            yes = self._likely(0.6)
            other = {} if self.left <= 0 or self._likely(0.6) else {"_else_do": self._body(depth)}
            return {"if>": yes, "_do": body} | other
        how = self.chance.choice((None, None, True, {"limit": 2}))
        out = {} if how is None else {"_parallel": how}
        if kind == "loop":
            return {"loop>": self.chance.choice((0, 1, 2, 3)), "_do": body} | out
        if kind == "for_range":
            pieces = self.chance.choice(({"step": 2}, {"step": 5}, {"slices": 2}))
            return {"for_range>": {"from": 0, "to": self.chance.choice((0, 3, 4)), **pieces}, "_do": body} | out
        return {"for_each>": {"x": self.chance.choice((["a"], ["a", 7], []))}, "_do": body} | out


def size(body: Mapping[str, Any]) -> int:
    """Rows that a body becomes at once, its own among them."""
    if body.get("_disable") or any(key.endswith(">") for key in body):
        return 1
    return 1 + sum(size(child) for key, child in body.items() if key.startswith("+"))
