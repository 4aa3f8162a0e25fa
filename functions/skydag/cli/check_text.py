"""`check` for people: what is in the project (C-16), or everything that is wrong with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

from skydag.cli import output
from skydag.cli.excerpt import Lines, excerpt, split
from skydag.cli.findings import Findings, requires
from skydag.cli.output import local_time, relative, yaml_lines
from skydag.cli.project_dir import line_of
from skydag.model.workflow import Workflow


def tell(findings: Findings, present: datetime) -> None:
    """The problems to standard error, on a terminal with what they are about; a sound project to standard output."""
    if is_terminal(sys.stderr):
        print_excerpts(findings, has_colour="NO_COLOR" not in os.environ)
    else:
        for problem in findings.problems:
            output.tell(line_of(problem), sys.stderr)
    if not findings.errors:
        output.tell("\n".join(_contents(findings, present)), sys.stdout)


def is_terminal(out: TextIO) -> bool:
    return out.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def print_excerpts(findings: Findings, *, has_colour: bool) -> None:
    lines = lines_below(findings.folder)
    for problem in findings.problems:
        output.tell("\n".join((*excerpt(problem, lines, has_colour=has_colour), "")), sys.stderr)
    if findings.problems:
        print(count(findings), file=sys.stderr)


def lines_below(folder: Path) -> Lines:
    """The lines of files of a project, each read once."""
    known: dict[str, list[str]] = {}

    def lines(name: str) -> list[str]:
        if name not in known:
            try:
                known[name] = split((folder / name).read_bytes())
            except OSError:
                known[name] = []
        return known[name]

    return lines


def count(findings: Findings) -> str:
    """2 errors, 1 warning"""
    numbers = ((len(findings.errors), "error"), (len(findings.warnings), "warning"))
    return ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in numbers if number)


def _contents(findings: Findings, present: datetime) -> Iterator[str]:
    yield f"  System default timezone: {machine_zone()}\n"
    yield f"  Definitions ({len(findings.workflows)} workflows):"
    for workflow in findings.workflows:
        yield f"    {workflow.name} ({len(workflow.tasks)} tasks)"
        yield from (f"      -> {target}" for target in requires(workflow))
    yield "\n  Parameters:"
    yield from yaml_lines(findings.params, 4)
    scheduled = [workflow for workflow in findings.workflows if workflow.schedule is not None]
    yield f"\n  Schedules ({len(scheduled)} entries):"
    for workflow in scheduled:
        yield from _schedule(workflow, present)
    yield ""


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
