"""A task tree as a Mermaid flowchart: groups are boxes, arrows say what waits for what.

Tasks with the same upstreams share one line (`t1 & t2 --> t3 & t4`), so batches take no square of their size.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from skydag.cli.task_tree import Node

_UNSAFE = re.compile(r"""["#&<>%`\\$;'{}]""")         # quotes, entities, directives, Markdown and formulas of Mermaid


def lines(root: Node) -> list[str]:
    chart = _Chart()
    return ["flowchart TD", *chart.box(root, chart.new_id(), 1), *chart.arrows, *chart.styles()]


class _Chart:
    def __init__(self) -> None:
        self.arrows: list[str] = []
        self._numbers = itertools.count()
        self._disabled: list[str] = []

    def new_id(self) -> str:
        return f"t{next(self._numbers)}"

    def styles(self) -> list[str]:
        if not self._disabled:
            return []
        return ["    classDef disabled stroke-dasharray: 5 5,color:gray",
                f"    class {','.join(self._disabled)} disabled"]

    def box(self, node: Node, own: str, depth: int) -> Iterator[str]:
        pad = "    " * depth
        if node.is_disabled:
            self._disabled.append(own)
        if not node.children:
            shape = ('[["', '"]]') if node.operator is None else ('["', '"]')
            yield f"{pad}{own}{shape[0]}{_label(node)}{shape[1]}"
        else:
            yield f'{pad}subgraph {own}["{_label(node)}"]'
            ids = {child.name: self.new_id() for child in node.children}
            for child in node.children:
                yield from self.box(child, ids[child.name], depth + 1)
            yield f"{pad}end"
            self._order(node.children, ids)
        for word, body in node.bodies:
            below = self.new_id()
            yield from self.box(body, below, depth)
            self.arrows.append(f"    {own} -. {word} .-> {below}")

    def _order(self, children: tuple[Node, ...], ids: dict[str, str]) -> None:
        waiting: dict[tuple[str, ...], list[str]] = {}
        for child in children:
            if child.upstreams:
                waiting.setdefault(child.upstreams, []).append(ids[child.name])
        for upstreams, targets in waiting.items():
            self.arrows.append(f"    {' & '.join(ids[name] for name in upstreams)} --> {' & '.join(targets)}")


def _label(node: Node) -> str:
    """The name, what it runs, its marks; a line each."""
    marks = []
    if node.order not in (None, "sequence") and (node.children or node.operator):
        marks.append(str(node.order))
    if node.is_disabled:
        marks.append("disabled")
    if node.is_background:
        marks.append("background")
    if node.retries is not None:
        marks.append(f"retry {node.retries}")
    said = [node.name, node.operator or "", ", ".join(marks)]
    return "<br/>".join(escaped(line) for line in said if line)


def escaped(text: str) -> str:
    """Text that no renderer takes for syntax."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return _UNSAFE.sub(lambda found: f"#{ord(found.group())};", plain)
