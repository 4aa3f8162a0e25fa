"""skydag check: what people see, what tools read, and that a push and an upload say the same (C-16)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.api.world import Client, World
from tests.app.registry_world import World as UploadWorld
from tests.cli import check_goldens

from skydag.app.packing import pack
from skydag.app.register import Refused
from skydag.cli.excerpt import excerpt, split
from skydag.cli.main import main
from skydag.language.codes import WARNINGS
from skydag.model.workflow import Place, Problem

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "check.schema.json").read_text(encoding="utf-8"))
GOOD = {
    "daily.dig": (
        "timezone: Asia/Tokyo\nschedule:\n  daily>: 06:00:00\nsla: {time: 08:00, +late: {echo>: late}}\n"
        "_parallel: true\n+a: {echo>: 1}\n+g:\n  _after: [+a]\n  +c: {require>: other}\n  +d: {_type: sh, "
        "_command: ./d.sh}\n"),
    "other.dig": "+x:\n  echo>: ${v}\n",
    "params.yml": "v: 1\nratio: 1.0\nname: 名前\nmore: !!null\n",
}
WARNED = {"w.dig": "+a: {sh>: x, _retry: -1}\n"}
BROKEN = {
    "a.dig": "+load:\n  sh>: x\n  py>: y\n+b: {echo>: 1}\n+b: {echo>: 2}\n",
    "sub/part.yml": "+x: {parallel: true, +y: {echo>: 1}}\n",
    "z.dig": "schedule:\n  daily>: 7:00\n+g:\n  !include : sub/part.yml\n",
    "good.dig": "+a: {echo>: 1}\n",
}
BROKEN_AT = ["a.dig:3:3", "a.dig:5:1", "z.dig:2:3", "sub/part.yml:1:6"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SKYDAG_CONFIG", "DIGDAG_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def data(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> Any:
    assert main(["check", "--format", "json", *argv]) == code
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)
    return found


# --- goldens

@pytest.mark.parametrize("file", check_goldens.FILES, ids=lambda file: file.stem)
def test_a_mistyped_file_is_explained_as_somebody_looked_at_it(file: Path) -> None:
    assert check_goldens.told(file) == file.with_suffix(".txt").read_text(encoding="utf-8"), (
        "look at what `python -m tests.cli.check_goldens` writes")


def test_there_are_mistyped_files_and_each_is_found_fault_with_in_its_own_line() -> None:
    assert len(check_goldens.FILES) >= 20
    for file in check_goldens.FILES:
        text = file.with_suffix(".txt").read_text(encoding="utf-8")
        assert "^" in text and text.startswith(("error: ", "warning: ")), file


# --- JSON

def test_json_tells_all_of_a_project_in_the_documented_shape(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, GOOD)
    found = data(capsys)
    assert [workflow["name"] for workflow in found["workflows"]] == ["daily", "other"]
    assert found["workflows"][0] == {
        "name": "daily", "file": "daily.dig", "timezone": "Asia/Tokyo", "task_count": 5,
        "schedule": {"daily>": "06:00:00"}, "sla": {"time": "08:00", "+late": {"echo>": "late"}},
        "requires": ["other"],
        "tasks": [
            {"full_name": "+daily", "parent": None, "is_group": True, "upstreams": [], "operator": None,
             "place": "daily.dig:1:1"},
            {"full_name": "+daily+a", "parent": "+daily", "is_group": False, "upstreams": [], "operator": "echo",
             "place": "daily.dig:6:1"},
            {"full_name": "+daily+g", "parent": "+daily", "is_group": True, "upstreams": ["+daily+a"],
             "operator": None, "place": "daily.dig:7:1"},
            {"full_name": "+daily+g+c", "parent": "+daily+g", "is_group": False, "upstreams": [],
             "operator": "require", "place": "daily.dig:9:3"},
            {"full_name": "+daily+g+d", "parent": "+daily+g", "is_group": False, "upstreams": ["+daily+g+c"],
             "operator": "sh", "place": "daily.dig:10:3"},
        ],
    }
    assert found["errors"] == []


def test_json_shows_what_parameter_files_and_options_load_to(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, GOOD)
    assert data(capsys)["parameters"] == {}
    assert main(["check", "--format", "json", "-P", "params.yml", "-p", "v=2", "-p", "a.b=x"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["parameters"] == {"v": "2", "ratio": 1.0, "name": "名前", "more": None, "a": {"b": "x"}}
    assert '"ratio": 1.0,' in text                                      # a float stays one
    assert data(capsys, "--project", ".")["parameters"] == {"_project_path": str(project)}


def test_json_tells_errors_and_warnings_with_their_places_and_the_sound_workflows(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, {**BROKEN, **WARNED})
    found = data(capsys, code=1)
    assert [f"{one['file']}:{one['line']}:{one['column']}" for one in found["errors"]] == BROKEN_AT
    assert found["errors"][0] == {
        "file": "a.dig", "line": 3, "column": 3, "code": "two-operators", "hint": "move 'py>' into a task of its own",
        "message": "A task can't have more than one operator: +a+load has 'sh>' and 'py>'"}
    assert [one["code"] for one in found["warnings"]] == ["no-effect"]
    assert [workflow["name"] for workflow in found["workflows"]] == ["good", "w"]


@pytest.mark.parametrize(("path", "value"), [
    (["extra"], 1), (["workflows"], None), (["workflows", 0, "sla"], "08:00"), (["workflows", 0, "extra"], 1),
    (["workflows", 0, "tasks", 0, "place"], "here"), (["errors", 0, "line"], 0), (["errors", 0, "code"], "Two words"),
])
def test_the_schema_refuses_what_is_not_documented(
    path: list[str | int], value: object, project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, {**BROKEN, **GOOD})
    found = data(capsys, code=1)
    at = found
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)


def test_the_example_of_the_page_is_what_check_prints(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    example = json.loads(page.partition("```json\n")[2].partition("```")[0])
    write(project, {
        "daily.dig": "timezone: Asia/Tokyo\nschedule:\n  daily>: 07:00:00\n\n+load:\n  _retry: -1\n  sh>: ./load.sh\n\n"
                     "+report:\n  py>: tasks.report\n",
        "tasks.py": "def report(): pass\n"})
    assert data(capsys, "-p", "day=2025-01-01") == example


# --- code review

def test_sarif_holds_a_result_with_rule_level_and_region_for_each_problem(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project / "my flows", {**BROKEN, **WARNED})
    assert main(["check", "--format", "sarif", "--project", "my flows"]) == 1
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["tool"]["driver"]["name"] == "skydag" and len(set(rules)) == len(rules)
    assert [result["level"] for result in run["results"]] == ["error"] * 2 + ["warning"] + ["error"] * 2
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"] and result["message"]["text"]
    assert run["results"][0]["locations"] == [{"physicalLocation": {
        "artifactLocation": {"uri": "my%20flows/a.dig"}, "region": {"startLine": 3, "startColumn": 3}}}]


def test_github_gets_one_annotation_a_line_with_the_file_as_seen_from_here(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project / "flows,1", {"w.dig": "+a: {sh>: x, _retry: -1, env%: 1}\n+b%n: {sh>: x, py>: y}\n"})
    assert main(["check", "--format", "github", "--project", "flows,1"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "::error file=flows%2C1/w.dig,line=2,col=16::A task can't have more than one operator: +w+b%25n has 'sh>' and "
        "'py>'; move 'py>' into a task of its own"]
    write(project / "flows,1", WARNED)
    assert main(["check", "--format", "github", "--project", "flows,1"]) == 0
    assert capsys.readouterr().out == (
        "::warning file=flows%2C1/w.dig,line=1,col=14::_retry: -1 means no retry [no-effect]\n")


def test_nothing_to_say_is_no_line_for_github_and_no_result_in_sarif(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, {"w.dig": "+a: {echo>: 1}\n"})
    assert main(["check", "--format", "github"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["check", "--format", "sarif"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"] == []


# --- warnings

def test_strict_takes_warnings_for_errors(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, WARNED)
    assert main(["check"]) == 0
    told = capsys.readouterr()
    assert "warning: w.dig:1:14: _retry: -1 means no retry [no-effect]\n" in told.err
    assert "    w (2 tasks)\n" in told.out
    assert main(["check", "--strict"]) == 1
    told = capsys.readouterr()
    assert "error: w.dig:1:14: _retry: -1 means no retry\n" in told.err and told.out == ""
    assert [one["code"] for one in data(capsys, "--strict", code=1)["errors"]] == ["no-effect"]


def test_each_code_can_be_switched_off_by_option_and_by_configuration(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, {"w.dig": "_export: {_retry: 1, echo>: x}\n+a: {sh>: x, _retry: -1}\n"})

    def codes(*argv: str) -> list[str]:
        return [one["code"] for one in data(capsys, *argv)["warnings"]]

    every = codes()
    assert {"hijack", "retry-everywhere", "no-effect"} <= set(every)
    for code in every:
        assert codes("--ignore", code) == [other for other in every if other != code]
    assert codes("--ignore", "hijack", "-X", "check.ignore=no-effect, retry-everywhere") == [
        code for code in every if code not in ("hijack", "no-effect", "retry-everywhere")]
    assert main(["check", "--strict", *(word for code in set(every) for word in ("--ignore", code))]) == 0


def test_what_the_configuration_ignores_a_push_does_not_show_either(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, WARNED)
    nowhere = ("-e", "http://127.0.0.1:9")
    assert main(["push", "p", *nowhere]) == 1
    assert "warning: w.dig:1:14: _retry: -1 means no retry [no-effect]\n" in capsys.readouterr().err
    assert main(["push", "p", *nowhere, "-X", "check.ignore=no-effect"]) == 1
    assert "warning: " not in capsys.readouterr().err


def test_ignored_warnings_do_not_count_among_the_hundred(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"w.dig": "".join(f"+t{n}: {{sh>: x, _retry: -1}}\n" for n in range(150))})
    assert data(capsys)["warnings"][-1]["message"] == "and 50 more problems"
    assert data(capsys, "--ignore", "no-effect")["warnings"] == []
    text = "".join(f"+t{n}: {{sh>: x, _retry: -1}}\n" for n in range(1000))
    write(project, {"w.dig": text + "+last: {sh>: x, _rety: 1}\n"})
    assert [one["code"] for one in data(capsys, "--ignore", "no-effect")["warnings"]] == ["underscore"]


@pytest.mark.parametrize(("code", "reason"), [
    ("no-efect", "error: 'no-efect' is no code of a warning; did you mean 'no-effect'?"),
    ("two-operators", "error: 'two-operators' is no code of a warning; "),
])
def test_only_codes_of_warnings_can_be_ignored(
    code: str, reason: str, project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "--ignore", code]) == 1
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["text", "json", "sarif", "github"])
def test_an_output_without_the_letters_is_no_crash_in_any_form(kind: str, project: Path) -> None:
    write(project, {"w.dig": "+a: {sh>: x, py>: y}\n名前: 2\n", "p.json": '{"名前": "\\ud800"}'})
    write(project / "fine", {"w.dig": "_export: {名前: 名前}\n+a: {echo>: 1, _retry: -1}\n"})
    for folder, code in ((".", 1), ("fine", 0)):
        command = (sys.executable, "-m", "skydag", "check", "--format", kind, "--project", folder, "-P", "p.json")
        done = subprocess.run(command, capture_output=True, check=False, env={
            **os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)})
        assert done.returncode == code, done.stderr.decode()
        assert b"Traceback" not in done.stderr


# --- which project

def test_a_file_names_the_project_it_lies_in_and_all_of_that_is_checked(
    project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, GOOD)
    write(project / "elsewhere", {"p.dig": "+a: {echo>: 1}\n", "q.dig": "+a: {echo>: 1}\n"})
    assert [one["name"] for one in data(capsys, "daily.dig")["workflows"]] == ["daily", "other"]       # C-16
    assert [one["name"] for one in data(capsys, "elsewhere/p")["workflows"]] == ["p", "q"]
    assert [one["name"] for one in data(capsys, "--project", "elsewhere", "p.dig")["workflows"]] == ["p", "q"]


@pytest.mark.parametrize(("argv", "reason"), [
    (["dialy.dig"], "error: there is no file dialy.dig; did you mean 'daily.dig'?"),
    (["elsewhere"], "error: elsewhere is a directory: add '--project elsewhere'"),
    (["--format", "xml"], "error: Option --format takes text, json, sarif or github, not 'xml'"),
])
def test_what_cannot_be_checked_is_refused_in_a_line(
    argv: list[str], reason: str, project: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write(project, {**GOOD, "elsewhere/p.dig": "+a: {echo>: 1}\n"})
    assert main(["check", *argv]) == 1
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == reason and told.out == ""


# --- the same reasons everywhere

def test_check_push_and_upload_give_the_same_reasons(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {**BROKEN, **WARNED})
    assert main(["check"]) == 1
    shown = [line.removeprefix("error: ") for line in capsys.readouterr().err.splitlines()
             if line.startswith("error: ")]
    assert [line.partition(": ")[0] for line in shown] == BROKEN_AT
    found = data(capsys, code=1)["errors"]
    assert [one["message"] + (f"; {one['hint']}" if one["hint"] else "") for one in found] == [
        line.partition(": ")[2] for line in shown]
    assert main(["push", "p"]) == 1
    assert capsys.readouterr().err.replace("error: ", "").splitlines()[-len(shown):] == shown
    archive = pack(project)
    reply = Client(World())("PUT", "/api/projects?project=p&revision=1", {"content-type": "application/gzip"}, archive)
    assert reply.status == 400 and reply.value["message"].splitlines() == shown
    world = UploadWorld()
    refused = world.upload("upload/p.tar.gz", archive)
    assert isinstance(refused, Refused)
    error = json.loads(world.objects.get("upload/p.tar.gz.error.json"))
    assert error["message"].splitlines() == refused.reason.splitlines() == shown


# --- a terminal

def test_a_terminal_shows_colours_unless_told_not_to(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(project, WARNED)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["check", "--strict"]) == 1
    err = capsys.readouterr().err
    assert "\x1b[31;1merror:\x1b[0m" in err and "\x1b[31;1m^^^^^^\x1b[0m" in err and err.endswith("\n1 error\n")
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["check"]) == 0
    err = capsys.readouterr().err
    assert "\x1b" not in err and err.endswith(
        "warning: w.dig:1:14: _retry: -1 means no retry [no-effect]\n"
        "  1 | +a: {sh>: x, _retry: -1}\n    |              ^^^^^^\n\n1 warning\n")


def drawn(text: str, column: int, message: str = "m") -> list[str]:
    problem = Problem(place=Place(file="w.dig", line=1, column=column), code="c", message=message)
    return list(excerpt(problem, lambda name: split(text.encode())))


@pytest.mark.parametrize(("text", "column", "line", "caret"), [
    ("+a: {sh>: x}", 6, "+a: {sh>: x}", "     ^^^"),
    ("+a: {echo>: 名前, sh>: x}", 17, "+a: {echo>: 名前, sh>: x}", "                  ^^^"),     # two columns each
    ("\tsh>: x", 1, "→sh>: x", "^^^^"),
    ("x\x1b[2Jy: 1", 1, "x·[2Jy: 1", "^^"),                         # what a terminal would obey
    ("a" * 300 + " bad", 302, "…" + "a" * 95 + " bad", " " * 97 + "^^^"),
    ("+a:", 9, "+a:", "   ^"),                                      # behind the end of the line
])
def test_the_caret_stands_below_the_word(text: str, column: int, line: str, caret: str) -> None:
    head, shown, below = drawn(text, column)
    assert head == f"error: w.dig:1:{column}: m"
    assert (shown, below) == (f"  1 | {line}", f"    | {caret}")


def test_a_message_cannot_move_the_cursor_and_a_file_that_is_gone_has_no_line() -> None:
    problem = Problem(place=Place(file="w.dig", line=3), code="c", message="a\x1b[2Jb", hint="h")
    head, hint = excerpt(problem, lambda name: [])
    assert head.startswith("error: w.dig:3:1: a") and head.isprintable() and hint == "    = h"


# --- the page

def test_the_page_lists_every_code_of_a_warning() -> None:
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.split("`")[1] in WARNINGS] == [
        f"| `{code}` | {meaning} |" for code, meaning in sorted(WARNINGS.items())]


def test_a_file_that_cannot_be_read_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(project, GOOD)

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert main(["check"]) == 1
    assert capsys.readouterr().err.endswith(f"error: {project}/daily.dig: Permission denied\n")
