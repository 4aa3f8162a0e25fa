"""A workflow from a seed: at most 20 tasks, every key the engine knows, leaves whose behaviour a number names.

A leaf is `do>: N` (honours `_retry`) or `do_once>: N` (does not), and `Behaviour` number N says what its runs do; or it
is one of the real control operators. Everything is JSON data, so the text of the file is JSON, which is YAML.
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
    params: Mapping[str, Any]


def workload(seed: int) -> Workload:
    return _Generator(random.Random(f"workflow {seed}")).all()


class _Generator:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.left = chance.choice((3, 5, 8, 12, TASKS_MAX)) - 1
        self.behaviours: dict[int, Behaviour] = {}
        self.files: dict[str, Mapping[str, Any]] = {}

    def all(self) -> Workload:
        definition = self._group(0)
        params = {} if self.chance.random() < 0.5 else self._values()
        return Workload(definition=definition, files=self.files, behaviours=self.behaviours, params=params)

    def _likely(self, probability: float) -> bool:
        return self.chance.random() < probability

    def _values(self) -> dict[str, Any]:
        return {key: self.chance.choice(VALUES) for key in KEYS if self._likely(0.4)}

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
        return {"limit": 2, "interval": 20, "interval_type": "exponential", "max_interval": 30}

    def _body(self, depth: int) -> dict[str, Any]:
        """What an operator generates, or `_error` and `_check` run: one leaf, or a group."""
        self.left -= 1
        if depth < 4 and self.left > 1 and self._likely(0.5):
            return self._group(depth + 1)
        return self._leaf(depth + 1)

    def _leaf(self, depth: int) -> dict[str, Any]:
        leaf = self._common(depth)
        if self.left > 0 and self._likely(0.1):
            leaf["_check"] = self._body(depth)
        if depth < 4 and self.left > 1 and self._likely(0.3):
            return leaf | self._control(depth)
        number = len(self.behaviours) + 1
        self.behaviours[number] = Behaviour()
        subtasks = self._body(depth) if depth < 4 and self.left > 1 and self._likely(0.15) else {}
        self.behaviours[number] = Behaviour(
            fails=self.chance.choice((0, 0, 0, 0, 0, 1, 1, 2, 99)), polls=self.chance.choice((0, 0, 0, 0, 1, 2)),
            wait_s=self.chance.choice((0, 5, 200)), store=self._values() if self._likely(0.5) else {},
            reset=tuple(self.chance.sample(RESETS, 1)) if self._likely(0.15) else (),
            export=self._values() if subtasks and self._likely(0.4) else {}, subtasks=subtasks)
        return leaf | {self.chance.choice(("do>", "do_once>")): number}

    def _control(self, depth: int) -> dict[str, Any]:
        kind = self.chance.choice(("if", "loop", "for_each", "call"))
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
        return {"for_each>": {"x": self.chance.choice((["a"], ["a", 7], []))}, "_do": body} | out
