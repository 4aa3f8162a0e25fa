"""Which results of an old attempt stand for tasks of a new one (engine.md section 14).

Only names matter (E-117). Of each name the newest row counts, and only where its parent counts, too: what an earlier
try of a group left is not taken over (K-1). `^error`, the alert, `^sla` and all below them run again (K-3).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from skydag.errors import InvalidError
from skydag.model.records import Protocol
from skydag.model.task import State

_REPEATED = ("^sub", "^check")          # of what the engine adds to a task, these are results like others


class Row(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def parent_id(self) -> int | None: ...
    @property
    def full_name(self) -> str: ...
    @property
    def upstreams(self) -> Sequence[int]: ...
    @property
    def state(self) -> State: ...


R = TypeVar("R", bound=Row)


def failed(rows: Sequence[R]) -> list[R]:
    """Mode `failed` (E-111): all that succeeded. rows: by rising id, the root first; none give none.

    Raises InvalidError when the whole attempt did."""
    if rows and rows[0].state is State.SUCCESS:
        raise InvalidError("Resuming successfully completed attempts is not supported")
    return [row for row in _results(_counting(rows)) if row.state is State.SUCCESS]


def before(rows: Sequence[R], pattern: str) -> list[R]:
    """Mode `from` (E-112): what stands before the task, that is the upstream siblings of it and of its ancestors, with
    all below them. Raises InvalidError unless exactly one task matches and all that stands before it succeeded."""
    counting = _counting(rows)
    by_id = {row.id: row for row in counting}
    node: R | None = _matching(counting, pattern)
    above: set[int] = set()             # upstream siblings, then what is below them
    while node is not None:
        above |= _upstream(node, by_id)
        node = by_id[node.parent_id] if node.parent_id is not None else None
    taken = []
    for row in _results(counting):
        if row.id in above or row.parent_id in above:
            above.add(row.id)
            taken.append(row)
    for row in taken:
        if row.state is not State.SUCCESS:
            raise InvalidError(f"Resuming non-successful tasks is not allowed: task_id={row.id}; "
                               f"{row.full_name} stands before it and is {row.state}")
    return taken


def _counting(rows: Sequence[R]) -> list[R]:
    newest = {row.full_name: row.id for row in rows}
    out: list[R] = []
    ids: set[int] = set()
    for row in rows:
        if newest[row.full_name] == row.id and (row.parent_id is None or row.parent_id in ids):
            ids.add(row.id)
            out.append(row)
    return out


def _results(counting: Sequence[R]) -> list[R]:
    """Without what always runs again (K-3)."""
    names = {row.id: row.full_name for row in counting}
    again: set[int | None] = set()
    out = []
    for row in counting:
        own = row.full_name[len(names[row.parent_id]):] if row.parent_id is not None else row.full_name
        if row.parent_id in again or (own.startswith("^") and own not in _REPEATED):
            again.add(row.id)
        else:
            out.append(row)
    return out


def _upstream(row: R, by_id: dict[int, R]) -> set[int]:
    """Siblings that it comes after, directly or not."""
    out: set[int] = set()
    queue = list(row.upstreams)
    while queue:
        one = queue.pop()
        if one in by_id and one not in out:
            out.add(one)
            queue.extend(by_id[one].upstreams)
    return out


def _matching(rows: Sequence[R], pattern: str) -> R:
    """The one row whose full name ends so."""
    parts = [part for part in re.split(r"(?=[+^])", pattern) if part]
    if not parts or any(len(part) == 1 for part in parts):
        raise InvalidError(f"Task pattern '{pattern}' is too short: write + and the name, such as +load or +daily+load")
    found = [row for row in rows if row.full_name.endswith(pattern)]
    if not found:
        raise InvalidError(f"Task pattern '{pattern}' doesn't match with any tasks.")
    if len(found) > 1:
        names = ", ".join(row.full_name for row in found)
        raise InvalidError(f"Task pattern '{pattern}' is ambiguous. Matching candidates are [{names}].")
    return found[0]
