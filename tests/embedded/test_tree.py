"""The tree of tasks, as text."""

from __future__ import annotations

import io
from typing import Any
from zoneinfo import ZoneInfo

from skydag.embedded.paint import Paint
from skydag.embedded.tree import drawn


def task(number: int, name: str, parent: int | None, state: str, **more: Any) -> dict[str, Any]:
    return {
        "id": str(number), "fullName": name, "parentId": None if parent is None else str(parent), "state": state,
        "startedAt": None, "updatedAt": "2025-01-01T06:00:09Z", "config": {}, "isGroup": parent is None, **more}


def test_a_group_runs_from_its_first_childs_start_to_its_last_childs_end() -> None:
    rows = [
        task(1, "+a", None, "group_error"),
        task(2, "+a+b", 1, "success", startedAt="2025-01-01T06:00:01Z", updatedAt="2025-01-01T06:00:02Z",
             config={"sh>": "one\ntwo"}),
        task(3, "+a+b^sub", 2, "error", startedAt="2025-01-01T06:00:03Z", updatedAt="2025-01-01T06:00:05Z",
             config={"py>": "x.y", "docker": {"image": "i"}}),
        task(4, "+a+c", 1, "blocked", config={"echo>": "hello"}),
    ]
    lines = drawn(rows, ZoneInfo("Europe/Berlin"), lambda text, style: text)
    assert [" ".join(line.split()) for line in lines] == [
        "+a ✗ group error 07:00:01 4s",
        "├─ +b ✓ success 07:00:01 4s sh>: one…",
        "│ └─ ^sub ✗ error 07:00:03 2s py>: x.y (container)",
        "└─ +c · blocked echo>: hello",
    ]


def test_children_whose_parent_is_not_listed_stand_at_no_level_but_nothing_breaks() -> None:
    assert drawn([], ZoneInfo("UTC"), lambda text, style: text) == []


def test_no_colour_and_no_signs_where_no_terminal_is() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    paint = Paint(out)
    assert not paint.is_live
    assert paint("├─ ✓ done", "green") == "|- + done"
