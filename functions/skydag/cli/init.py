"""skydag init <dir> (C-15): a new project with an example that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from skydag.cli.command import Command
from skydag.cli.options import Given, Option
from skydag.errors import InvalidError

IGNORED: Final = ".digdag\n"
#: Types whose example cannot run yet, and the operator that it takes.
NOT_YET: Final[Mapping[str, str]] = {"td": "td>", "postgresql": "pg>"}


def _workflow(tasks: str, export: str = "") -> str:
    return f"""\
timezone: UTC

# A schedule starts a session each day, once the project is pushed to an installation:
# schedule:
#   daily>: 07:00:00

{export}+setup:
  echo>: start ${{session_time}}

{tasks}
+teardown:
  echo>: finish ${{session_time}}
"""


#: By type: files of the project. `<name>` stands for the workflow's name.
TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "echo": {"<name>.dig": _workflow("""\
+dates:
  +day:
    echo>: the day is ${session_date}
  +week:
    echo>: a week later it is ${moment(session_time).add(7, 'days').format("YYYY-MM-DD")}

+each:
  for_each>:
    fruit: [apple, orange]
  _do:
    echo>: one ${fruit}
""")},
    "sh": {
        "<name>.dig": _workflow("""\
+work:
  sh>: sh scripts/work.sh ${session_date}

+each:
  for_each>:
    part: [1, 2]
  _parallel: true
  _do:
    sh>: echo "part $part"
"""),
        "scripts/work.sh": """\
# The parameters of the task are variables, too.
echo "working on $1 ($session_time)"
"""},
    "ruby": {
        "<name>.dig": _workflow("""\
+work:
  rb>: Work.count
  require: tasks/work.rb
  upto: 3

+result:
  echo>: the sum is ${sum}
"""),
        "tasks/work.rb": """\
class Work
  # Arguments are the task's parameters, by name; what is stored is seen by the tasks after it.
  def count(upto: 10)
    sum = (1..upto.to_i).sum
    puts "counted to #{upto}"
    Digdag.env.store(sum: sum)
  end
end
"""},
    "python": {
        "<name>.dig": _workflow("""\
+work:
  py>: tasks.Work.count
  upto: 3

+result:
  echo>: the sum is ${sum}
"""),
        "tasks/__init__.py": """\
import digdag


class Work:
    # Arguments are the task's parameters, by name; what is stored is seen by the tasks after it.
    def count(self, upto=10):
        print(f"counting to {upto}")
        digdag.env.store({"sum": sum(range(int(upto) + 1))})
"""},
    "td": {
        "<name>.dig": _workflow("""\
+query:
  td>: queries/count.sql
""", """\
_export:
  td:
    database: sample_datasets

"""),
        "queries/count.sql": "SELECT count(*) FROM www_access\n"},
    "postgresql": {
        "<name>.dig": _workflow("""\
+query:
  pg>: queries/count.sql
  create_table: counted
""", """\
_export:
  pg:
    host: localhost
    user: ${pg_user}
    database: ${pg_database}

"""),
        "queries/count.sql": "SELECT count(*) AS n FROM pg_catalog.pg_tables\n"},
}


def run(given: Given) -> int:
    kind = given.one("type") or "echo"
    if kind not in TYPES:
        raise InvalidError(f"Unknown type '{kind}': use {', '.join(TYPES)}")
    folder = Path(given.arguments[0])
    name = _name(folder)
    if (folder / f"{name}.dig").exists():
        print(f"{folder / name}.dig exists already; nothing is changed")
        return 0
    files = {**TYPES[kind], ".gitignore": IGNORED}
    try:
        for file, text in files.items():
            _create(folder / file.replace("<name>", name), text)
    except OSError as refused:
        raise InvalidError(f"{refused.filename or folder} cannot be made: {refused.strerror}") from refused
    where = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    if kind in NOT_YET:
        print(f"Done. It needs the operator {NOT_YET[kind]}, which skydag does not have yet: until then it only shows "
              f"what such a workflow looks like ({where}skydag show {name}.dig)")
    else:
        print(f"Done. Try it: {where}skydag run {name}.dig")
    return 0


def _name(folder: Path) -> str:
    from skydag.language.names import workflow_name_fault

    name = folder.resolve().name
    fault = workflow_name_fault(name) if name else "it has no name"
    if fault:
        raise InvalidError(f"the workflow is to be named like its directory, but {fault}; give the directory another "
                           "name")
    return name


def _create(path: Path, text: str) -> None:
    """A file that is there is left as it is."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"  Creating {path}")


COMMAND = Command(
    "init", "<directory>", range(1, 2), "Make a project with an example that runs.",
    (Option(("-t", "--type"), "TYPE", f"{', '.join(TYPES)} (default echo)"),), run)
