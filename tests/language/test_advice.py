"""Warnings: what is allowed and most likely a slip. Each is shown where it is right, and where it must be silent."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from tests.digdag.workflow_cases import all_cases
from tests.language.sources import reader

from skydag.app.operators import BUILT_IN, GROUP
from skydag.app.packing import listed
from skydag.language.advice.options import OPTIONS
from skydag.language.advice.spelling import one_letter_off
from skydag.language.codes import WARNINGS
from skydag.language.compile import compile_project

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BESIDE = {"load.dig": "+x: {echo>: x}\n", "sub/x.dig": "+x: {echo>: x}\n"}


def warnings(text: str, operators: frozenset[str] | None = None) -> list[str]:
    """`line:column code message; hint` of every warning; there must be no error."""
    files = {"w.dig": text, **BESIDE}
    project = compile_project(files, reader(files), operators=operators)
    assert project.errors == ()
    return [f"{problem.place.line}:{problem.place.column} {problem.code} {problem.message}"
            + (f"; {problem.hint}" if problem.hint else "") for problem in project.problems]


EXPORT = "_export: {%s}\n+a: {echo>: a}\n"
SCHEDULE = "schedule: {daily>: '07:00:00'}\n"
RIGHT = {
    # names of parameters
    EXPORT % "_type: echo": "1:11 hijack a parameter named _type makes every task below run this operator; rename it",
    EXPORT % "+b: {echo>: b}": "1:11 never-runs +b is no task inside _export, it never runs; write it beside _export",
    EXPORT % "_error: {echo>: b}":
        "1:11 no-effect _error has no effect in _export; write it in the task that it is for",
    EXPORT % "_paralel: true":
        "1:11 underscore _paralel is no word of the language, only a parameter; did you mean '_parallel'?",
    EXPORT % "my name: 1":
        "1:11 blank no ${...} can name the parameter 'my name': it has a blank in it; write 'my_name'",
    EXPORT % "session_time: x":                                                                         # L-76
        "1:11 shadowed session_time is a built-in variable, which no _export can change; "
        "choose another name, or write it beside the operator that shall see it",
    "+a: {x: 1, _export: {x: 2}, py>: a.b}\n":
        "1:22 shadowed the task's own x hides the one in its _export; keep one of them",
    "+a: {_export: {k: 1}, for_each>: {v: [1]}, _do: {_export: {v: 2}, echo>: x}}\n":                    # L-108
        "1:60 shadowed the v of for_each> hides the one that is exported here; choose another name",
    # keys of tasks
    "+a: {_own: 1, sh>: x}\n": "1:6 underscore _own is no word of the language, only a parameter",
    "+a:\n  create_tables:: x\n  echo>: x\n":
        "2:3 doubled-colon the colon of create_tables: is doubled; write 'create_tables:'",
    "+a: {echo>: x, messge: y}\n": "1:16 unknown-option echo> does not know messge",
    "+a: {loop>: 2, cuont: 3, _do: {echo>: x}}\n":
        "1:16 unknown-option loop> does not know cuont; did you mean 'count'?",
    "+a: {loop>: 2, do: {echo>: x}, _do: {echo>: y}}\n":
        "1:16 unknown-option loop> does not know do; did you mean '_do'?",
    "+a: {call>: load, x: 1}\n":
        "1:19 unknown-option call> does not know x; the called tasks see what stands in _export",
    "+a: {sh>: x, retry: 3}\n": "1:14 unknown-option retry is only a parameter of the script; did you mean '_retry'?",
    "+a: {sh>: x, after: [+b]}\n":
        "1:14 no-effect after is no word of the language; tasks of a sequence wait for the one before; "
        "in a parallel group write '_after: [+name]'",
    "+g:\n  timezone: UTC\n  +a: {echo>: a}\n":                                                         # L-45
        "2:3 no-effect timezone has no effect on a group; write timezone at the top of the file",
    "+g:\n  _secrets: {a: b}\n  +a: {echo>: a}\n":
        "2:3 no-effect _secrets has no effect on a group; write it in the task that reads it",
    "+a: {sh>: x, _env: {1a: x}}\n":                                                                    # L-121
        "1:21 env-name Invalid _env key name: 1a; letters, digits and _ only, no digit first",
    "+a: {fail>: x, _retry: 2}\n":                                                                      # L-112
        "1:16 no-effect _retry has no effect beside fail>; put the task into a group and write _retry there",
    "_retry: ${n}\n+a: {echo>: a}\n":                                                                   # L-111
        "1:1 retry the _retry of a group is not evaluated: this one means no retry; write a number",
    "_retry: {interval: 3}\n+a: {echo>: a}\n":
        "1:1 retry a _retry that is not understood means no retry; "
        "write a number, or {limit: 3, interval: 10, interval_type: exponential}",
    "+a: {sh>: a, _retry: {limit: 1, interval_type: linear}}\n":
        "1:14 retry a _retry that is not understood fails the task; "
        "write a number, or {limit: 3, interval: 10, interval_type: exponential}",
    # bodies that are made into tasks at run time: L-36
    "+a: {loop>: 2, _do: {+b: {echo>: 1, sh>: 2}}}\n":
        "1:37 broken-body this will fail when it runs: A task can't have more than one operator: +w+a^sub+b has "
        "'echo>' and 'sh>'; move 'sh>' into a task of its own",
    "+a: {loop>: 2, _do: text}\n":
        "1:16 broken-body Parameter '_do' must be an object; write tasks or an operator in it",
    # tasks that never run
    "{}\n": "1:1 no-tasks workflow 'w' has no tasks: it does nothing and succeeds; "
            "a task is written '+name: {sh>: ...}', beside the other keys",
    "+g:\n  _check: {echo>: x}\n  +a: {echo>: a}\n":                                                    # L-117
        "2:3 never-runs the _check of a group never runs (L-117); write it in a task with an operator, "
        "or as the last task of the group",
    "+a: {fail>: x}\n+b: {echo>: b}\n+c: {echo>: c}\n":
        "2:1 never-runs +b never runs: +a above it always fails; put fail> into the _do of an if>",
    "+a: {if>: true, _do: {echo>: x}, _else_do: {echo>: y}}\n":
        "1:34 never-runs what _else_do holds never runs, as if> is written",
    "+a: {loop>: 0, _do: {echo>: x}}\n": "1:16 never-runs what _do holds never runs, as loop> is written",
    "+a: {for_each>: {x: []}, _do: {echo>: x}}\n": "1:26 never-runs what _do holds never runs, as for_each> is written",
    "+a: {sh>: x, _do: {echo>: x}}\n":
        "1:14 never-runs sh> does not run what _do holds; it belongs beside if>, loop>, for_each> or for_range>",
    "+a: {loop>: 2, _do: {echo>: x}, _else_do: {echo>: x}}\n":
        "1:33 never-runs what _else_do holds never runs, as loop> is written",
    # what an operator fails without: L-64
    "+a: {sh>: }\n": "1:6 missing-option sh> has no value, without which it fails; write 'sh>: ...'",
    "+a: {loop>: 2}\n": "1:6 missing-option loop> has nothing to run; write tasks or an operator below '_do:'",
    "+a: {if>: '${x}'}\n": "1:6 missing-option if> has nothing to run; write tasks or an operator below '_do:'",
    # conditions: L-66
    "+a:\n  if>: ${x} == 1\n  _do: {echo>: x}\n":
        "2:3 condition if> takes true or false, and gets a text that ends up as neither: ${x} == 1; "
        "put the whole comparison inside one ${...}",
    "+a: {if>: yes, _do: {echo>: x}}\n":
        "1:6 condition if> takes true or false, not yes; write a comparison inside ${...}",
    # secrets
    EXPORT % "td: {db_password: hunter2}":
        "1:16 secret db_password looks like a secret in plain text; store it with 'skydag secrets --set' and write "
        "${secret:name} in _env, or let the operator ask for it",
    "+a: {sh>: 'curl https://me:pw@example.com/'}\n":
        "1:6 secret sh> looks like a secret in plain text; store it with 'skydag secrets --set' and write "
        "${secret:name} in _env, or let the operator ask for it",
    # what is not there
    "+a: {require>: lod}\n":
        "1:6 missing-workflow require> names a workflow that is not in the project: lod; did you mean 'load'?",
    "+a: {require>: load.dig}\n":
        "1:6 missing-workflow require> names a workflow that is not in the project: load.dig; "
        "write 'load', without .dig",
    # expressions: L-94, L-99
    "+a:\n  echo>: ${sesion_time}\n":
        "2:3 unknown-name ${...} names sesion_time, which nothing gives; did you mean 'session_time'?",
    "_export: {table: t}\n+a:\n  sh>: load ${tabel}\n":
        "3:3 unknown-name ${...} names tabel, which nothing gives; did you mean 'table'?",
    SCHEDULE + "+a:\n  loop>: 2\n  _do:\n    echo>: ${x + 1}\n":
        "5:5 unknown-name ${...} names x, which nothing gives: no key of the file, no task above that could store it, "
        "and a schedule gives no parameters; put it under '_export:'",
    "+a:\n  echo>: ${p}\n  p: 1\n":
        "2:3 below ${...} names p, which stands below it in the task; move 'p' above 'echo>', or into _export",
    "+a:\n  p: 1\n  headers: {x: \"${p}\"}\n  py>: a.b\n":
        "3:13 below ${...} names p, which a text inside 'headers' does not see; move 'p' into _export",
}


@pytest.mark.parametrize("text", RIGHT)
def test_a_slip_is_warned_of_with_its_place_and_the_way_out(text: str) -> None:
    assert warnings(text) == [RIGHT[text]]


@pytest.mark.parametrize("text", [
    # parameters may have any name, and a task may have any key that a script can see: L-43, L-71
    EXPORT % "_table: x", EXPORT % "last_session_time: x", EXPORT % "_workdir: sub", EXPORT % "_parallel: true",
    "_export: {x: 1}\n+g:\n  _export: {x: 2}\n  +a: {echo>: a}\n",
    "+a: {sh>: x, whatever: 1, retry: no}\n", "+a: {py>: a.b, parallel: true, after: x}\n",
    "+a: {message: hi, echo>: '${message}'}\n", "+a: {rb>: A.b, x: 1}\n", "+a: {some_plugin>: x, y: 1}\n",
    "+a: {sh>: x, _retry: '${n}'}\n", "+a: {sh>: x, _retry: {limit: '2', interval: 1}}\n",
    "+a: {loop>: 2, _retry: 1, _do: {echo>: x}}\n",
    # tasks that do run
    "_parallel: true\n+a: {fail>: x}\n+b: {echo>: b}\n", "+a: {fail>: x}\n+b: {_background: true, echo>: b}\n",
    "+a: {_disable: true, fail>: x}\n+b: {echo>: b}\n", "+a: {if>: '${x}', _do: {fail>: x}}\n+b: {echo>: b}\n",
    "+a: {echo>: x, _check: {echo>: ok}}\n", "+a: {loop>: '${n}', _do: {echo>: x}}\n",
    "+a: {_disable: true, _retry: x, sh>: x, _own: 1}\n",
    "+a: {if>: '${x}', _else_do: {echo>: x}}\n", "+a: {py>: , script: x.py}\n",
    # conditions that may be true
    "+a: {if>: '${x == 1}', _do: {echo>: x}}\n", "+a: {if>: ' ${x} ', _do: {echo>: x}}\n",
    # what only looks like a secret
    EXPORT % "password: '${secret:db}'", EXPORT % "token_url: https://example.com/token", EXPORT % "secret_name: abc",
    "+a: {sh>: x, _secrets: {db: {password: other.place}}}\n", EXPORT % "password: ''", EXPORT % "max_tokens: many",
    # what may be given by somebody: -p, a task, a called file, a loop
    "+a: {echo>: '${given}'}\n", SCHEDULE + "+a: {py>: a.b}\n+b: {echo>: '${stored}'}\n",
    SCHEDULE + "_error: {echo>: '${error.message}'}\n+a: {echo>: '${session_date} ${last_session_time}'}\n",
    SCHEDULE + "+a: {loop>: 2, _do: {echo>: '${i}'}}\n+b: {for_each>: {k: [1]}, _do: {echo>: '${k}'}}\n",
    SCHEDULE + "+a: {echo>: \"${typeof x == 'undefined' ? 1 : x}\"}\n",
    SCHEDULE + "+a: {echo>: '${[1].map(function(n){return n})} ${JSON.stringify({q: 1})}'}\n",
    SCHEDULE + "+a: {call>: load}\n+b: {echo>: '${stored}'}\n",
    SCHEDULE + "+a: {echo>: '${secret:x} ${moment().format(\"YYYY\")} ${Math.max(1, 2)}'}\n",
    "_export: {table_a: 1, day1: 1, shop: x}\n+a: {echo>: '${table_b} ${day2} ${shops}'}\n",
    "_export: {p: 1}\n+a: {echo>: '${p}', p: 2}\n", "+a: {p: '${q}', q: 1, py>: a.b}\n+b: {q: 2, py>: a.b}\n",
    "+a: {py>: a.b}\n+b: {echo>: '${p}', p: '${p}'}\n", "+a: {p: '${p}', sh>: x}\n",
    # what is there
    "+a: {require>: load}\n", "+a: {require>: other, project_name: p}\n", "+a: {require>: '${x}'}\n",
])
def test_what_may_be_meant_is_not_warned_of(text: str) -> None:
    assert warnings(text) == []


def test_an_operator_that_no_package_brings_is_named_l_143() -> None:
    known = frozenset(BUILT_IN)
    assert warnings("+a: {eco>: x}\n", known) == ["1:6 unknown-operator Unknown task type: eco; did you mean 'echo'?"]
    assert warnings("+a: {_type: slack, _command: x}\n", known) == [
        "1:6 unknown-operator Unknown task type: slack; the package that brings the operator is not installed here"]
    assert warnings("+a: {_type: '${kind}'}\n+b: {if>: true, _do: {sh>: x}}\n", known) == []


def test_the_options_of_every_operator_are_known() -> None:
    assert set(BUILT_IN) - set(OPTIONS) <= {"sh", "py", "rb", "param_get", "param_set"}      # they take any


@pytest.mark.parametrize(("text", "message"), [
    ("+a:\n  echo>:: hi\n", "w.dig:2:3: +w+a contains invalid keys: 'echo>:'; the colon is doubled: write 'echo>:'"),
    ("+g:\n  _env: {A: b}\n  +a: {echo>: a}\n",
     "w.dig:2:3: +w+g contains invalid keys: '_env'; _env works beside an operator only"),
])
def test_a_slip_that_is_an_error_is_explained_as_well(text: str, message: str) -> None:
    assert [str(problem) for problem in compile_project(["w.dig"], reader({"w.dig": text})).errors] == [message]


def test_tasks_of_the_sla_are_looked_at_too() -> None:
    assert warnings("sla:\n  time: 10:00\n  +late: {echo>: x, to: me}\n+a: {echo>: a}\n") == [
        "3:21 unknown-option echo> does not know to"]


@pytest.mark.parametrize(("name", "known"), [
    ("sesion_time", True), ("sesssion_time", True), ("sessoin_time", True), ("sezsion_time", True),
    ("ession_time", True), ("session_timf", False), ("session_times", False), ("session_time2", False),
    ("session_tim", True), ("sseion_tmie", False), ("sessoin_tmie", False)])
def test_a_name_is_misspelt_by_one_slip_of_the_finger_only(name: str, known: bool) -> None:
    assert (one_letter_off(name, ["session_time"]) == "session_time") is known


def test_a_short_name_is_no_misspelt_one() -> None:
    assert one_letter_off("abxd", ["abcxd"]) is None
    assert one_letter_off("abcxd", ["abxd"]) is None
    assert one_letter_off("cable", ["table"]) is None
    assert one_letter_off("cabled", ["tabled"]) == "tabled"
    assert one_letter_off("tbale", ["table"]) == "table"


def test_a_task_of_several_mappings_is_looked_at_as_one_l_40() -> None:
    assert warnings("+a:\n  - {echo>: x}\n  - {messge: y}\n") == ["3:6 unknown-option echo> does not know messge"]


@pytest.mark.parametrize(("value", "is_secret"), [("abc", False), ("abcd", True)])
def test_a_secret_has_four_letters_or_more(value: str, is_secret: bool) -> None:
    assert bool(warnings(EXPORT % f"password: {value}")) is is_secret


def test_an_item_of_a_list_has_its_own_place() -> None:
    assert warnings("+a:\n  l:\n    - x\n    - token: abcdef\n  sh>: x\n")[0].startswith("4:7 secret token")


def test_a_code_is_left_out_when_it_is_ignored() -> None:
    files = {"w.dig": "+a: {echo>: x, messge: y, _own: 1}\n"}
    found = compile_project(files, reader(files), ignore={"unknown-option"}).problems
    assert [problem.code for problem in found] == ["underscore"]


def test_every_code_of_a_warning_is_shown_by_a_test_and_no_other_is_used() -> None:
    shown = {message.split()[1] for message in RIGHT.values()} | {"unknown-operator"}
    elsewhere = {"export", "missing-file", "not-utf-8", "retry-everywhere"}     # test_compile, test_messages, test_yaml
    assert set(WARNINGS) - shown == elsewhere


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_the_examples_give_no_warning(example: str) -> None:
    folder = EXAMPLES / example
    projects = [tomllib.loads(path.read_text(encoding="utf-8"))["project"] for path in folder.rglob("pyproject.toml")]
    own = {name for project in projects for name in project["entry-points"][GROUP]}         # of a plugin that it shows
    project = compile_project(
        listed(folder), lambda name: (folder / name).read_bytes(), operators=frozenset({*BUILT_IN, *own}))
    assert project.problems == ()


# Cases of odd workflows that are warned of, all of them rightly. Another case here is to be looked at: a false alarm?
WARNED = frozenset((
    "if-null", "if-nothing-to-do", "foreach-without-do", "sh-without-command",
    "if-number-text", "if-text-yes", "if-text-forms", "if-bad-condition-first", "if-body-broken",
    "if-unused-branch-not-evaluated", "loop-zero-parallel", "foreach-empty-last", "foreach-empty-first",
    "call-missing-file", "call-outside-project", "if-body-list", "loop-body-text", "error-stops-sequence",
    "error-check-on-group-ignored", "error-check-broken", "error-check-broken-with-sub",
    "error-group-error-names-all", "resume-from-refused", "require-missing-workflow", "kill-during-error-task",
    "session-refused-start-leaves-nothing", "order-background-runs-though-predecessor-fails", "order-empty-workflow",
    "param-builtin-wins-over-export", "param-operator-name-in-export", "param-underscore-keys-ordinary",
    "param-export-text-on-group", "param-leaf-ordinary-keys", "accepted-group-noop-keys",
    "retry-group-always-failing", "retry-leaf-without-base", "retry-leaf-bad", "retry-group-bad-ignored",
    "retry-exported", "sh-env-bad-name",
))


def test_of_three_hundred_odd_workflows_only_those_with_a_slip_are_warned_of() -> None:
    cases = [case for _, case in all_cases()]
    warned = {case["id"] for case in cases if compile_project(case["files"], reader(case["files"])).problems
              and case["expect"]["push"] == "ok"}
    assert warned == WARNED
    assert len(cases) > 300


def test_ten_thousand_slips_are_found_in_linear_time() -> None:
    def seconds(count: int) -> float:
        text = "".join(f"+t{n}: {{echo>: '${{nam{n}x}}', opt{n}: 1}}\n" for n in range(count))
        start = time.process_time()
        assert len(warnings(SCHEDULE + text)) == 101
        return time.process_time() - start

    assert seconds(8_000) < 8 * min(seconds(2_000), seconds(2_000))


def test_what_aliases_multiply_is_looked_at_once() -> None:
    lines = "\n".join(f"  k{n}: &k{n} [{','.join([f'*k{n - 1}'] * 10)}]" for n in range(1, 6))
    start = time.process_time()
    found = warnings(f"_export:\n  k0: &k0 [{{token: abcdef}}, '${{sesion_time}}']\n{lines}\n+a: {{echo>: x}}\n")
    assert [line.split()[1] for line in found] == ["secret", "unknown-name"]
    assert time.process_time() - start < 0.3
