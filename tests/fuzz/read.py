"""Reads one input by every way into the language room, and says what came of it."""

from __future__ import annotations

import resource
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from tests.fuzz.inputs import Input
from tests.language.sources import reader

from skydag.errors import ConfigError, WorkflowError
from skydag.language.bodies import compile_tasks
from skydag.language.compile import compile_file, compile_project, load_body
from skydag.language.evaluate import Evaluator
from skydag.language.params_file import load_params

CPU_S_MAX: Final = 1.0
TRIES: Final = 3                    # a neighbour on the machine may slow one down
GROWTH_MAX: Final = 300 << 20       # bytes


class Outcome(NamedTuple):
    is_valid: bool                  # a project without errors
    fault: str | None               # what must never happen: another exception, too long, too large


def read(given: Input) -> Outcome:
    valid: list[bool] = []

    def project() -> None:
        found = compile_project(given.files, reader(given.files))
        valid.append(not found.errors and bool(found.workflows))
        for problem in found.problems:
            assert problem.message and "\n" not in problem.message
            str(problem).encode("utf-8", "surrogatepass")

    fault = (watched(project)
             or watched(lambda: _whole_file(given.files))
             or watched(lambda: load_params(given.params, reader(given.files)))
             or watched(lambda: Evaluator("Asia/Tokyo").evaluate(given.texts, given.scope), CPU_S_MAX * 2))
    return Outcome(bool(valid and valid[0]), fault)


def _whole_file(files: Mapping[str, bytes]) -> Any:
    name = next((name for name in files if name.endswith(".dig")), "w.dig")
    if name not in files:
        return None
    workflow = compile_file(name, reader(files))
    body = load_body(name, reader(files))
    return workflow, compile_tasks("^sub", "+w+a", body)


def watched(call: Callable[[], Any], cpu_s_max: float = CPU_S_MAX) -> str | None:
    """What is wrong with the call: None if it ended in time, or refused with an error of ours. Nothing is caught
    elsewhere: what must not happen is caught here, to be told with its seed."""
    before, spent = _peak(), list[float]()
    cpu_s_max *= pace()
    while not spent or (min(spent) > cpu_s_max and len(spent) < TRIES):
        start = time.thread_time()
        try:
            call()
        except (WorkflowError, ConfigError):
            pass
        except Exception as wrong:
            return "".join(traceback.format_exception(wrong)[-4:])
        spent.append(time.thread_time() - start)
    if min(spent) > cpu_s_max:
        return f"took {min(spent):.2f} s of CPU"
    grown = _peak() - before
    return f"took {grown >> 20} MB" if grown > GROWTH_MAX else None


YARDSTICK_S: Final = 0.08           # on the core that seconds are meant for


@cache
def pace() -> float:
    """How much slower this core is, busy neighbours included: limits are ratios, not seconds (design.md section 6)."""
    def yardstick() -> float:
        start = time.thread_time()
        known = {}
        for number in range(300_000):
            name = f"k{number}"
            known[name] = (number, name)
        return time.thread_time() - start
    return max(1.0, min(yardstick() for _ in range(3)) / YARDSTICK_S)


def _peak() -> int:
    """Bytes of memory that this process had at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * 1024 if peak < 1 << 40 else peak
