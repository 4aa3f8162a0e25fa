"""Definitions by group: what a group's item does not hold because it never changes.

A page describes one group's direct children. The pages of a compiled tree are built once, at push (or by the task that
generates them), and are kept as bundles of text; a group's item names its page as "<bundle>:<number>".

Wide parallel groups are cut into chunks of CHUNK children: hidden groups that nobody sees, each with a partition and a
group item of its own, so that ten thousand children do not all report to one item (design.md section 4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skydag.engine import bits
from skydag.language.bodies import compile_tasks
from skydag.model.params import merge
from skydag.model.records import dataclass, field, replace
from skydag.model.workflow import Task

CHUNK: Final = 250
BUNDLE_CHARS: Final = 200_000       # a bundle ends with the page that makes it longer than this

# Slots: children that come into being later, with ordinals behind the static ones.
SLOT_ERROR, SLOT_ALERT, SLOT_SLA_ALERT, SLOT_SLA_FAIL, SLOT_SLA = range(5)
SLOTS: Final = 5

SEQUENCE, PARALLEL, EXPLICIT = "s", "p", "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One child of a group, as the group's page holds it."""

    name: str
    full_name: str
    is_group: bool
    offset: int                             # its number, counted from the first number of the group's children
    size: int = 1                           # numbers that its subtree takes
    config: Mapping[str, Any] = field(default_factory=dict)
    export: Mapping[str, Any] = field(default_factory=dict)
    page: int | None = None                 # groups: index of its page within all pages of the tree
    upstreams: tuple[int, ...] = ()         # ordinals; only in pages whose order is EXPLICIT
    is_chunk: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    full_name: str
    order: str                              # SEQUENCE, PARALLEL, "b<n>" (batches of n) or EXPLICIT
    children: tuple[Child, ...]
    config: Mapping[str, Any] = field(default_factory=dict)     # the group's own
    export: Mapping[str, Any] = field(default_factory=dict)
    slots: Mapping[int, Child] = field(default_factory=dict)
    is_root: bool = False
    is_leaf: bool = False                   # the "group" of a leaf that generated tasks
    is_chunk: bool = False

    @property
    def count(self) -> int:
        return len(self.children)

    @property
    def size(self) -> int:
        """Numbers that all static children take."""
        return sum(child.size for child in self.children)

    @property
    def is_wide(self) -> bool:
        """Children run beside each other and may report together: direct continuation is not for them."""
        return self.order != SEQUENCE and len(self.children) > 1

    def child(self, ordinal: int) -> Child:
        if ordinal < len(self.children):
            return self.children[ordinal]
        return self.slots[ordinal - len(self.children)]

    def upstreams(self, ordinal: int) -> int:
        """The direct upstreams of a child, as a set. Slots have none."""
        if ordinal >= len(self.children) or self.order == PARALLEL:
            return 0
        if self.order == SEQUENCE:
            return 1 << (ordinal - 1) if ordinal else 0
        if self.order == EXPLICIT:
            return bits.of(self.children[ordinal].upstreams)
        size = int(self.order[1:])
        start = ordinal // size * size
        return bits.below(start) & ~bits.below(max(0, start - size))

    def closure(self, ordinal: int) -> int:
        """All siblings that a child comes after, directly or not (whose stores it sees, L-73)."""
        if ordinal >= len(self.children) or self.order == PARALLEL:
            return 0
        if self.order == SEQUENCE:
            return bits.below(ordinal)
        if self.order == EXPLICIT:
            out = 0
            queue = list(self.children[ordinal].upstreams)
            while queue:
                one = queue.pop()
                if not bits.has(out, one):
                    out |= 1 << one
                    queue.extend(self.children[one].upstreams)
            return out
        return bits.below(ordinal // int(self.order[1:]) * int(self.order[1:]))


ALERT: Final = Child(name="^failure-alert", full_name="", is_group=False, offset=0,
                     config={"_type": "notify", "_command": "Workflow session attempt failed"})


def build(tasks: Sequence[Task], *, sla: Mapping[str, Any] | None = None, is_attempt: bool = True) -> list[Page]:
    """Pages of a compiled tree; the root's is the first. sla: what is left of the sla: block for the root's slots, as
    {"alert": bool, "fail": bool, "body": mapping}."""
    return _Builder(tasks, is_attempt=is_attempt).all(sla)


class _Builder:
    def __init__(self, tasks: Sequence[Task], *, is_attempt: bool) -> None:
        self.tasks, self.is_attempt = tasks, is_attempt
        self.pages: list[Page | None] = []
        self.children: dict[int, list[int]] = {}
        self.sizes = [1] * len(tasks)
        for task in tasks:
            if task.parent is not None:
                self.children.setdefault(task.parent, []).append(task.index)
        for task in reversed(tasks):
            if task.parent is not None:
                self.sizes[task.parent] += self.sizes[task.index]

    def all(self, sla: Mapping[str, Any] | None) -> list[Page]:
        self._group(0)
        pages = [page for page in self.pages if page is not None]
        if self.is_attempt:
            pages[0] = replace(pages[0], is_root=True, slots={**pages[0].slots, **self._root_slots(sla, pages)})
        return pages

    def _root_slots(self, sla: Mapping[str, Any] | None, pages: list[Page]) -> dict[int, Child]:
        root = self.tasks[0].full_name
        out = {SLOT_ALERT: replace(ALERT, full_name=root + ALERT.name)}
        if sla is None:
            return out
        if sla["alert"]:
            out[SLOT_SLA_ALERT] = Child(name="^sla^alert", full_name=root + "^sla^alert", is_group=False, offset=0,
                                        config={"notify>": "SLA violation"})
        if sla["fail"]:
            out[SLOT_SLA_FAIL] = Child(name="^sla^fail", full_name=root + "^sla^fail", is_group=False, offset=0,
                                       config={"fail>": "SLA violation"})
        out[SLOT_SLA] = graft("^sla", root, sla["body"], pages)
        return out

    def _group(self, index: int) -> int:
        task = self.tasks[index]
        number = len(self.pages)
        self.pages.append(None)
        members = self.children.get(index, [])
        ordinals = {member: ordinal for ordinal, member in enumerate(members)}
        upstreams = [tuple(sorted({ordinals[u] for u in self.tasks[m].upstreams})) for m in members]
        order = _order(upstreams)
        children = [
            Child(name=t.name, full_name=t.full_name, is_group=t.is_group, offset=t.index - index - 1,
                  size=self.sizes[t.index], config=t.config, export=t.export,
                  page=self._group(t.index) if t.is_group else None,
                  upstreams=upstreams[ordinal] if order == EXPLICIT else ())
            for ordinal, t in enumerate(self.tasks[m] for m in members)
        ]
        if order == PARALLEL and len(children) > CHUNK:
            children = self._chunks(task.full_name, children)
        page = Page(full_name=task.full_name, order=order, children=tuple(children), config=task.config,
                    export=task.export)
        error = task.config.get("_error")
        if error:
            slot = graft("^error", task.full_name, error, self.pages)
            page = replace(page, slots={SLOT_ERROR: slot})
        self.pages[number] = page
        return number

    def _chunks(self, full_name: str, children: list[Child]) -> list[Child]:
        out = []
        for start in range(0, len(children), CHUNK):
            part = children[start:start + CHUNK]
            first = part[0].offset
            members = tuple(replace(child, offset=child.offset - first) for child in part)
            out.append(Child(name="", full_name=full_name, is_group=True, is_chunk=True, offset=first,
                             size=sum(child.size for child in part), page=len(self.pages)))
            self.pages.append(Page(full_name=full_name, order=PARALLEL, children=members, is_chunk=True))
        return out


def graft(name: str, prefix: str, body: Mapping[str, Any], pages: list[Any]) -> Child:
    """Compile a generated body, add its pages to `pages`, and give the child that stands for it."""
    tasks = compile_tasks(name, prefix, body)
    top = tasks[0]
    if not top.is_group:
        return Child(name=name, full_name=top.full_name, is_group=False, offset=0, config=top.config, export=top.export)
    first = len(pages)
    for page in build(tasks, is_attempt=False):
        pages.append(_shifted(page, first))
    return Child(name=name, full_name=top.full_name, is_group=True, offset=0, size=len(tasks), config=top.config,
                 export=top.export, page=first)


def _shifted(page: Page, by: int) -> Page:
    def moved(child: Child) -> Child:
        return child if child.page is None else replace(child, page=child.page + by)
    return replace(page, children=tuple(map(moved, page.children)), slots={k: moved(c) for k, c in page.slots.items()})


def _order(upstreams: Sequence[tuple[int, ...]]) -> str:
    if all(not u for u in upstreams):
        return PARALLEL if len(upstreams) > 1 else SEQUENCE
    if all(u == ((i - 1,) if i else ()) for i, u in enumerate(upstreams)):
        return SEQUENCE
    size = next(i for i, u in enumerate(upstreams) if u)
    if size > 1 and all(u == tuple(range(max(0, i // size * size - size), i // size * size))
                        for i, u in enumerate(upstreams)):
        return f"b{size}"
    return EXPLICIT


def generated(full_name: str, config: Mapping[str, Any], *, subtasks: Mapping[str, Any] | None = None,
              error: Mapping[str, Any] | None = None) -> tuple[list[Page], int]:
    """The pages of what a leaf generates, the leaf's own page first, and how many numbers its children take.

    subtasks: what its operator gave, with its `_check` behind; or error: the error object its `_error` is to see.
    Raises WorkflowError when a body is wrong (T9).
    """
    pages: list[Any] = [None]
    children: list[Child] = []
    offset = 0
    bodies = [("^sub", subtasks), ("^check", config.get("_check"))] if error is None else [("^error", config["_error"])]
    for name, body in bodies:
        if body:
            child = replace(graft(name, full_name, body, pages), offset=offset)
            if error is not None:
                child = replace(child, export=merge(child.export, {}) | {"error": error})
            children.append(child)
            offset += child.size
    slots: dict[int, Child] = {}
    if error is None and config.get("_error"):
        slots[SLOT_ERROR] = graft("^error", full_name, config["_error"], pages)
    pages[0] = Page(full_name=full_name, order=SEQUENCE, children=tuple(children), config=config, slots=slots,
                    is_leaf=True)
    return pages, offset


def height(built: Sequence[Page], number: int = 0) -> int:
    """How many levels there are below a page of a tree."""
    page = built[number]
    below = [child.page for child in (*page.children, *page.slots.values()) if child.page is not None]
    return 1 + max((height(built, one) for one in below), default=0)


# --- as text ---------------------------------------------------------------------------------------------------------

def bundles(pages: Sequence[Page]) -> list[str]:
    """Texts that hold all pages, in order; each ends with the page that makes it longer than BUNDLE_CHARS."""
    out: list[str] = []
    part: list[str] = []
    start = length = 0
    for number, page in enumerate(pages):
        text = _dump(_page_json(page))
        part.append(text)
        length += len(text)
        if length > BUNDLE_CHARS or number == len(pages) - 1:
            out.append(f'{{"first":{start},"pages":[{",".join(part)}]}}')
            part, start, length = [], number + 1, 0
    return out


def first_of(bundle: str) -> int:
    """Number of its first page, without parsing the rest."""
    return int(bundle[len('{"first":'):bundle.index(",")])


def parse(text: str) -> tuple[int, list[Page]]:
    """(number of the first page, pages) of one bundle."""
    data = json.loads(text)
    return data["first"], [_page(page) for page in data["pages"]]


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _page_json(page: Page) -> dict[str, Any]:
    out: dict[str, Any] = {"n": page.full_name, "o": page.order, "c": [_child_json(c) for c in page.children]}
    flags = "".join(letter for letter, on in (("r", page.is_root), ("l", page.is_leaf), ("k", page.is_chunk)) if on)
    slots = {str(k): _child_json(c) for k, c in page.slots.items()}
    for key, value in (("f", flags), ("g", page.config), ("x", page.export), ("s", slots)):
        if value:
            out[key] = value
    return out


def _child_json(child: Child) -> dict[str, Any]:
    out: dict[str, Any] = {"n": child.name, "o": child.offset}
    if child.is_group:
        out["p"] = child.page
    for key, value in (("c", child.config), ("x", child.export), ("u", list(child.upstreams))):
        if value:
            out[key] = value
    if child.size != 1:
        out["z"] = child.size
    if child.is_chunk:
        out["k"] = 1
    return out


def _page(data: Mapping[str, Any]) -> Page:
    name, flags = data["n"], data.get("f", "")
    return Page(
        full_name=name, order=data["o"], children=tuple(_child(c, name) for c in data["c"]), config=data.get("g", {}),
        export=data.get("x", {}), slots={int(k): _child(c, name) for k, c in data.get("s", {}).items()},
        is_root="r" in flags, is_leaf="l" in flags, is_chunk="k" in flags,
    )


def _child(data: Mapping[str, Any], prefix: str) -> Child:
    return Child(
        name=data["n"], full_name=prefix + data["n"], is_group="p" in data, offset=data["o"], size=data.get("z", 1),
        config=data.get("c", {}), export=data.get("x", {}), page=data.get("p"), upstreams=tuple(data.get("u", ())),
        is_chunk="k" in data,
    )
