"""What people read after a slip: the whole text, so that a change of it is seen."""

from __future__ import annotations

import pytest
from tests.language.sources import reader

from skydag.language.compile import compile_project

SLIPS = {
    "two operators": (
        "+load:\n  sh>: ./load.sh\n  py>: tasks.load\n",
        ["w.dig:3:3: A task can't have more than one operator: +w+load has 'sh>' and 'py>'; "
         "move 'py>' into a task of its own"]),
    "an operator beside tasks": (
        "+load:\n  sh>: ./load.sh\n  +then: {echo>: done}\n",
        ["w.dig:3:3: A task can't have subtasks: +w+load has an operator and +then; "
         "move the operator into a task of its own"]),
    "a forgotten underscore": (
        "+all:\n  parallel: true\n  +a: {echo>: a}\n",
        ["w.dig:2:3: +w+all contains invalid keys: 'parallel'; did you mean [_parallel]?"]),
    "a forgotten plus": (
        "load:\n  sh>: ./load.sh\n",
        ["w.dig:1:1: Workflow 'w' includes unknown keys: [load]; write '+load:' if it is a task, "
         "or put it under '_export:' if it is a parameter"]),
    "a schedule with an underscore": (
        "_schedule:\n  daily>: 07:00:00\n+a: {echo>: a}\n",
        ["w.dig:1:1: Workflow 'w' includes unknown keys: [_schedule]; did you mean 'schedule'?"]),
    "an operator at the top": (
        "echo>: hi\n",
        ["w.dig:1:1: Workflow 'w' includes unknown keys: [echo>]; "
         "put the operator into a task: '+name: {echo>: ...}'"]),
    "tasks below the schedule": (
        "schedule:\n  daily>: 07:00:00\n  +a: {echo>: a}\n",
        ["w.dig:3:3: Parameter '+a' is not used at schedule; tasks stand beside 'schedule:', not below it"]),
    "a schedule without seconds": (
        "schedule:\n  daily>: 07:00\n+a: {echo>: a}\n",
        ["w.dig:2:3: daily> scheduler requires hh:mm:ss format: 07:00; write for example 'daily>: 07:00:00'"]),
    "a mistyped schedule option": (
        "schedule:\n  daily>: 07:00:00\n  skip_on_over_time: true\n+a: {echo>: a}\n",
        ["w.dig:3:3: Parameter 'skip_on_over_time' is not used at schedule; did you mean 'skip_on_overtime'?"]),
    "an sla without a time": (
        "sla:\n  fail: true\n+a: {echo>: a}\n",
        ["w.dig:1:1: SLA must be specified using either the 'time' or 'duration' option"]),
    "two operators below the sla": (
        "sla:\n  time: 10:00\n  echo>: late\n  sh>: x\n+a: {echo>: a}\n",
        ["w.dig:4:3: A task can't have more than one operator: +w^sla has 'echo>' and 'sh>'; "
         "move 'sh>' into a task of its own"]),
    "a tab": (
        "+a:\n\techo>: hi\n",
        ["w.dig:2:1: not YAML: found character that cannot start any token; "
         "indent with blanks, YAML allows no tabs there"]),
    "a colon in a value": (
        "+a:\n  echo>: note: this\n",
        ["w.dig:2:14: not YAML: mapping values are not allowed in this context; "
         "put a value that holds ': ' in quotes"]),
    "a template in braces": (
        "+a: {echo>: ${x}}\n",
        ["w.dig:1:14: not YAML: did not find expected ',' or '}'; "
         "inside {...}, put values that hold ${...} in quotes"]),
    "an empty task": (
        "+a:\n+b: {echo>: b}\n",
        ["w.dig:1:1: Parameter '+a' is required but null; indent below it what belongs to it; "
         "an empty task is written '+a: {}'"]),
    "after without a plus": (
        "_parallel: true\n+a: {echo>: a}\n+b:\n  _after: a\n  echo>: b\n",
        ["w.dig:4:3: Expected array type for key '_after' but got \"a\" (string); write a list of names, "
         "'_after: [+load]'"]),
    "several at once, in file order": (
        "timezone: PST\n+a b: {echo>: a}\n+c: {_parallel: 3}\n+d: {echo>: 1, sh>: 2}\n",
        ["w.dig:1:1: Unknown time zone name: PST; write a name such as Asia/Tokyo, Europe/Berlin or UTC",
         "w.dig:2:1: task name must not contain character ' ': \"+a b\"; write '+a_b'; a name has letters a-z, A-Z, "
         "digits and _ - = [ ] { } % & @ , . `, and no blanks",
         "w.dig:3:6: Invalid _parallel format: 3; it is read before anything runs: write true, false or {limit: N}",
         "w.dig:4:16: A task can't have more than one operator: +w+d has 'echo>' and 'sh>'; "
         "move 'sh>' into a task of its own"]),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_explained_with_its_place_and_the_way_out(slip: str) -> None:
    text, messages = SLIPS[slip]
    project = compile_project(["w.dig"], reader({"w.dig": text}))
    assert [str(problem) for problem in project.problems] == messages


def test_a_mistake_in_an_included_task_is_placed_in_the_included_file() -> None:
    files = {"w.dig": "+z: {foo: 1}\n!include : sub/tasks.yml\n", "sub/tasks.yml": "+a:\n  echo>: 1\n  sh>: 2\n"}
    project = compile_project(files, reader(files))
    assert [str(problem.place) for problem in project.problems] == ["w.dig:1:6", "sub/tasks.yml:3:3"]


def test_no_more_than_100_problems_of_a_file_are_listed() -> None:
    project = compile_project(["w.dig"], reader({"w.dig": "".join(f"k{n}: 1\n" for n in range(250))}))
    assert len(project.problems) == 101
    assert str(project.problems[-1]) == "w.dig:101:1: and 150 more problems"


ADVICE = {
    "+a: {sh>: x, _parallel: true}\n":
        "w.dig:1:14: _parallel has no effect beside sh>; "
        "it belongs to the group whose tasks shall run beside each other",
    "+a: {sh>: x, depends_on: +b}\n":
        "w.dig:1:14: depends_on is no word of the language; tasks of a sequence wait for the one before; "
        "in a parallel group write '_after: [+name]'",
    "+a: {call>: lod.dig}\n":
        "w.dig:1:6: call> names a file that is not in the project: lod.dig; did you mean 'load.dig'?",
    "_export: {echo>: x}\n+a: {}\n":
        "w.dig:1:11: a parameter named echo> makes every task below run this operator; rename it",
    "_export: {_retry: 2}\n+a: {}\n":
        "w.dig:1:11: _retry in _export retries every task below, too; write it beside _export to retry this one only",
    "+a: {sh>: x, _retry: -1}\n": "w.dig:1:14: _retry: -1 means no retry",
    "_export: {plugin: {dependencies: [a]}}\n+a: {}\n":
        "w.dig:1:11: plugin: has no effect here; operators come with Python packages that are installed, not from here",
    "+a: {sh>: x, ecs: {cluster: c}}\n":
        "w.dig:1:14: ecs: has no effect here; docker: {image: ...} runs on ECS in an installation",
}


@pytest.mark.parametrize("text", ADVICE)
def test_what_is_allowed_but_most_likely_a_slip_is_warned_of(text: str) -> None:
    files = {"w.dig": text, "load.dig": "+x: {}\n"}
    project = compile_project(files, reader(files))
    assert ([str(problem) for problem in project.problems], project.errors) == ([ADVICE[text]], ())
    assert [workflow.name for workflow in project.workflows] == ["load", "w"]


@pytest.mark.parametrize("text", [
    "+a: {call>: load}\n", "+a: {call>: sub/x.dig}\n", "+a: {call>: 'x'}\n", "+a: {call>: '${name}.dig'}\n",
    "+a: {loop>: 2, _parallel: true, _do: {}}\n", "+a: {py>: x.y, _parallel: true}\n", "_retry: 2\n+a: {}\n",
    "_export: {agent: smith}\n+a: {}\n",
])
def test_what_may_be_meant_is_not_warned_of(text: str) -> None:
    files = {"w.dig": text, "load.dig": "+x: {}\n", "sub/x.dig": "+x: {}\n"}
    assert compile_project(files, reader(files)).problems == ()


def test_what_a_file_calls_things_breaks_no_line_and_moves_no_cursor() -> None:
    project = compile_project(["w.dig"], reader({"w.dig": '"+a\\nb\\e[31m": {}\n'}))
    assert [problem.message for problem in project.problems] == [
        "task name must not contain character '\\n': \"+a\\nb\\x1b[31m\""]
