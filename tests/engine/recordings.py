"""Recorded histories of groups: what `settle` was asked, and what it decided (style.md M-4).

    python -m tests.engine.recordings NAME...       records them anew; only after a change of decisions that is wanted

A history is a JSON file in recorded/: {"pages": [page ...], "steps": [step ...]}, pages as a push stores them, a step

    page, group                 number of the page; the group before, as its item
    reports                     [generation, ordinal, end, "s" if it left stores, "e" if an error] ...
    now, numbers                epoch seconds; [first, whether ^error was refused], absent where none were taken
    gives                       the group after, as its item; with wants, limited, is_stale where they are not 0
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from skydag.app import advance, take_over
from skydag.engine import pages
from skydag.engine.group import End, Group, Report
from skydag.engine.pages import Page
from skydag.engine.settle import NOTHING_KNOWN, Known, Numbers, Settled, settle
from skydag.store.task_items import NOTHING, group_from, group_item

FOLDER: Final = Path(__file__).parent / "recorded"
NAMES: Final = ("batches", "after and background", "group retry with a wait", "errors of leaf, group and root",
                "a kill in the middle", "an sla that fails", "the task limit")
Step = dict[str, Any]


def histories() -> Iterator[tuple[str, int, Page, Step]]:
    """(file, number of the step, its page, the step)."""
    for path in sorted(FOLDER.glob("*.json")):
        history = json.loads(path.read_text())
        known = [pages.parse(json.dumps({"first": 0, "pages": [page]}))[1][0] for page in history["pages"]]
        for number, step in enumerate(history["steps"]):
            yield path.stem, number, known[step["page"]], step


def replayed(page: Page, step: Step) -> Step:
    """What `settle` decides today."""
    reports = [Report(generation=generation, ordinal=ordinal, end=End(end), has_stores="s" in left,
                      has_error="e" in left) for generation, ordinal, end, left in step["reports"]]
    numbers = Numbers(first=step["numbers"][0], error_refused=step["numbers"][1]) if "numbers" in step else None
    now = datetime.fromtimestamp(step["now"], tz=UTC)
    return _given(settle(page, group_from(step["group"]), reports, now, numbers))


def _given(settled: Settled) -> Step:
    out: Step = {"group": group_item(settled.group, NOTHING)}
    return out | {name: value for name in ("wants", "limited", "is_stale") if (value := getattr(settled, name))}


def record(name: str) -> Path:
    """One calm run of a scenario of the simulator, stream only."""
    from tests.simulation.scenarios import SCENARIOS
    from tests.simulation.test_crashes import calm

    texts: list[str] = []
    steps: list[Step] = []

    def noted(page: Page, group: Group, reports: Sequence[Report], now: datetime,
              numbers: Numbers | None = None, known: Known = NOTHING_KNOWN) -> Settled:
        settled = settle(page, group, reports, now, numbers, known)
        text = json.dumps(json.loads(pages.bundles([page])[0])["pages"][0])
        if text not in texts:
            texts.append(text)
        step: Step = {
            "page": texts.index(text), "group": group_item(group, NOTHING), "now": int(now.timestamp()),
            "reports": [[one.generation, one.ordinal, str(one.end), "s" * one.has_stores + "e" * one.has_error]
                        for one in reports], "gives": _given(settled)}
        if numbers is not None:
            step["numbers"] = [numbers.first, numbers.error_refused]
        if step not in steps:
            steps.append(step)
        return settled

    for module in (advance, take_over):
        module.settle = noted                                       # type: ignore[attr-defined]
    try:
        calm(SCENARIOS[name], "stream-only")
    finally:
        for module in (advance, take_over):
            module.settle = settle                                  # type: ignore[attr-defined]
    path = FOLDER / f"{name.replace(' ', '_').replace(',', '')}.json"
    lines = ",\n".join(json.dumps(step) for step in steps)
    path.write_text(f'{{"pages": [\n{",".join(texts)}],\n"steps": [\n{lines}]}}\n')
    return path


if __name__ == "__main__":
    for wanted in sys.argv[1:] or NAMES:
        print(record(wanted))
