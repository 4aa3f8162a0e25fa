"""What `check` found in one project; check_text, check_json and check_review tell it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from skydag.cli.project_dir import compiled, compiled_with_places
from skydag.model.records import dataclass, replace
from skydag.model.workflow import Place, Problem, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    folder: Path                            # the project's, absolute
    workflows: tuple[Workflow, ...]         # those without errors
    problems: tuple[Problem, ...]           # in file order; with --strict none is a warning
    params: Mapping[str, Any]               # what configuration, -P and -p load to
    places: Mapping[str, tuple[Place, ...]] # of the tasks, by workflow; empty if nobody asked

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if not problem.is_warning]

    @property
    def warnings(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.is_warning]


def find(
    folder: Path, params: Mapping[str, Any], ignore: Collection[str], *, is_strict: bool, with_places: bool,
) -> Findings:
    """Reads every workflow of the folder. InvalidError: a file cannot be read."""
    places: Mapping[str, tuple[Place, ...]] = {}
    if with_places:
        project, places = compiled_with_places(folder, ignore)
    else:
        project = compiled(folder, ignore)
    problems = project.problems
    if is_strict:
        problems = tuple(replace(problem, is_warning=False) for problem in problems)
    return Findings(folder=folder, workflows=project.workflows, problems=problems, params=params, places=places)


def requires(workflow: Workflow) -> list[str]:
    """The distinct targets of require>, in order of their tasks."""
    targets = (task.config["require>"] for task in workflow.tasks if "require>" in task.config)
    return list(dict.fromkeys(str(target) for target in targets))
