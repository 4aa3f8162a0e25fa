"""From .dig files to workflows; what can be known before a run is checked here (language.md sections 3 to 7).

All mistakes of a file are reported, each with its place, in file order.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from skydag.errors import ConfigError
from skydag.language import sla as sla_rules
from skydag.language.collector import no_collection
from skydag.language.hints import no_body_hint, no_export_hint, odd_blank_hint
from skydag.language.include import Reader, load, load_text
from skydag.language.names import workflow_name_fault
from skydag.language.problems import Refused, did_you_mean, in_file_order, workflow_error
from skydag.language.source import PROBLEMS_KEPT_MAX, Document
from skydag.language.tree import Path, build
from skydag.model.values import json_type
from skydag.model.workflow import Place, Problem, Project, Task, Workflow
from skydag.model.zones import zone

SUFFIX: Final = ".dig"
ROOT_KEYS: Final = ("schedule", "sla", "_error", "_check", "_retry", "_parallel")
TOP_KEYS: Final = ("timezone", "_export", *ROOT_KEYS)
NO_EFFECT_IN_A_CALL: Final = ("schedule", "sla", "_check")


def compile_project(
    paths: Iterable[str], read: Reader, ignore: Collection[str] = (), operators: Collection[str] | None = None, *,
    is_advised: bool = True,
) -> Project:
    """Every workflow among the files of a project (L-1): those in its top folder, in order of name, and every problem
    found in them. A workflow with errors is not among the workflows. ignore: codes of warnings that are left out.
    operators: the names of those that are installed, None if that is not known. is_advised: whether odd things that are
    no errors are looked for, which takes as long as all the rest."""
    return _project(one for one, _ in _compiled(paths, read, ignore, operators, is_advised=is_advised))


def compile_with_places(
    paths: Iterable[str], read: Reader, ignore: Collection[str] = (), operators: Collection[str] | None = None,
) -> tuple[Project, dict[str, tuple[Place, ...]]]:
    """The same, and where the tasks of each workflow stand, by its name and in order of its tasks."""
    from skydag.language.places import task_places  # a run asks for one place, and only after a failure

    compiled = list(_compiled(paths, read, ignore, operators))
    places = {one.workflow.name: task_places(document, one.workflow.tasks)
              for one, document in compiled if one.workflow is not None and document is not None}
    return _project(one for one, _ in compiled), places


def _compiled(
    paths: Iterable[str], read: Reader, ignore: Collection[str], operators: Collection[str] | None, *,
    is_advised: bool = True,
) -> Iterator[tuple[_Compiled, Document | None]]:
    files = frozenset(paths)
    for path in sorted(path for path in files if is_workflow(path)):
        try:
            document = load(path, read)
        except Refused as refused:
            yield _Compiled(None, in_file_order(refused.problems, path, ignore)), None
        else:
            yield _compile(path, document, files if is_advised else None, ignore, operators), document


def _project(compiled: Iterable[_Compiled]) -> Project:
    workflows: list[Workflow] = []
    problems: list[Problem] = []
    for one in compiled:
        problems.extend(one.problems)
        if one.workflow is not None:
            workflows.append(one.workflow)
    return Project(workflows=tuple(workflows), problems=tuple(problems))


def is_workflow(path: str) -> bool:
    """Whether the file at that path of a project is a workflow by its name (L-1, L-2)."""
    return path.endswith(SUFFIX) and "/" not in path and not path.startswith(".")


def compile_file(path: str, read: Reader) -> Workflow:
    """The workflow of one file. WorkflowError with all its errors, one a line; FileNotFoundError."""
    try:
        document = load(path, read)
    except Refused as refused:
        raise workflow_error(in_file_order(refused.problems, path)) from None
    workflow, problems = _compile(path, document)
    if workflow is None:
        raise workflow_error(problems)
    return workflow


def load_body(path: str, read: Reader) -> Mapping[str, Any]:
    """What `call>` runs as `^sub` (E-95): the definition of the file, with `_workdir` exported if the file lies in a
    folder (L-34); its timezone, schedule, sla and _check have no effect. WorkflowError; FileNotFoundError."""
    try:
        return _body(path, load(path, read))
    except Refused as refused:
        raise workflow_error(refused.problems) from None


def text_body(name: str, text: str, read: Reader) -> Mapping[str, Any]:
    """The same for a definition at hand; `name` is its name in messages, without slashes. Includes come through `read`.
    WorkflowError."""
    try:
        return _body(name, load_text(name, text.encode(), read))
    except Refused as refused:
        raise workflow_error(refused.problems) from None


def _body(path: str, document: Document) -> Mapping[str, Any]:
    file = _File(path, document)
    body: dict[str, Any] = {}
    with suppress(_EnoughError):
        body = {key: value for key, value in file.definition().items() if key not in NO_EFFECT_IN_A_CALL}
        file.tree(body, "^sub")
    if file.errors:
        raise workflow_error(file.all_problems())
    return body


class _Compiled(NamedTuple):
    workflow: Workflow | None           # None: there are errors among the problems
    problems: tuple[Problem, ...]


@no_collection()
def _compile(
    path: str, document: Document, files: Collection[str] | None = None, ignore: Collection[str] = (),
    operators: Collection[str] | None = None,
) -> _Compiled:
    file = _File(path, document, ignore)
    try:
        definition = file.definition()
        name = file.check_name()
        timezone = file.timezone()
        file.check_schedule(timezone)
        tasks = file.tree(definition, f"+{name}")
    except _EnoughError:
        return _Compiled(None, file.all_problems())
    if file.errors:
        return _Compiled(None, file.all_problems())
    if files is not None:
        from skydag.language.advice import advise  # by `check` and `push`; a run never loads it

        with suppress(_EnoughError):
            advise(name, definition, files, file.warn, operators)
    workflow = Workflow(
        name=name, file=path, timezone=timezone, definition=definition, tasks=tasks,
        schedule=definition.get("schedule"), sla=definition.get("sla"))
    return _Compiled(workflow, file.all_problems())


class _EnoughError(Exception):
    """So much is wrong, or odd, that the file is not looked at further."""


class _File:
    """One file on its way to a workflow."""

    def __init__(self, path: str, document: Document, ignore: Collection[str] = ()) -> None:
        self.path, self._document, self._value, self._ignore = path, document, document.value, ignore
        self._problems = list(document.problems)

    def report(self, path: Path, code: str, message: str, hint: str | None = None) -> None:
        self._add(Problem(place=self._document.place(path), code=code, message=message, hint=hint))

    def warn(self, path: Sequence[str | int], code: str, message: str, hint: str | None = None) -> None:
        if code in self._ignore:
            return
        place = self._document.place(path)
        self._add(Problem(place=place, code=code, message=message, hint=hint, is_warning=True))

    def _add(self, problem: Problem) -> None:
        self._problems.append(problem)
        if len(self._problems) >= PROBLEMS_KEPT_MAX:
            raise _EnoughError

    @property
    def errors(self) -> bool:
        return any(not problem.is_warning for problem in self._problems)

    def all_problems(self) -> tuple[Problem, ...]:
        return in_file_order(self._problems, self.path, self._ignore)

    def check_name(self) -> str:
        name = posixpath.basename(self.path).removesuffix(SUFFIX)
        fault = workflow_name_fault(name)
        if fault:
            self._problems.append(Problem(place=Place(file=self.path), code="workflow-name", message=fault,
                                          hint="rename the file"))
        return name

    def definition(self) -> dict[str, Any]:
        """The definition in its stored order (L-33): _export, the root's keys, the tasks."""
        self._check_keys()
        out: dict[str, Any] = {}
        export = self._export()
        if export:
            out["_export"] = export
        for key in ROOT_KEYS:
            if key in self._value:
                out[key] = self._value[key]
        out.update((key, value) for key, value in self._value.items() if key.startswith("+"))
        return out

    def _check_keys(self) -> None:
        name = posixpath.basename(self.path).removesuffix(SUFFIX)
        for key, value in self._value.items():
            if not key.startswith("+") and key not in TOP_KEYS:
                self.report((key,), "unknown-key", f"Workflow '{name}' includes unknown keys: [{key}]",
                            _advice(key, value))
            elif value is None and key not in ("timezone", "_export"):
                hint = no_body_hint(key, None) if key.startswith("+") else "give it a value, or remove it"
                self.report((key,), "null", f"Parameter '{key}' is required but null", hint)

    def _export(self) -> Mapping[str, Any]:
        export = self._value.get("_export")
        if not isinstance(export, Mapping | None):
            self.report(("_export",), "export", "Parameter '_export' must be an object",
                        no_export_hint(export))
            return {}
        folder = posixpath.dirname(self.path)
        if not folder:
            return export or {}
        below = (export or {}).get("_workdir")
        return {**(export or {}), "_workdir": posixpath.join(folder, below) if isinstance(below, str) else folder}

    def timezone(self) -> str:
        value = self._value.get("timezone")
        if value is None:
            return "UTC"
        try:
            if not isinstance(value, str):
                raise ConfigError(f"Unknown time zone name: {json.dumps(value)} ({json_type(value)})")
            zone(value)
        except ConfigError as wrong:
            self.report(("timezone",), "timezone", str(wrong), "write a name such as Asia/Tokyo, Europe/Berlin or UTC")
            return "UTC"
        return value

    def check_schedule(self, timezone: str) -> None:
        if "schedule" in self._value:
            from skydag.language import timetable  # most files have none

            self._check_block("schedule", timetable.faults, timezone)
        self._check_block("sla", sla_rules.faults, timezone)
        if isinstance(sla := self._value.get("sla"), Mapping):
            name = posixpath.basename(self.path).removesuffix(SUFFIX)
            build("^sla", f"+{name}", sla_rules.sla_body(sla), lambda path, *what: self.report(("sla", *path), *what))

    def _check_block(self, block: str, faults: Callable[[Mapping[str, Any], str], list[sla_rules.Fault]],
                     timezone: str) -> None:
        value = self._value.get(block)
        if value is not None and not isinstance(value, Mapping):
            self.report((block,), block, f"Parameter '{block}' must be an object", None)
        elif value is not None:
            for key, message, hint in faults(value, timezone):
                self.report((block, key) if key else (block,), block, message, hint)

    def tree(self, definition: Mapping[str, Any], name: str) -> tuple[Task, ...]:
        nulls = {key for key, value in definition.items() if value is None}

        def report(path: Path, code: str, message: str, hint: str | None) -> None:
            if code == "export":                                # L-122: the start is refused, see check_exports
                self.warn(path, code, message, "no start of this workflow will be accepted")
            elif not (len(path) == 1 and path[0] in nulls):     # reported already, in other words
                self.report(path, code, message, hint)

        return build(name, "", definition, report, is_file=True)


def _advice(key: str, value: Any) -> str | None:
    if odd := odd_blank_hint(key):
        return odd
    if key.endswith(">"):
        return f"put the operator into a task: '+name: {{{key}: ...}}'"
    if f"_{key}" in TOP_KEYS:
        return f"did you mean '_{key}'?"
    near = did_you_mean(key, TOP_KEYS)
    if near:
        return near
    if isinstance(value, Mapping):
        return f"write '+{key}:' if it is a task, or put it under '_export:' if it is a parameter"
    return f"put parameters under '_export:', or write '+{key}:' if it is a task"
