"""`${...}`: Digdag's cases, the scopes, the two ways to a result, isolation, messages."""

from __future__ import annotations

import contextlib
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from tests.language.sources import cases

from skydag.errors import ConfigError
from skydag.language import javascript
from skydag.language.evaluate import Evaluator
from skydag.language.references import MISS, json_of, reference
from skydag.language.template import Expression, Literal, split

MODERN = {"EX-66": "[2,4]", "EX-67": "a1", "EX-68": "true"}      # skydag takes today's JavaScript


@pytest.mark.parametrize("case", cases("expressions.json"), ids=lambda case: case["id"])
def test_a_case_gives_what_digdag_gives(case: dict[str, Any]) -> None:
    evaluator = Evaluator(case["zone"])

    def result() -> Any:
        if case["kind"] == "T":
            return evaluator.text(case["text"], case["params"])
        return evaluator.evaluate(case.get("config") or json.loads(case["text"]), case["params"])

    if case["id"] in MODERN:
        assert result() == MODERN[case["id"]]
    elif case["error"]:
        with pytest.raises(ConfigError, match=case["error"]):
            result()
    else:
        assert json.dumps(result()) == json.dumps(case["expected"])


BUILT_IN = frozenset(("moment", "JSON", "Math", "Date", "Object", "typeof", "new", "function", "return", "var", "true",
                      "false", "null", "undefined", "parseInt", "String", "Number"))
CONTENT = '{"attempts": [{"id": 1, "done": true}], "workflows": [{"id": 1}]}'


def synthesized(expression: str) -> dict[str, Any]:
    """Parameters in which everything that the expression names exists; an index by name is "k"."""
    code = re.sub(r"'[^']*'|\"[^\"]*\"", "''", expression)
    params: dict[str, Any] = dict.fromkeys(re.findall(r"\[([A-Za-z_]\w*)\]", code), "k")
    code = re.sub(r"\[[A-Za-z_]\w*\]", ".k", code)
    for chain, call in re.findall(r"(?<![\w$.'\])])([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)(\s*\()?", code):
        names = chain.split(".")
        leaf: Any = CONTENT if chain == "http.last_content" else "2016-03-13T10:00:00+09:00"
        if call:
            leaf = ["a", "b"] if names.pop() == "join" else leaf
        elif len(names) > 1 and hasattr(str, names[-1]):
            names.pop()
        if not names or names[0] in BUILT_IN or (names[0] in params and len(names) == 1):
            continue
        inner = params
        for name in names[:-1]:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner.setdefault(names[-1], leaf)
    return params


def test_of_the_expressions_in_use_all_give_a_result_but_those_that_the_docs_list() -> None:
    evaluator, failed = Evaluator("Asia/Tokyo"), {}
    for case in cases("expression_corpus.json"):
        try:
            evaluator.text(f"${{{case['expression']}}}", synthesized(case["expression"]))
        except ConfigError as error:
            failed[case["expression"]] = str(error)
    page = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
    section = page.partition("## Expressions of real projects")[2].partition("\n## ")[0]
    assert sorted(failed) == sorted(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)), failed
    assert not [message for message in failed.values() if "InternalError" in message], failed


def test_nine_of_ten_uses_need_no_javascript() -> None:
    found = uses = 0
    for case in cases("expression_corpus.json"):
        params = synthesized(case["expression"])
        uses += case["uses"]
        if reference(case["expression"], params) is not MISS:
            found += case["uses"]
    assert found >= 0.85 * uses


def _random_value(chance: random.Random, depth: int = 0) -> Any:
    kinds: list[Any] = [
        None, True, False, chance.randint(-5, 5), chance.randint(-2**60, 2**60),
        chance.random() * 10**chance.randint(-9, 25), float(chance.randint(-9, 9)), 1e21, 1e-7, -0.0, "", "text",
        "é\u2028\"\\\n", "\x7f", "0", "é"]
    if depth < 3:
        kinds += [[_random_value(chance, depth + 1) for _ in range(chance.randint(0, 3))],
                  {chance.choice(["a", "b", "2", "10", "01", "-1", "x y", "4294967295", "4294967294", "toString"]):
                   _random_value(chance, depth + 1) for _ in range(chance.randint(0, 4))}] * 4
    return chance.choice(kinds)


@pytest.mark.parametrize("seed", range(40))
def test_python_and_javascript_give_the_same_text_for_every_reference(seed: int) -> None:
    chance = random.Random(seed)
    paths = ["v", "v.a", "v[0]", "v['2']", "v.a[k]", 'v["x y"]', "v[k]", "v.a.b", "v[1].a", "v['10']", "v[i]",
             "v['01']"]
    for _ in range(10):
        names = {"v": _random_value(chance), "k": chance.choice(["a", "2", 1, 0, 1.0]), "i": chance.randint(0, 3)}
        for path in paths:
            fast = reference(path, names)
            if fast is not MISS:
                text = f"${{{path}}}"
                assert javascript.run(text, split(text), json.dumps(names), "UTC", alone=False) == fast, (path, names)


@pytest.mark.parametrize("name", ["toString", "constructor", "__proto__", "length", "this", "null", "undefined", "no"])
def test_what_only_javascript_can_say_is_left_to_it(name: str) -> None:
    assert reference(name, {}) is MISS
    assert reference(f"s.{name}", {"s": "text"}) is MISS
    assert reference(f"o.{name}", {"o": {}}) is MISS


def test_json_is_written_as_javascript_writes_it_l_96() -> None:
    value = {"b": 1.0, "10": [None, True], "9": "é\"", "01": 1e21}
    assert json_of(value) == '{"9":"é\\"","10":[null,true],"b":1,"01":1e+21}'


def test_a_text_is_split_by_counting_braces_l_97() -> None:
    assert split("a $$ ${x} ${ {y: 1}.y }${}$") == (
        Literal("a $ "), Expression("x", 7), Literal(" "), Expression(" {y: 1}.y ", 12), Literal("$"))
    assert split("${secret:a.b} ${unclosed {") == (Literal("${secret:a.b} ${unclosed {"),)


def test_a_long_text_with_many_expressions_is_split_in_linear_time() -> None:
    assert len(split("x${a}" * 100_000)) == 200_000


def test_results_longer_than_a_rope_come_back_whole() -> None:
    text = Evaluator("UTC").text("${a + a}${b}!", {"a": "x" * 50_000, "b": "y" * 50_000})
    assert text == "x" * 100_000 + "y" * 50_000 + "!"


@pytest.mark.parametrize("value", ["a\0b", "\ud83d\ude00", "\u2028\u2029", "é" * 9_000])
def test_any_text_survives_the_way_through_javascript(value: str) -> None:
    wanted = value.encode("utf-16", "surrogatepass").decode("utf-16")
    assert Evaluator("UTC").text("${v + ''}", {"v": value}) == wanted


ATTEMPTS = [
    "${zzz = 1}", "${Array.prototype.zzz = 1}", "${Object['ass' + 'ign'](Array.prototype, {zzz: 1})}",
    "${Object.getPrototypeOf([]).push(1)}", "${[].push.call(Math, 1)}", "${[JSON].forEach([].push, Math)}",
    "${moment.updateLocale('en', {months: ['a','b','c','d','e','f','g','h','i','j','k','l']}) && 1}",
    "${moment['update' + 'Locale']('en', {months: ['a','b','c','d','e','f','g','h','i','j','k','l']}) && 1}",
    "${moment.months().push('x')}", "${moment.fn['form' + 'at'] === 1}", "${delete Math.abs}",
    "${(function(){for (JSON.parse of [1]); return 1})()}", "${this.zzz = 1}", "${(0, eval)('zzz = 1')}",
    "${Function('zzz = 1')()}", "${[].constructor.constructor('zzz = 1')()}", "${String.prototype.trim = null}",
    "${moment.relativeTimeThreshold('s', 1)}", "${moment().localeData()['mon' + 'ths'].call({}) || 1}",
    "${Reflect.set(Math, 'zzz', 1)}", "${Object.defineProperty(Date.prototype, 'zzz', {value: 1}) && 1}",
    "${moment['momentProperties'].push('x')}", "${/x'/ && Object['assign'](JSON, {zzz: 1}) && /'/}",
    "${Object.setPrototypeOf(Math, {zzz: 1}) && 1}", "${`${Math.zzz = 1}`}",
]
PROBE = ("${typeof zzz}|${typeof [].zzz}|${[].length}|${[][0]}|${Math[0]}|${Math.zzz}|${JSON.zzz}|${typeof Math.abs}|"
         "${typeof JSON.parse}|${' x '.trim()}|${new Date(0).zzz}|${moment(0).utc().format('MMMM')}|"
         "${moment.months().length}|${moment.duration(10, 's').humanize()}|${typeof this.zzz}")


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_no_expression_leaves_a_trace_for_the_next_l_100(attempt: str) -> None:
    evaluator = Evaluator("UTC")
    before = evaluator.text(PROBE, {})
    with contextlib.suppress(ConfigError):
        evaluator.text(attempt, {})
    assert evaluator.text(PROBE, {}) == before
    assert before == "undefined|undefined|0|||||function|function|x||January|12|a few seconds|undefined"


def test_numbers_that_json_does_not_know_are_null() -> None:
    values = {"a": float("nan"), "b": [float("inf"), 1.0]}
    assert Evaluator("UTC").text("${a}|${b}", values) == "|[null,1]"
    assert Evaluator("UTC").text("${a}|${b}|${typeof a}|${b.length + 1}", values) == "|[null,1]|object|3"


def test_parameters_nested_without_end_are_an_error_of_the_task() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = {"k": deep}
    with pytest.raises(ConfigError, match="nested too deeply"):
        Evaluator("UTC").evaluate({"d": deep}, {})


def test_neither_python_nor_the_machine_can_be_reached() -> None:
    for name in ("process", "require", "os", "fs", "std", "fetch", "XMLHttpRequest", "WebAssembly", "console",
                 "SharedArrayBuffer", "setTimeout", "navigator", "scriptArgs", "__box"):
        assert Evaluator("UTC").text(f"${{typeof globalThis['{name}']}}", {}) == "undefined"


ZONES = [("Asia/Tokyo", "2016-03-13T19:00:00+09:00"), ("America/New_York", "2016-03-13T06:00:00-04:00"),
         ("UTC", "2016-03-13T10:00:00+00:00"), ("+05:30", "2016-03-13T15:30:00+05:30")]


@pytest.mark.parametrize(("zone", "local"), ZONES)
def test_the_clock_is_that_of_the_workflow_v_10(zone: str, local: str) -> None:
    scope = {"t": "2016-03-13T10:00:00Z"}
    assert Evaluator(zone).text("${moment(t).format()}", scope) == local
    assert Evaluator(zone).text("${new Date(t).getHours()}", scope) == str(int(local[11:13]))


def test_a_wall_clock_time_in_a_gap_moves_forward_and_a_doubled_one_is_the_earlier() -> None:
    berlin = Evaluator("Europe/Berlin")
    assert berlin.text("${moment('2025-03-30 02:30').format()}", {}) == "2025-03-30T03:30:00+02:00"
    assert berlin.text("${moment('2025-10-26 02:30').format()}", {}) == "2025-10-26T02:30:00+02:00"


MESSAGES = [
    ("${no_such}", {}, 'Failed to evaluate a variable ${no_such} (ReferenceError: "no_such" is not defined)'),
    ("a ${ok} ${sesion_time} b", {"ok": 1, "session_time": "x"},
     'Failed to evaluate a variable a ${ok} ${sesion_time} b (ReferenceError: "sesion_time" is not defined, '
     "in ${sesion_time}, character 11; did you mean 'session_time'?)"),
    ("${a.b.c}", {"a": {}},
     "Failed to evaluate a variable ${a.b.c} (TypeError: cannot read property 'c' of undefined)"),
    ("${a} ${a +}", {"a": 1},
     "Failed to evaluate a variable ${a} ${a +} (SyntaxError: unexpected token in expression: ')', in ${a +})"),
]


@pytest.mark.parametrize(("text", "scope", "message"), MESSAGES)
def test_a_failure_names_the_expression_and_what_is_missing_l_102(
    text: str, scope: dict[str, Any], message: str,
) -> None:
    with pytest.raises(ConfigError) as caught:
        Evaluator("UTC").text(text, scope)
    assert str(caught.value) == message


def test_a_whole_file_is_not_repeated_in_a_message() -> None:
    with pytest.raises(ConfigError) as caught:
        Evaluator("UTC").text("select 1\n" * 10_000 + "${no_such}", {})
    assert len(str(caught.value)) < 1_200
    assert '"no_such" is not defined, in ${no_such}, character 90003' in str(caught.value)


def test_plain_references_never_load_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(javascript, "run", None)
    config = {"echo>": "${a.b[0]} ${session_time}", "n": {"x": "${a}"}}
    assert Evaluator("UTC").evaluate(config, {"a": {"b": [1]}, "session_time": "t"}) == {
        "echo>": "1 t", "n": {"x": '{"b":[1]}'}}


def test_the_same_text_in_two_zones_does_not_mix_them() -> None:
    text, scope = "${moment(t).format('Z')}", {"t": "2016-03-13T10:00:00Z"}
    zones = ["Asia/Tokyo", "UTC", "Asia/Tokyo"]
    assert [Evaluator(zone).text(text, scope) for zone in zones] == ["+09:00", "+00:00", "+09:00"]


def test_a_missing_moment_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise FileNotFoundError(name)

    monkeypatch.setattr(javascript, "_script", missing)
    with pytest.raises(ConfigError, match=r"run: python infra/fetch_moment\.py"):
        javascript._moment()
