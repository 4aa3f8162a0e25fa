"""A task body becomes a list of tasks, depth first, with what each waits for (language.md sections 4, 6, 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from skydag.errors import ConfigError
from skydag.language.hints import bad_name_hint, no_body_hint, no_export_hint, no_group_key_hint
from skydag.language.names import task_name_fault
from skydag.language.problems import did_you_mean, similar
from skydag.model.values import array, boolean, integer, optional, required, text
from skydag.model.workflow import Task

NESTING_MAX: Final = 100
TASKS_MAX: Final = 20_000           # twice what an attempt may have, unless a setting says otherwise
AFTER_MAX: Final = 1_000_000        # what all tasks with _after together wait for
GROUP_KEYS: Final = ("timezone", "schedule", "sla", "_parallel", "_background", "_after", "_error", "_check", "_retry",
                     "_export", "_secrets")

_READ_EARLY: Final = "it is read before anything runs: write"

Path = tuple[str, ...]
Report = Callable[[Path, str, str, str | None], None]      # path of keys, code, message, hint


def build(
    name: str, prefix: str, body: Mapping[str, Any], report: Report, *, is_file: bool = False,
) -> tuple[Task, ...]:
    """The tasks of a body, itself first. prefix: full name of the task above. is_file: its children stand at the top
    level of a file, and it is a group whatever it holds. Mistakes go to `report`; then the result is of no use."""
    tree = _Tree(report)
    tree.add(name, prefix, body, (), None, (), is_file=is_file)
    return tuple(tree.tasks)


class _Tree:
    def __init__(self, report: Report) -> None:
        self.tasks: list[Task] = []
        self._report = report
        self._after_count = 0

    def add(self, name: str, prefix: str, body: Mapping[str, Any], path: Path, parent: int | None,
            upstreams: tuple[int, ...], *, is_file: bool = False) -> None:
        full_name = prefix + name
        children: dict[str, Any] = {}
        config: dict[str, Any] = {}
        for key, value in body.items():
            if key.startswith("+"):
                children[key] = value
            elif key != "_export":
                config[key] = value
        is_disabled = not is_file and self._flag(config, "_disable", path)
        operators = [key for key in config if key.endswith(">")]
        is_group = is_file or is_disabled or not (operators or "_type" in config)
        index = len(self.tasks)
        self.tasks.append(Task(
            index=index, parent=parent, name=name, full_name=full_name, is_group=is_group, upstreams=upstreams,
            config={"_disable": True} if is_disabled else config,
            export={} if is_disabled else self._export(body, path)))
        if is_disabled:
            self._bodies(children, path)
            return
        self._check_error(config, full_name, path)
        if not is_group:
            self._check_leaf(full_name, operators, children, path)
            return
        if not is_file:
            self._check_group(full_name, config, path)
        self._add_children(index, full_name, config, self._bodies(children, path), path, is_file=is_file)

    def _add_children(self, index: int, full_name: str, config: Mapping[str, Any], children: Mapping[str, Any],
                      path: Path, *, is_file: bool) -> None:
        if len(path) >= NESTING_MAX and children:
            self._report(path, "too-deep", f"tasks are nested deeper than {NESTING_MAX} levels", None)
            return
        order = _Order(*self._parallel(config, path))
        if len(self.tasks) + len(children) > TASKS_MAX:
            self._report(path, "too-many-tasks", f"more than {TASKS_MAX:,} tasks in one file", "make several workflows")
            return
        for key, body in children.items():
            fault = task_name_fault(key, is_top_level=is_file)
            if fault:
                self._report((*path, key), "name", fault, bad_name_hint(key))
            self.add(key, full_name, body, (*path, key), index,
                     self._upstreams(order, key, body, (*path, key), len(self.tasks)))

    def _upstreams(self, order: _Order, key: str, body: Mapping[str, Any], path: Path, index: int) -> tuple[int, ...]:
        if self._flag(body, "_disable", None):
            return order.place(key, index, (), is_background=False)
        after: tuple[int, ...] = ()
        is_background = self._flag(body, "_background", path)
        if is_background and order.is_parallel:
            self._report((*path, "_background"), "background",
                         'Setting "_background: true" option is invalid (unnecessary) if its parent task has '
                         '"_parallel: true" option', "remove it")
        if "_after" in body:
            after = self._after(order, body, path)
        upstreams = order.place(key, index, after, is_background=is_background and not order.is_parallel)
        self._after_count += len(upstreams) if after else 0
        if self._after_count > AFTER_MAX:
            self._report((*path, "_after"), "too-many-tasks", f"more than {AFTER_MAX:,} tasks are waited for", None)
            return ()
        return upstreams

    def _after(self, order: _Order, body: Mapping[str, Any], path: Path) -> tuple[int, ...]:
        here = (*path, "_after")
        if not order.is_parallel:
            self._report(here, "after", 'Setting "_after" option is invalid if its parent task doesn\'t have '
                                        '"_parallel: true" option',
                         "remove it, as tasks of a sequence wait for the one before, or write '_parallel: true' above")
            return ()
        try:
            names = [text("_after", item) for item in required(body, "_after", array)]
        except ConfigError as wrong:
            self._report(here, "after", str(wrong), "write a list of names, '_after: [+load]'")
            return ()
        for name in names:
            if name not in order.known:
                hint = (f"write '+{name}'" if f"+{name}" in order.known else did_you_mean(name, order.known)
                        or "it must be a task of the same group, standing above this one")
                self._report(here, "after", f"Dependency task '{name}' does not exist", hint)
        return tuple(order.known[name] for name in names if name in order.known)

    # --- checks

    def _flag(self, config: Mapping[str, Any], key: str, path: Path | None) -> bool:
        """path: where to report what is no boolean; None if that was done already."""
        try:
            return optional(config, key, boolean, default=False)
        except ConfigError as wrong:
            if path is not None:
                self._report((*path, key), "boolean", str(wrong), f"{_READ_EARLY} true or false")
            return False

    def _export(self, body: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
        export = body.get("_export")
        if export is None:
            return {}
        if not isinstance(export, Mapping):
            self._report((*path, "_export"), "export", "Parameter '_export' must be an object",
                         no_export_hint(export))
            return {}
        return export

    def _bodies(self, children: Mapping[str, Any], path: Path) -> dict[str, Mapping[str, Any]]:
        """The bodies of the children; a list of mappings is joined in order (L-40)."""
        out: dict[str, Mapping[str, Any]] = {}
        for key, body in children.items():
            if isinstance(body, Mapping):
                out[key] = body
            elif isinstance(body, list) and all(isinstance(item, Mapping) for item in body):
                out[key] = {name: value for item in body for name, value in item.items()}
            else:
                self._report((*path, key), "task", f"Parameter '{key}' must be an object or array of objects",
                             no_body_hint(key, body))
        return out

    def _check_leaf(self, full_name: str, operators: Sequence[str], children: Mapping[str, Any], path: Path) -> None:
        if children:
            first = next(iter(children))
            self._report((*path, first), "subtasks",
                         f"A task can't have subtasks: {full_name} has an operator and {', '.join(children)}",
                         "move the operator into a task of its own")
        if len(operators) > 1:
            named = " and ".join(f"'{operator}'" for operator in operators)
            self._report((*path, operators[1]), "two-operators",
                         f"A task can't have more than one operator: {full_name} has {named}",
                         f"move '{operators[1]}' into a task of its own")

    def _check_group(self, full_name: str, config: Mapping[str, Any], path: Path) -> None:
        for key in config:
            if key in GROUP_KEYS or key == "_disable":
                continue
            near = similar(key, GROUP_KEYS)
            hint = f"did you mean [{', '.join(near)}]?" if near else no_group_key_hint(key, config[key])
            self._report((*path, key), "group-key", f"{full_name} contains invalid keys: '{key}'", hint)

    def _check_error(self, config: Mapping[str, Any], full_name: str, path: Path) -> None:
        """A broken `_error` is found before anything runs (L-115)."""
        body = config.get("_error")
        if body is None:
            return
        if not isinstance(body, Mapping):
            self._report((*path, "_error"), "error", "Parameter '_error' must be an object",
                         "it holds what a task holds: '_error: {sh>: ./tell.sh}'")
            return

        def report(below: Path, code: str, message: str, hint: str | None) -> None:
            self._report((*path, "_error", *below), code, message, hint)

        build("^error", full_name, body, report)

    def _parallel(self, config: Mapping[str, Any], path: Path) -> tuple[bool, int]:
        """Whether children run beside each other, and in batches of how many (0: all at once). L-60."""
        if "_parallel" not in config:
            return False, 0
        value = config["_parallel"]
        hint = f"{_READ_EARLY} true, false or {{limit: N}}"
        try:
            if isinstance(value, (bool, str)):
                return boolean("_parallel", value), 0
            if isinstance(value, Mapping):
                return True, max(0, required(value, "limit", integer))
            shown = "null" if value is None else value
            self._report((*path, "_parallel"), "parallel", f"Invalid _parallel format: {shown}", hint)
        except ConfigError as wrong:
            self._report((*path, "_parallel"), "parallel", f"{wrong} (at _parallel)", hint)
        return False, 0


class _Order:
    """What each child of one group waits for, as the children come in file order (L-59 to L-63)."""

    def __init__(self, is_parallel: bool, batch: int) -> None:
        self.is_parallel = is_parallel
        self.known: dict[str, int] = {}         # names so far, and their indexes
        self._batch = batch
        self._before: tuple[int, ...] = ()      # the batch before
        self._current: list[int] = []           # this batch; in a sequence: what the next task waits for

    def place(self, key: str, index: int, after: Sequence[int], *, is_background: bool) -> tuple[int, ...]:
        self.known[key] = index
        if not self.is_parallel:
            if is_background:
                self._current.append(index)
                return ()
            upstreams = tuple(self._current)
            self._current = [index]
            return upstreams
        if self._batch and len(self._current) == self._batch:
            self._before, self._current = tuple(self._current), []
        self._current.append(index)
        return tuple(dict.fromkeys((*self._before, *after))) if after else self._before
