"""`check --format json`: the project and its problems as data. docs/check.schema.json is the promise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from skydag.cli.findings import Findings, requires
from skydag.model.workflow import Place, Problem, Task, Workflow


def text(findings: Findings) -> str:
    return json.dumps(as_data(findings), indent=2)


def as_data(findings: Findings) -> dict[str, Any]:
    return {
        "workflows": [_workflow(one, findings.places[one.name]) for one in findings.workflows],
        "parameters": findings.params,
        "errors": [_problem(problem) for problem in findings.errors],
        "warnings": [_problem(problem) for problem in findings.warnings],
    }


def _workflow(workflow: Workflow, places: Sequence[Place]) -> dict[str, Any]:
    return {
        "name": workflow.name,
        "file": workflow.file,
        "timezone": workflow.timezone,
        "task_count": len(workflow.tasks),
        "schedule": workflow.schedule,
        "sla": workflow.sla,
        "requires": requires(workflow),
        "tasks": [_task(task, workflow.tasks, place) for task, place in zip(workflow.tasks, places, strict=True)],
    }


def _task(task: Task, tasks: Sequence[Task], place: Place) -> dict[str, Any]:
    return {
        "full_name": task.full_name,
        "parent": None if task.parent is None else tasks[task.parent].full_name,
        "is_group": task.is_group,
        "upstreams": [tasks[index].full_name for index in task.upstreams],
        "operator": None if task.is_group else _operator(task.config),
        "place": str(place),
    }


def _operator(config: Mapping[str, Any]) -> str:
    """Its type: `sh` for `sh>`. As it is written: it may hold ${...}."""
    if "_type" in config:
        return str(config["_type"])
    return next(key.removesuffix(">") for key in config if key.endswith(">"))


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }
