"""The tasks of an attempt as people see them: a tree with states and times.

    +daily_sales                   ✓ success         07:00:00    9s
    ├─ +arrived                    ✓ success         07:00:00    1s   sh>: echo "files of ...
    └─ +load                       ✓ success         07:00:01    1s
       ├─ +north                   ✓ success         07:00:01    1s   py>: tasks.load.shop
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]                         # a task in the REST API's shape
Painter = Callable[[str, str | None], str]

_SIGNS: Final[Mapping[str, tuple[str, str]]] = {
    "success": ("✓", "green"), "error": ("✗", "red"), "group_error": ("✗", "red"), "canceled": ("✗", "yellow"),
    "running": ("▸", "cyan"), "planned": ("▸", "cyan"), "ready": ("▸", "cyan"), "retry_waiting": ("↻", "yellow"),
    "group_retry_waiting": ("↻", "yellow"), "blocked": ("·", "dim"),
}
_OPERATOR_WIDTH: Final = 56
_OPERATOR_WIDTH_MIN: Final = 10
_CONTAINER: Final = " (container)"
_BESIDE: Final = 3 + 14 + 1 + 8 + 1 + 6 + 3     # state and times


def drawn(rows: Sequence[Row], zone: ZoneInfo, paint: Painter, columns: int = 120) -> list[str]:
    """One line a task, parents before children, in order of ids. columns: operators are cut to fit in."""
    children: dict[str | None, list[Row]] = {}
    for row in sorted(rows, key=lambda row: int(row["id"])):
        children.setdefault(row["parentId"], []).append(row)
    placed = [(prefix, row) for root in children.get(None, []) for prefix, row in _walk(root, children, "", "")]
    names = {row["id"]: row["fullName"] for row in rows}
    labels = [(prefix, _own_name(row, names)) for prefix, row in placed]
    width = max((len(prefix) + len(name) for prefix, name in labels), default=0)
    room = min(_OPERATOR_WIDTH, columns - width - _BESIDE)
    return [
        _line(prefix, name, _timed(row, children), width, zone, paint, room)
        for (prefix, name), (_, row) in zip(labels, placed, strict=True)]


def _walk(
    row: Row, children: Mapping[str | None, Sequence[Row]], branch: str, stem: str,
) -> Iterator[tuple[str, Row]]:
    yield branch, row
    below = children.get(row["id"], ())
    for number, child in enumerate(below):
        is_last = number == len(below) - 1
        yield from _walk(child, children, stem + ("└─ " if is_last else "├─ "), stem + ("   " if is_last else "│  "))


def _timed(row: Row, children: Mapping[str | None, Sequence[Row]]) -> Row:
    """A group runs from its first child's start to its last child's end."""
    below = [_timed(child, children) for child in children.get(row["id"], ())]
    begun = [str(one["startedAt"]) for one in (row, *below) if one["startedAt"]]
    ended = [str(one["updatedAt"]) for one in (row, *below) if one["startedAt"]]
    return {**row, "startedAt": min(begun), "updatedAt": max(ended)} if begun else row


def _own_name(row: Row, names: Mapping[str, str]) -> str:
    """What the task adds to its parent's full name."""
    name, parent = str(row["fullName"]), names.get(row["parentId"] or "", "")
    return name.removeprefix(parent) or name


def _line(prefix: str, name: str, row: Row, width: int, zone: ZoneInfo, paint: Painter, room: int) -> str:
    sign, style = _SIGNS.get(row["state"], ("?", "yellow"))
    state = str(row["state"]).replace("_", " ")
    started = _time(row["startedAt"])
    begun = started.astimezone(zone).strftime("%H:%M:%S") if started else ""
    took = _took(started, _time(row["updatedAt"])) if row["state"] not in ("blocked", "running", "planned") else ""
    text = paint(prefix, "dim") + paint(name.ljust(width - len(prefix)), "bold" if row["isGroup"] else None)
    text += f"   {paint(sign, style)} {paint(state.ljust(12), style)} {begun:>8} {took:>6}"
    return f"{text}   {paint(_operator(row, room), 'dim')}".rstrip()


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _took(started: datetime | None, ended: datetime | None) -> str:
    if started is None or ended is None:
        return ""
    seconds = int((ended - started).total_seconds())
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"


def _operator(row: Row, room: int) -> str:
    """`py>: tasks.load.shop`, cut to one line; where it ran, if that is special."""
    config = row["config"]
    key = next((key for key in config if key.endswith(">")), None)
    if key is None or room < _OPERATOR_WIDTH_MIN:
        return ""
    room -= len(_CONTAINER) if "docker" in config else 0
    value = config[key]
    lines = str(value).strip().splitlines() if isinstance(value, str) else [""]
    text = f"{key}: {lines[0] if lines else ''}".rstrip()
    if len(text) > room or len(lines) > 1:
        text = text[:room - 1] + "…"
    return text + _CONTAINER if "docker" in config else text
