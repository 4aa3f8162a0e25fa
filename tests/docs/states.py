"""Prints docs/states.md from the table of steps: python -m tests.docs.states > docs/states.md"""

from __future__ import annotations

from collections.abc import Iterator

from skydag.engine.steps import STEPS, TOGETHER, ends
from skydag.model.task import DONE, State

_MEANING = {
    State.BLOCKED: "waits for its upstreams; also the end of what was never reached",
    State.READY: "decided to run; a worker may claim it",
    State.RETRY_WAITING: "waits for its next run, until `retry_at`",
    State.GROUP_RETRY_WAITING: "waits for its next try, until `retry_at`",
    State.RUNNING: "claimed by a worker",
    State.PLANNED: "waits for the tasks below it",
    State.GROUP_ERROR: "a task below it failed",
    State.SUCCESS: "done",
    State.ERROR: "it failed itself",
    State.CANCELED: "killed",
}


def page() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# States of a task"
    yield ""
    yield "Printed from `functions/skydag/engine/steps.py` by"
    yield "`python -m tests.docs.states > docs/states.md`; a test compares. Another holds every"
    yield "change of state in simulated runs, with kills and crashes, against the table."
    yield "T1 to T18 are Digdag's."
    yield ""
    yield "| state | done | |"
    yield "|---|---|---|"
    for state in State:
        yield f"| `{state}` | {'yes' if state in DONE else ''} | {_MEANING[state]} |"
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    arrows: dict[tuple[State, State], list[str]] = {}
    for step in STEPS:
        arrows.setdefault((step.before, step.after), []).append(step.name)
    for (before, after), names in arrows.items():
        yield f"    {before} --> {after}: {' '.join(dict.fromkeys(names))}"
    yield "```"
    yield ""
    yield "Modules are below `functions/skydag/`. A *generator* is a leaf that generated tasks:"
    yield "it goes on as their group."
    yield ""
    yield "| step | of a | from | to | when | decided by | written by |"
    yield "|---|---|---|---|---|---|---|"
    for step in STEPS:
        yield (f"| {step.name} | {step.of} | `{step.before}` | `{step.after}` | {step.when} | `{step.decided_by}` | "
               f"`{step.written_by}` |")
    yield ""
    yield "A generator takes the steps of groups, too. When nothing below a group goes on, the questions are asked in"
    yield "the order kill, delayed error (T16, T15), failed child (T13, then T14, then T15), success. Some steps are"
    yield "one write here, so that nobody sees what lies between:"
    yield ""
    yield "| steps | of a | from | to | |"
    yield "|---|---|---|---|---|"
    for one in TOGETHER:
        before, after = ends(one)
        yield f"| {', '.join(one.steps)} | {one.of} | `{before}` | `{after}` | {one.why} |"


if __name__ == "__main__":
    print(page(), end="")
