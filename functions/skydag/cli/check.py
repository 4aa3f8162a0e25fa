"""skydag check [workflow.dig] (C-16): reads every workflow of a project directory and says what it found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from skydag.cli.clock import now
from skydag.cli.command import Command
from skydag.cli.config import configuration, params
from skydag.cli.findings import Findings, find
from skydag.cli.options import PARAMS, Given, Option
from skydag.cli.output import tell
from skydag.cli.project_dir import directory, ignored_codes
from skydag.errors import InvalidError, NotFoundError

FORMATS: Final = ("text", "json", "sarif", "github")


def run(given: Given) -> int:
    kind = given.one("format") or "text"
    if kind not in FORMATS:
        raise InvalidError(f"Option --format takes text, json, sarif or github, not '{kind}'")
    config = configuration(given)
    folder = _folder(given)
    own = params(given, config)
    if given.has("project"):
        own["_project_path"] = str(folder)
    findings = find(folder, own, ignored_codes(given, config), is_strict=given.has("strict"),
                    with_places=kind == "json")
    _tell(findings, kind)
    return 1 if findings.errors else 0


def _tell(findings: Findings, kind: str) -> None:
    if kind == "text":
        from skydag.cli import check_text

        check_text.tell(findings, now())
    elif kind == "json":
        from skydag.cli.check_json import text

        print(text(findings))
    else:
        from skydag.cli import check_review

        for line in [check_review.sarif(findings)] if kind == "sarif" else check_review.github(findings):
            tell(line, sys.stdout)


def _folder(given: Given) -> Path:
    """The project's directory: that of the file, if one is named. The whole project is checked all the same."""
    folder = directory(given)
    if not given.arguments:
        return folder
    typed = given.arguments[0]
    name = typed if typed.endswith(".dig") else f"{typed}.dig"
    file = folder / name
    if file.is_file():
        if given.has("project") and file.parent != folder:
            raise InvalidError(f"{name} is not at the top of the project {given.one('project')}: name one of the two")
        return file.parent
    if (folder / typed).is_dir():
        raise InvalidError(f"{typed} is a directory: add '--project {typed}'")
    from skydag.language.problems import did_you_mean

    near = did_you_mean(file.name, [path.name for path in file.parent.glob("*.dig")])
    raise NotFoundError(f"there is no file {name}" + (f"; {near}" if near else ""))


COMMAND = Command(
    "check", "[<workflow.dig>]", range(2),
    "Check the workflows of a project directory: what is in them, or everything that is wrong.",
    (
        Option(("--project",), "DIR", "the project's directory (default: the current one)"),
        *PARAMS,
        Option(("--format",), "FORMAT", "text (default), json, sarif or github"),
        Option(("--strict",), None, "take warnings for errors"),
        Option(("--ignore",), "CODE", "leave out the warnings of this code", repeats=True),
    ),
    run,
    "Exit code 1 if there is an error. docs/check.md shows the formats and the codes of warnings.",
)
