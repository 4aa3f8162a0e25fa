"""The tasks of a workflow as a tree to draw: show_text.py and show_mermaid.py draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from skydag.cli.output import compact
from skydag.errors import WorkflowError
from skydag.language.bodies import compile_tasks
from skydag.model.records import dataclass, field
from skydag.model.workflow import Task, Workflow

COMMAND_LENGTH_MAX: Final = 60
# What hangs below a task and runs when: key of the config, name of the task it becomes, word for the arrow.
BODIES: Final = (("_do", "^sub", "do"), ("_else_do", "^sub", "else"), ("_check", "^check", "check"),
                 ("_error", "^error", "on error"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One task. upstreams: names of the siblings it waits for, in file order."""

    name: str
    operator: str | None                        # "sh> ./load.sh"; None: a group
    order: str | None                           # of the tasks below: "sequence", "parallel", "batches of 3"; None: a
                                                # leaf that says nothing of it
    upstreams: tuple[str, ...] = ()
    after: tuple[str, ...] = ()                 # those of them that _after names
    retries: str | None = None                  # "3", "${n}"
    is_background: bool = False
    is_disabled: bool = False
    children: tuple[Node, ...] = ()
    bodies: tuple[tuple[str, Node], ...] = field(default=())      # word for the arrow, what runs then
    broken: str | None = None                   # why a body that is read at run time would be refused


def tree(workflow: Workflow) -> Node:
    return _node(_Tasks(workflow.tasks), workflow.tasks[0])


class _Tasks:
    def __init__(self, tasks: Sequence[Task]) -> None:
        self.all = tasks
        self._children: dict[int, list[Task]] = {}
        for task in tasks:
            if task.parent is not None:
                self._children.setdefault(task.parent, []).append(task)

    def below(self, task: Task) -> list[Task]:
        return self._children.get(task.index, [])


def _node(tasks: _Tasks, task: Task) -> Node:
    bodies, broken = _bodies(task)
    return Node(
        name=task.name,
        operator=None if task.is_group else _operator(task.config),
        order=_order(task.config) if task.is_group or "_parallel" in task.config else None,
        upstreams=tuple(tasks.all[index].name for index in task.upstreams),
        after=tuple(map(str, task.config.get("_after", ()))),
        retries=_retries(task.config.get("_retry")),
        is_background=task.config.get("_background") in (True, "true", "True"),
        is_disabled=task.config.get("_disable") is True,
        children=tuple(_node(tasks, child) for child in tasks.below(task)),
        bodies=bodies, broken=broken,
    )


def _bodies(task: Task) -> tuple[tuple[tuple[str, Node], ...], str | None]:
    """`_check` of a group never runs (L-117); a broken body is found when it is about to run."""
    found: list[tuple[str, Node]] = []
    broken: str | None = None
    for key, name, word in BODIES:
        body = task.config.get(key)
        if not isinstance(body, Mapping) or not body or (task.is_group and key != "_error"):
            continue
        try:
            below = compile_tasks(name, task.full_name, body)
        except WorkflowError as wrong:
            broken = str(wrong).splitlines()[0]
            continue
        found.append((word, _node(_Tasks(below), below[0])))
    return tuple(found), broken


def _operator(config: Mapping[str, Any]) -> str:
    key = next((key for key in config if key.endswith(">")), None)
    command = config.get("_command") if key is None else config[key]
    name = f"{config.get('_type')}>" if key is None or "_type" in config else key
    shown = command or "" if isinstance(command, str | None) else compact(command)
    lines = shown.strip().splitlines() or [""]
    text = lines[0] if len(lines) == 1 else f"{lines[0]} …"
    return f"{name} {_cut(text)}".rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= COMMAND_LENGTH_MAX else text[:COMMAND_LENGTH_MAX - 1] + "…"


def _order(config: Mapping[str, Any]) -> str:
    """A leaf's `_parallel` may hold `${...}`: it is shown as it stands."""
    parallel = config.get("_parallel")
    if isinstance(parallel, Mapping):
        limit = str(parallel.get("limit", "")).strip()
        return "parallel" if limit in ("", "0") or limit.startswith("-") else f"batches of {limit}"
    if isinstance(parallel, str) and "$" in parallel:
        return f"parallel: {parallel}"
    return "parallel" if parallel in (True, "true", "True") else "sequence"


def _retries(retry: Any) -> str | None:
    limit = retry.get("limit") if isinstance(retry, Mapping) else retry
    return None if limit is None or isinstance(limit, Mapping | list) else str(limit)
