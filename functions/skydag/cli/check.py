"""skydag check [workflow.dig] (C-16): reads every workflow of a project directory and says what it found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from skydag.cli.clock import now
from skydag.cli.command import Command
from skydag.cli.config import configuration, params
from skydag.cli.options import PARAMS, Given, Option
from skydag.cli.output import local_time, relative, yaml_lines
from skydag.cli.project_dir import compiled, directory
from skydag.model.workflow import Workflow


def run(given: Given) -> int:
    path = directory(given)
    own = params(given, configuration(given))
    if given.has("project"):
        own["_project_path"] = str(path)
    project = compiled(path)
    print(f"  System default timezone: {machine_zone()}\n")
    print(f"  Definitions ({len(project.workflows)} workflows):")
    for workflow in project.workflows:
        print(f"    {workflow.name} ({len(workflow.tasks)} tasks)")
        for target in _required(workflow):
            print(f"      -> {target}")
    print("\n  Parameters:")
    print("\n".join(yaml_lines(own, 4)))
    scheduled = [workflow for workflow in project.workflows if workflow.schedule is not None]
    print(f"\n  Schedules ({len(scheduled)} entries):")
    for workflow in scheduled:
        print("\n".join(_schedule(workflow, now())))
    print()
    return 0


def _required(workflow: Workflow) -> list[str]:
    """The distinct targets of require>, in order of their tasks."""
    found = (task.config["require>"] for task in workflow.tasks if "require>" in task.config)
    return list(dict.fromkeys(str(target) for target in found))


def _schedule(workflow: Workflow, present: datetime) -> Iterator[str]:
    from skydag.language.timetable import Timetable

    config = workflow.schedule or {}
    first = Timetable(config, workflow.timezone).first(present)
    yield f"    {workflow.name}:"
    yield from yaml_lines(config, 6)
    yield f"      first session time: {local_time(first.session_time.isoformat())}"
    run_time = local_time(first.run_time.isoformat())
    yield f"      first scheduled to run at: {run_time} {relative(first.run_time, present)}"


def machine_zone() -> str:
    """The name of this machine's zone, as well as it can be known."""
    if os.environ.get("TZ"):
        return os.environ["TZ"].removeprefix(":")
    link = Path("/etc/localtime")
    if link.is_symlink():
        _, is_zone, name = str(link.resolve()).partition("/zoneinfo/")
        if is_zone:
            return name
    return "UTC"


COMMAND = Command(
    "check", "[<workflow.dig>]", range(2),
    "Check the workflows of a project directory: what is in them, or everything that is wrong.",
    (Option(("--project",), "DIR", "the project's directory (default: the current one)"), *PARAMS),
    run,
)
