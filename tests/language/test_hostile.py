"""Input made to do harm: refused quickly, with a reason, never with a traceback."""

from __future__ import annotations

import time

import pytest
from tests.language.sources import reader

from skydag.errors import ConfigError
from skydag.language.compile import compile_project
from skydag.language.evaluate import Evaluator

_ALIASES = "\n".join(f"  k{n}: &k{n} [{','.join([f'*k{n - 1}'] * 10)}]" for n in range(1, 10))
_MERGES = "\n".join(f"  k{n}: &k{n} {{<<: [{','.join([f'*k{n - 1}'] * 9)}], x{n}: 1}}" for n in range(1, 30))

FILES: dict[str, tuple[str | bytes, str]] = {
    "aliases that multiply": (f"_export:\n  k0: &k0 [x]\n{_ALIASES}\n", "expanded the file is larger than"),
    "brackets without end": ("+a: " + "[" * 100_000, "maximum nesting depth"),
    "lists in lists": ("a:\n" + "- " * 50_000 + "x\n", "maximum nesting depth"),
    "deep, but balanced": ("+a: " + "[" * 900 + "]" * 900, "deeper than 200 levels"),
    "a huge text": ('+a: {echo>: "' + "x" * 3_000_000 + '"}\n', "more than 2,097,152"),
    "a NUL": ('+a: {echo>: "a\0b"}\n', "U+0000"),
    "UTF-16": ("+a: {echo>: hi}\n".encode("utf-16"), "U+0000"),
    "a number of a million digits": ("_export: {a: " + "9" * 1_000_000 + "}\n", "a number of 1000000 digits"),
    "tasks without end": ("".join(f"+t{n}: {{}}\n" for n in range(25_000)), "more than 20,000 tasks in one file"),
    "values without end": ("_export:\n  a: [" + "x, " * 300_000 + "]\n", "more than 220,000 keys and values"),
    "a wide mapping, merged often": (
        "_export:\n  a: &a {" + ",".join(f"k{n}: 1" for n in range(5_000)) + "}\n"
        + "".join(f"  m{n}: {{<<: *a}}\n" for n in range(100)), "'<<' brings more than 220,000 values"),
    "a wait for everyone, by everyone": (
        "_parallel: {limit: 2000}\n+t0: {}\n" + "".join(f"+t{n}: {{_after: [+t0]}}\n" for n in range(1, 9_000)),
        "more than 1,000,000 tasks are waited for"),
    "a mapping inside itself": ("_export: &a {b: *a}\n", "refers to the value it stands in"),
    "a mapping merged into itself": ("_export: &a {<<: *a, x: 1}\n", "refers to the mapping it stands in"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_hostile_file_is_refused_within_a_second(kind: str) -> None:
    data, reason = FILES[kind]
    start = time.process_time()
    project = compile_project(["w.dig"], reader({"w.dig": data}))
    assert time.process_time() - start < 1
    assert reason in "\n".join(map(str, project.errors))
    assert all(problem.place.file == "w.dig" for problem in project.errors)


def test_merges_of_merges_take_no_time() -> None:
    start = time.process_time()
    project = compile_project(["w.dig"], reader({"w.dig": f"_export:\n  k0: &k0 {{x0: 1}}\n{_MERGES}\n"}))
    assert time.process_time() - start < 1
    assert project.errors == ()


def test_bytes_that_are_no_utf_8_are_warned_of_and_harmless() -> None:
    project = compile_project(["w.dig"], reader({"w.dig": b"+a: {echo>: \xff\xfe}\n"}))
    assert [problem.is_warning for problem in project.problems] == [True]
    assert project.workflows[0].tasks[1].config == {"echo>": "\ufffd\ufffd"}


SCRIPTS = {
    "without end": ("${(function(){for(;;){}})()}", "ran for more than"),
    "memory": ("${'x'.repeat(1e9)}", "64 MiB of memory"),
    "recursion": ("${(function f(){return f()})()}", "call stack"),
    "a pattern that never ends": ("${/(a+)+$/.test('" + "a" * 60 + "!')}", "ran for more than"),
    "a long array": ("${Array(4294967295).join('')}", "too long"),
    "a list without end": ("${[].concat(Array(4294967295)).toString()}", "too long"),
    "a length that lies": ("${[].splice.call({length: 9007199254740991}, 0, 1)}", "too long"),
    "reversed": ("${(function(){var a=[]; a[4294967294]=1; a.reverse(); return 1})()}", "too long"),
    "a counting callback": ("${[].reduceRight.call({length: 9e15}, function(a){return a}, 0)}", "too long"),
    "a set of it": ("${new Set(Array(4294967295)).size}", ""),
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_hostile_expression_ends_within_a_second(kind: str) -> None:
    text, reason = SCRIPTS[kind]
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        Evaluator("UTC").evaluate({"k": text}, {})
    assert time.process_time() - start < 1.2
    assert str(caught.value).startswith("Failed to evaluate a variable ${")
    assert reason in str(caught.value)


def test_after_a_hostile_expression_the_next_one_works() -> None:
    evaluator = Evaluator("UTC")
    with pytest.raises(ConfigError):
        evaluator.text("${'x'.repeat(1e9)}", {})
    assert evaluator.text("${1 + 1}", {}) == "2"
