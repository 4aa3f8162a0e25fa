"""Small workflows, one a matter, whose every outside call is a place to die at (test_crashes.py).

`do: N` stands for behaviour N as in generate.py. `ends`: states that show that the matter came up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import yaml
from tests.simulation.generate import Behaviour, Workload


@dataclass(frozen=True, kw_only=True)
class Scenario:
    text: str
    ends: Mapping[str, str]
    behaviours: Mapping[int, Behaviour] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    task_limit: int | None = None
    kill_at: int | None = None                      # step of the run
    has_script: bool = False
    chunk: int = 250

    @cached_property
    def work(self) -> Workload:
        definition: dict[str, Any] = yaml.safe_load(self.text)
        files: dict[str, Any] = {name: yaml.safe_load(text) for name, text in self.files.items()}
        return Workload(definition=definition, files=files, behaviours=BEHAVIOURS | dict(self.behaviours),
                        task_limit=self.task_limit)


#: 1 and 2 store, 9 fails always, the others once.
BEHAVIOURS: Final = {
    0: Behaviour(), 1: Behaviour(store={"k1": {"p": 1}}), 2: Behaviour(store={"k1": {"q": 2}, "k2": 5}, reset=("k3",)),
    3: Behaviour(fails=1, store={"k3": 1}), 4: Behaviour(polls=2, wait_s=40, store={"k2": 1}),
    5: Behaviour(fails=1, dies=True), 6: Behaviour(fails=99, dies=True), 9: Behaviour(fails=99)}

SCENARIOS: Final[Mapping[str, Scenario]] = {
    "sequence": Scenario(
        text="{+a: {do>: 1}, +b: {do>: 2}, +c: {do>: 0}}", ends={"+w": "success"}),
    "fan-out over chunks": Scenario(
        text="{_parallel: true, +a: {do>: 1}, +b: {do>: 2}, +c: {do>: 0}, +d: {+e: {do>: 0}}, +f: {do>: 0}}",
        chunk=2, ends={"+w+d": "success", "+w": "success"}),
    "batches": Scenario(
        text="{+g: {_parallel: {limit: 2}, +a: {do>: 1}, +b: {do>: 2}, +c: {do>: 0}, +d: {do>: 0}}, +z: {do>: 0}}",
        ends={"+w+z": "success"}),
    "after and background": Scenario(
        text="{+g: {_parallel: true, +a: {do>: 1}, +b: {do>: 9}, +c: {do>: 0, _after: [+a]},"
             " +d: {do>: 0, _after: [+b]}}, +n: {do>: 0}}",
        ends={"+w+g+c": "success", "+w+g+d": "blocked", "+w+n": "blocked"}),
    "background": Scenario(
        text="{+a: {do>: 1}, +b: {do>: 2, _background: true}, +c: {do>: 0}, +d: {do>: 0}}", ends={"+w+d": "success"}),
    "nested groups with stores": Scenario(
        text="{_export: {k3: 7}, +g: {+h: {+a: {do>: 1}, +b: {do>: 2}}, +c: {do>: 0}}, +z: {do>: 0}}",
        ends={"+w+z": "success"}),
    "group retry with a wait": Scenario(
        text="{+g: {_retry: {limit: 2, interval: 30}, +a: {do>: 1}, +f: {do_once>: 3}}, +z: {do>: 0}}",
        ends={"+w+g+f": "success", "+w+z": "success"}),
    "leaf retry": Scenario(
        text="{+a: {do>: 3, _retry: {limit: 2, interval: 20, interval_type: exponential}}, +z: {do>: 0}}",
        ends={"+w+z": "success"}),
    "errors of leaf, group and root": Scenario(
        text="{_error: {do>: 0}, +g: {_error: {+e: {do>: 0}}, +f: {do>: 9, _error: {do>: 1}}, +n: {do>: 0}}}",
        ends={"+w+g+f^error": "success", "+w+g^error+e": "success", "+w^error": "success",
              "+w^failure-alert": "success", "+w": "group_error"}),
    "a check that fails once": Scenario(
        text="{+a: {do>: 1, _retry: 1, _check: {do_once>: 3}}, +z: {do>: 0}}",
        ends={"+w+a^check": "success", "+w+z": "success"}),
    "loops": Scenario(
        text="{+l: {loop>: 2, _parallel: true, _do: {do>: 1}},"
             " +f: {'for_each>': {x: [a, 7]}, _do: {+i: {do>: 0}}}}",
        ends={"+w+l^sub+loop-1": "success", "+w+f^sub+for-0=x=1=7+i": "success"}),
    "call and if": Scenario(
        text="{+c: {call>: c}, +i: {if>: false, _do: {do>: 9}, _else_do: {do>: 0}}}",
        files={"c": "{_export: {k3: 1}, _retry: 1, +a: {do>: 1}, +f: {do_once>: 3}}"},
        ends={"+w+c^sub+f": "success", "+w+i^sub": "success"}),
    "polls": Scenario(
        text="{+p: {do>: 4}, +q: {'wait>': 70s}, +z: {do>: 0}}", ends={"+w+z": "success"}),
    "a kill in the middle": Scenario(
        text="{_error: {do>: 0}, +a: {do>: 1}, +g: {_parallel: true, +p: {do>: 4}, +h: {+x: {do>: 0}, +y: {do>: 0}}}}",
        kill_at=5, ends={"+w": "canceled"}),
    "an sla that alerts": Scenario(
        text="{sla: {duration: '00:00:30', +notice: {do>: 1}}, +a: {do>: 4}, +z: {do>: 0}}",
        ends={"+w^sla^alert": "success", "+w^sla+notice": "success", "+w": "success"}),
    "an sla that fails": Scenario(
        text="{sla: {duration: '00:00:30', fail: true, alert: false}, _error: {do>: 0}, +a: {do>: 4}}",
        ends={"+w^sla^fail": "error", "+w^error": "success", "+w": "group_error"}),
    "the task limit": Scenario(
        text="{_error: {+x: {do>: 0}, +y: {do>: 0}}, +l: {loop>: 2, _do: {do>: 0}},"
             " +m: {loop>: 3, _do: {do>: 0}, _error: {do>: 1}}}",
        task_limit=7,
        ends={"+w+l": "success", "+w+m": "error", "+w+m^error": "success", "+w^failure-alert": "success"}),
    "script and containers": Scenario(
        text="{+s: {do>: 1}, +c: {do>: 2, docker: {image: x}}, +d: {do>: 5, _retry: 1, docker: {image: x}},"
             " +e: {do_once>: 6, _retry: 1}}", has_script=True, ends={"+w+d": "success", "+w+e": "error"}),
}
