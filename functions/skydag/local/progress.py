"""How far a local run is, as a tree of which the uninteresting is folded: what a picture of it shows.

    v +load                         2/3
      > +north   sh>: load.sh       12 s   loading page 7
    x +check                        1 s
    ... 4 more to come

A group is shown with what runs or failed in it; what is done in it, and what is still to come, are only counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from skydag.local.saved import parent
from skydag.model.records import dataclass, field
from skydag.model.workflow import Task

TO_COME, RUNNING, DONE, SKIPPED, FAILED = "to come", "running", "done", "skipped", "failed"
OVER = (DONE, SKIPPED, FAILED)


@dataclass(slots=True)
class Node:
    name: str                               # as its parent calls it
    state: str = TO_COME
    command: str = ""
    since: float | None = None
    until: float | None = None
    last_line: str = ""
    expected: int = 0                       # children there will be, as far as that is known
    children: list[Node] = field(default_factory=list)
    over: int = 0                           # children that are


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    depth: int
    state: str
    name: str
    command: str = ""
    count: str = ""                         # "2/3" of a group or loop
    seconds: float | None = None
    last_line: str = ""


class Progress:
    """Times are seconds of any clock that only goes on."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._nodes: dict[str, Node] = {}
        for task in tasks:
            self._node(task.full_name)
        self._root = tasks[0].full_name

    def begins(self, name: str, command: str, now: float) -> None:
        node = self._node(name)
        node.state, node.command, node.until = RUNNING, command, None
        node.since = now if node.since is None else node.since
        above = parent(name)
        while above:
            group = self._node(above)
            if group.since is not None and group.state is RUNNING:
                break
            group.since = now if group.since is None else group.since
            group.state = RUNNING
            above = parent(above)

    def output(self, name: str, text: str) -> None:
        lines = text.rstrip().rsplit("\n", 1)
        if lines[-1] and name in self._nodes:
            self._nodes[name].last_line = lines[-1]

    def ended(self, name: str, *, is_success: bool, is_skipped: bool, subtasks: Mapping[str, Any], now: float) -> None:
        """A leaf. With tasks of its own it goes on until `group_ended`."""
        node = self._node(name)
        node.since = now if node.since is None else node.since
        if is_success and subtasks:
            node.state, node.last_line = RUNNING, ""
            self._node(f"{name}^sub")
            self._plant(f"{name}^sub", subtasks)
        else:
            self._over(name, node, FAILED if not is_success else SKIPPED if is_skipped else DONE, now)

    def group_ended(self, name: str, state: str, now: float) -> None:
        node = self._node(name)
        self._over(name, node, DONE if state == "success" else FAILED, now)

    def _plant(self, name: str, body: Mapping[str, Any]) -> None:
        for key, child in body.items():
            if key.startswith("+"):
                self._node(name + key)
                if isinstance(child, Mapping):
                    self._plant(name + key, child)

    def _over(self, name: str, node: Node, state: str, now: float) -> None:
        if node.state not in OVER and (above := parent(name)):
            self._node(above).over += 1
        node.state, node.until = state, now

    def _node(self, name: str) -> Node:
        found = self._nodes.get(name)
        if found is None:
            above = parent(name)
            found = self._nodes[name] = Node(name=name[len(above):])
            if above:
                group = self._node(above)
                group.children.append(found)
                group.expected = max(group.expected, len(group.children))
        return found

    # --- what is shown -----------------------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Leaves by state: what has no tasks below it that are known."""
        out = dict.fromkeys((TO_COME, RUNNING, DONE, SKIPPED, FAILED), 0)
        for node in list(self._nodes.values()):
            if not node.children:
                out[node.state] += 1
        return out

    def lines(self, now: float) -> Iterator[Line]:
        """Below the root: what runs, what failed, and what is done at the top."""
        yield from self._below(self._nodes[self._root], 0, now)

    def _below(self, group: Node, depth: int, now: float) -> Iterator[Line]:
        for node in list(group.children):
            if node.state == TO_COME or (depth and node.state in (DONE, SKIPPED)):
                continue
            body = node.children[0] if len(node.children) == 1 and node.children[0].name == "^sub" else node
            yield Line(depth=depth, state=node.state, name=node.name, command=node.command,
                       count=f"{body.over}/{body.expected}" if body.expected else "",
                       seconds=None if node.since is None else (node.until or now) - node.since,
                       last_line=node.last_line if node.state == RUNNING else "")
            if node.state in (RUNNING, FAILED):
                yield from self._below(body, depth + 1, now)
