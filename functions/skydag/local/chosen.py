"""The workflow that a local run is asked for, out of its project folder (C-22 to C-24, E-144)."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from skydag.app.packing import listed
from skydag.app.workspace import reader
from skydag.engine.selection import find
from skydag.errors import InvalidError, NotFoundError, WorkflowError
from skydag.language.bodies import compile_tasks
from skydag.language.compile import compile_project
from skydag.language.problems import similar
from skydag.model.ids import ProjectId, WorkflowId
from skydag.model.project import StoredWorkflow
from skydag.model.records import replace
from skydag.model.run_options import RunOptions
from skydag.model.workflow import Project, Task, Workflow


def workflow(options: RunOptions) -> Workflow:
    """NotFoundError: there is no such file or workflow. WorkflowError: a file of the project is wrong, this one or
    another. InvalidError: `+task` names none of its tasks, or several."""
    name = _name(options)
    project = _project(options.project)
    found = project.workflow(name)
    if found is None:
        known = similar(name, [w.name for w in project.workflows])
        hint = f"; did you mean {known[0]}.dig?" if known else _there_are(options.project)
        raise NotFoundError(f"Workflow '{name}' does not exist in {options.project}{hint}")
    return found if options.task is None else only(found, options.task)


def _name(options: RunOptions) -> str:
    typed = options.file
    if not typed.endswith(".dig"):
        return typed
    path = options.project / typed
    if not path.is_file():
        if options.has_project_option and Path(typed).resolve().parent == options.project.resolve() and (
                options.project / Path(typed).name).is_file():
            raise NotFoundError(f"there is no file {typed} in the project {options.project}, where it is looked for: "
                                f"write '{Path(typed).name}'")
        near = similar(Path(typed).name, [p.name for p in path.parent.glob("*.dig")])
        hint = f"; did you mean {near[0]}?" if near else _there_are(path.parent)
        raise NotFoundError(f"there is no file {typed}{hint}")
    if path.parent.resolve() != options.project.resolve():
        folder = os.path.relpath(path.parent, options.project)
        raise InvalidError(f"{typed} is not at the top of the project {options.project}: "
                           f"'cd {folder}' first, or write '{path.name} --project {folder}'")
    return path.stem


def _there_are(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("*.dig"))
    if not names:
        return f"; there is no .dig file in {folder}: 'skydag init' makes an example"
    return f"; there {'is' if len(names) == 1 else 'are'} {', '.join(names[:10])}"


def _project(root: Path) -> Project:
    try:
        project = compile_project(listed(root), reader(root), is_advised=False)
    except FileNotFoundError as outside:                # listed, but not read
        raise InvalidError(f"{outside.filename or outside} in {root} is a link that leads out of the project: put the "
                           "file itself there") from outside
    except OSError as unread:
        raise InvalidError(f"{unread.filename or root} cannot be read: {unread.strerror}") from unread
    if project.errors:
        raise WorkflowError("\n".join(map(str, project.errors)))
    return project


def only(workflow: Workflow, pattern: str) -> Workflow:
    """The root, and below it only the task that the pattern matches, with all below that. The tasks before it are not
    part of it, nor what groups between the root and it export."""
    index = find(workflow.tasks, pattern)
    if index == 0:
        return workflow
    task, root = workflow.tasks[index], workflow.tasks[0]
    children: dict[int | None, list[Task]] = {}
    for one in workflow.tasks:
        children.setdefault(one.parent, []).append(one)
    body = {k: v for k, v in _body(children, task).items() if k not in ("_after", "_background")}
    tasks = compile_tasks(task.name, task.full_name[:-len(task.name)], body)
    moved = [replace(t, index=t.index + 1, parent=0 if t.parent is None else t.parent + 1,
                     upstreams=tuple(u + 1 for u in t.upstreams)) for t in tasks]
    return replace(workflow, tasks=(root, *moved))


def _body(children: dict[int | None, list[Task]], task: Task) -> dict[str, Any]:
    """The definition of a compiled task, for compiling it anew."""
    body = dict(task.config)
    if task.export:
        body["_export"] = dict(task.export)
    body.update((child.name, _body(children, child)) for child in children.get(task.index, ()))
    return body


def stored(workflow: Workflow, pages: str, now: datetime) -> StoredWorkflow:
    """Project `default`, revision = the start's time, ids from 1 (C-33)."""
    return StoredWorkflow(
        id=WorkflowId(1), name=workflow.name, project_id=ProjectId(1), project_name="default",
        timezone=workflow.timezone, revision=now.isoformat(timespec="seconds"), config=workflow.definition, pages=pages,
        task_count=len(workflow.tasks), archive=None, schedule=workflow.schedule, sla=workflow.sla)


def place_of(options: RunOptions, workflow: str, full_name: str) -> str | None:
    """Where a task of the workflow stands: daily.dig:4:3; None for one that was generated."""
    from skydag.language.include import load
    from skydag.language.places import task_places

    found = _original(options, workflow)
    if found is not None and options.task is not None:      # there the task stands right below the root
        task = found.tasks[find(found.tasks, options.task)]
        short = found.tasks[0].full_name + task.name
        if task.index and (full_name == short or full_name.startswith((f"{short}+", f"{short}^"))):
            full_name = task.full_name + full_name[len(short):]
    index = next((task.index for task in found.tasks if task.full_name == full_name), None) if found else None
    if found is None or index is None:
        return None
    return str(task_places(load(found.file, reader(options.project)), found.tasks)[index])


def _original(options: RunOptions, name: str) -> Workflow | None:
    try:
        return _project(options.project).workflow(name)
    except (InvalidError, WorkflowError):
        return None                                     # edited meanwhile
