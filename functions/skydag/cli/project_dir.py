"""A project directory on this machine: its workflows, read and checked."""

from __future__ import annotations

import sys
from pathlib import Path

from skydag.cli.options import Given
from skydag.errors import InvalidError, WorkflowError
from skydag.model.workflow import Project


def directory(given: Given) -> Path:
    """--project, or the current directory; absolute."""
    path = Path(given.one("project") or ".").absolute()
    if not path.is_dir():
        raise InvalidError(f"No such directory: {given.one('project')}")
    return path


def compiled(path: Path) -> Project:
    """Every workflow of the directory. Warnings go to standard error. WorkflowError: every error, a line each."""
    from skydag.app.packing import listed
    from skydag.language.compile import compile_project

    project = compile_project(listed(path), lambda name: (path / name).read_bytes())
    for problem in project.problems:
        if problem.is_warning:
            print(f"warning: {problem}", file=sys.stderr)
    if project.errors:
        raise WorkflowError("\nerror: ".join(str(problem) for problem in project.errors))
    return project
