"""skydag show <workflow[.dig]>: the task tree of one file, as text or as a Mermaid flowchart."""

from __future__ import annotations

import sys

from skydag.cli.command import Command
from skydag.cli.options import Given, Option
from skydag.cli.project_dir import directory
from skydag.errors import InvalidError, NotFoundError
from skydag.model.workflow import Workflow

FORMATS = ("text", "mermaid")


def run(given: Given) -> int:
    kind = given.one("format") or "text"
    if kind not in FORMATS:
        raise InvalidError(f"Option --format takes {' or '.join(FORMATS)}, not '{kind}'")
    workflow = _workflow(given)
    from skydag.cli.task_tree import tree

    root = tree(workflow)
    if kind == "mermaid":
        from skydag.cli.show_mermaid import lines
    else:
        from skydag.cli.show_text import lines
    for line in lines(root):
        print(_shown(line))
    return 0


def _workflow(given: Given) -> Workflow:
    """One file, also one that is no workflow of its own and run by call>. WorkflowError with all its mistakes."""
    from skydag.language.compile import compile_file

    folder = directory(given)
    typed = given.arguments[0]
    name = typed if typed.endswith(".dig") else f"{typed}.dig"
    path = (folder / name).resolve()
    if not path.is_file():
        from skydag.language.problems import did_you_mean

        near = did_you_mean(name, [file.name for file in folder.glob("*.dig")])
        raise NotFoundError(f"there is no file {name} in {folder}" + (f"; {near}" if near else ""))
    root = folder.resolve()
    if not path.is_relative_to(root):
        raise InvalidError(f"{typed} is not in the project {folder}")
    return compile_file(path.relative_to(root).as_posix(), lambda inner: (root / inner).read_bytes())


def _shown(line: str) -> str:
    """The line, in letters that this output has."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    if "utf" in encoding:
        return line
    for sign, plain in (("├─ ", "|- "), ("└─ ", "`- "), ("│  ", "|  "), ("·", "-"), ("…", "~")):
        line = line.replace(sign, plain)
    return line.encode(encoding, "replace").decode(encoding)


COMMAND = Command(
    "show", "<workflow[.dig]>", range(1, 2), "Show the tasks of a workflow: what runs in which order.",
    (
        Option(("--format",), "FORMAT", "text (default), or mermaid: a flowchart for Markdown"),
        Option(("--project",), "DIR", "the project's directory (default: the current one)"),
    ),
    run,
)
