"""How `${...}` is evaluated, rule by rule: V-1 to V-15, L-90 to L-104, L-171 to L-173."""

from __future__ import annotations

from typing import Any

import pytest

from skydag.errors import ConfigError
from skydag.language.evaluate import Evaluator
from skydag.model.numbers import java_double, javascript_number


def evaluated(config: dict[str, Any], params: dict[str, Any] | None = None, zone: str = "UTC") -> dict[str, Any]:
    return Evaluator(zone).evaluate(config, params or {})


def text(template: str, scope: dict[str, Any] | None = None, zone: str = "UTC") -> str:
    return Evaluator(zone).text(template, scope or {})


def fails(config: dict[str, Any], params: dict[str, Any] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        evaluated(config, params)
    return str(caught.value)


def test_keys_numbers_booleans_and_null_are_no_templates_l_90() -> None:
    config = {"${k}": 1, "b": True, "n": None, "f": 1.5, "s": "no dollar"}
    assert evaluated(config, {"k": "v"}) == config
    assert list(evaluated(config)) == list(config)


def test_all_parameters_are_evaluated_used_or_not_v_2_l_91() -> None:
    assert "nope" in fails({"unused": "${nope}", "echo>": "x"}, {"unused": "${nope}"})
    config = {"a": "${one}", "one": 1, "echo>": "${a}"}
    assert evaluated(config, {"one": 1, "a": "${one}"}) == {"a": "1", "one": 1, "echo>": "1"}


def test_a_text_at_the_top_sees_raw_parameters_under_results_above_v_3_l_92() -> None:
    assert evaluated({"b": "x${s}", "a": "${b} ${c}", "c": "${s}"}, {"s": 1, "c": "${s}"}) == {
        "b": "x1", "a": "x1 ${s}", "c": "1"}


def test_a_text_in_a_mapping_sees_only_results_of_that_mapping_v_4_l_92_l_172() -> None:
    config = {"d": "${x}", "local": 1, "o": {"p": "1", "g": "${d}|${p}", "deep": {"h": "${typeof p}"}},
              "l": ["${d}", ["${d}"], {"g": "${d}"}]}
    assert evaluated(config, {"d": "${x}", "x": "X"}) == {
        "d": "X", "local": 1, "o": {"p": "1", "g": "${x}|1", "deep": {"h": "undefined"}},
        "l": ["X", ["X"], {"g": "${x}"}]}
    assert "local" in fails({"local": 1, "o": {"g": "${local}"}})


def test_a_result_is_not_evaluated_again_v_5() -> None:
    assert evaluated({"a": "${'$'}{b}", "b": 1, "c": "${a}"}) == {"a": "${b}", "b": 1, "c": "${b}"}


def test_a_stored_template_is_evaluated_in_the_task_that_sees_it_v_5_l_94() -> None:
    assert evaluated({"stored": "${who} $$", "who": "me"}, {"stored": "${who} $$", "who": "me"})["stored"] == "me $"


def test_bodies_are_copied_as_they_are_v_6_l_93() -> None:
    config = {"_do": {"x": "${nope} $$"}, "_else_do": ["${nope}"], "n": {"_do": "${nope}"}}
    assert evaluated(config) == config


@pytest.mark.parametrize(("expression", "result"), [
    ("1", "1"), ("true", "true"), ("null", ""), ("undefined", ""), ("[1, 'a']", '[1,"a"]'), ("({a: 1})", '{"a":1}'),
    ("1e21", "1e+21"), ("0/0", "null"), ("-0", "0"), ("function(){}", "undefined")])
def test_a_result_is_always_a_text_v_7_l_95(expression: str, result: str) -> None:
    assert evaluated({"k": f"${{{expression}}}"}) == {"k": result}


def test_two_dollars_are_one_wherever_a_text_has_any_v_8() -> None:
    assert evaluated({"k": "echo $$ $HOME $$$"}) == {"k": "echo $ $HOME $$"}


def test_every_text_has_its_own_names_and_its_own_copies_v_9() -> None:
    assert evaluated({"m": "${l.push(1)}", "n": "${l.length}", "z": "${zz = 1}", "t": "${typeof zz}"}, {"l": []}) == {
        "m": "1", "n": "0", "z": "1", "t": "undefined"}
    assert text("${x=3}${x}") == "33"


def test_moment_is_the_version_that_digdag_ships_without_zones_v_10_l_101() -> None:
    assert text("${moment.version} ${moment.locale()} ${typeof moment.tz}") == "2.21.0 en undefined"
    assert text("${moment('2016-03-13T10:00:00Z').format('Z')} ${moment('2016-03-13T10:00:00Z').utc().format()}",
                {"timezone": "UTC"}, "Asia/Tokyo") == "+09:00 2016-03-13T10:00:00Z"
    assert text("${moment('nonsense', 'YYYY').format()}") == "Invalid date"


def test_texts_have_the_methods_of_java_too_v_11() -> None:
    assert text("${'a.b'.replaceAll('.', '-')} ${'abc'.contains('b')} ${''.isEmpty()}") == "--- true true"


def test_a_failure_quotes_the_whole_text_v_12_l_102() -> None:
    assert fails({"k": "a ${no_such} b"}).startswith(
        'Failed to evaluate a variable a ${no_such} b (ReferenceError: "no_such" is not defined')
    assert "TypeError" in fails({"k": "${a.b.c}"}, {"a": {}})
    assert "SyntaxError" in fails({"k": "${a b}"}, {"a": 1})


def test_a_text_of_a_file_sees_the_evaluated_config_and_null_is_empty_v_14_l_104() -> None:
    config = evaluated({"table": "t_${day}", "day": 1, "none": None}, {"table": "t_${day}", "day": 1, "none": None})
    assert text("select ${table} ${none};", config) == "select t_1 ;"


@pytest.mark.parametrize("code", ["var x = 1", "if (1) 2", "return 1", "1; 2", "throw 1"])
def test_a_statement_is_no_expression_l_98(code: str) -> None:
    assert "SyntaxError" in fails({"k": f"${{{code}}}"})


@pytest.mark.parametrize(("code", "result"), [
    ("(1, 2)", "2"), ("x = 5", "5"), ("x ? 1 : 2", "2"), ("(function(a){return a + 1})(1)", "2"),
    ("/b/.test('abc')", "true"), ("1 /* c */ + 1", "2")])
def test_every_expression_of_es5_is_one_l_98(code: str, result: str) -> None:
    assert text(f"${{{code}}}", {"x": 0}) == result


def test_names_are_looked_up_as_in_a_with_block_l_99() -> None:
    assert text("${this['a-b']} ${typeof toString} ${typeof nothing} ${o.nothing}|", {"a-b": 1, "o": {}}) == (
        "1 function undefined |")
    known = [
        "JSON", "Math", "Date", "RegExp", "Array", "Object", "String", "Number", "Boolean", "parseInt",
        "parseFloat", "isNaN", "isFinite", "encodeURIComponent", "decodeURIComponent", "encodeURI", "moment"]
    assert text(" ".join(f"${{typeof {name}}}" for name in known)).split() == [
        "object" if name in ("JSON", "Math") else "function" for name in known]


@pytest.mark.parametrize(("number", "java", "javascript"), [
    (1.5, "1.5", "1.5"), (100.0, "100.0", "100"), (1e10, "1.0E10", "10000000000"), (1e21, "1.0E21", "1e+21")])
def test_numbers_are_written_in_two_ways_neither_pythons_l_171(number: float, java: str, javascript: str) -> None:
    assert (java_double(number), javascript_number(number)) == (java, javascript)


def test_an_undefined_name_does_no_harm_before_it_is_evaluated_l_173() -> None:
    assert text("${typeof x == 'undefined' ? 'none' : x} ${false && y}|") == "none false|"
