"""A task tree as lines of text.

    +daily                 sequence
    ├─ +load               sh> ./load.sh · retry 3
    └─ +report             py> report.make
"""

from __future__ import annotations

from collections.abc import Iterator

from skydag.cli.task_tree import Node


def lines(root: Node) -> list[str]:
    rows = list(_rows(root, "", "", None))
    width = min(48, max(len(name) for name, _ in rows))
    return [f"{name:<{width}}  {said}".rstrip() for name, said in rows]


def _rows(node: Node, branch: str, below: str, word: str | None) -> Iterator[tuple[str, str]]:
    """The name with its branch, and what is said of it. word: when it runs, for a body."""
    yield f"{branch}{node.name}", " · ".join(_said(node, word))
    inner = [(None, child) for child in node.children] + list(node.bodies)
    for position, (when, child) in enumerate(inner, 1):
        is_last = position == len(inner)
        yield from _rows(child, below + ("└─ " if is_last else "├─ "), below + ("   " if is_last else "│  "), when)


def _said(node: Node, word: str | None) -> Iterator[str]:
    if word:
        yield word
    if node.is_disabled:
        yield "disabled"
        return
    if node.operator is not None:
        yield node.operator
    elif not node.children:
        yield "no tasks"
    if node.order is not None and (node.children or node.operator):
        yield node.order
    if node.is_background:
        yield "background"
    if node.after:
        yield f"after {', '.join(node.after)}"
    if node.retries is not None:
        yield f"retry {node.retries}"
    if node.broken is not None:
        yield f"broken: {node.broken}"
