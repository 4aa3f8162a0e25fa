"""YAML rule by rule: L-5 to L-12, L-170, Y-1 to Y-18. What the 756 cases cover in bulk is said here by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from tests.language.sources import CONFORMANCE, cases, reader
from tests.language.test_yaml import read

from skydag.language import scalars, syntax
from skydag.language.compile import compile_project
from skydag.language.include import load_text


def value(text: str) -> Any:
    """What `k: <text>` has as its value."""
    found = read(f"k: {text}\n")
    assert isinstance(found, dict), found
    return found["k"]


def refusal(text: str) -> str:
    found = read(text)
    assert isinstance(found, list), found
    return "\n".join(found)


SCALARS: dict[str, list[tuple[str, Any]]] = {
    "L-7, Y-1: only these words are booleans": [
        ("true", True), ("True", True), ("false", False), ("False", False), ("TRUE", "TRUE"), ("yes", "yes"),
        ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y")],
    "L-7, Y-2: only these words are null": [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nUll", "nUll")],
    "L-7, Y-3: integers of four bases and any size": [
        ("010", 8), ("0x1F", 31), ("0b101", 5), ("1_000", 1000), ("+5", 5), ("-0", 0), ("08", "08"), ("0o17", "0o17"),
        ("1,000", "1,000"), ("123456789012345678901234567890", 123456789012345678901234567890)],
    "L-8, Y-4: a float never begins with a zero": [
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("1E+3", 1000.0), ("12e03", 12000.0), ("0.5", "0.5"),
        ("-0.5", "-0.5"), ("0.0", "0.0"), ("0.1e3", "0.1e3"), (".inf", "Infinity"), ("-.inf", "-Infinity"),
        (".nan", "NaN"), ("1e999", "Infinity")],
    "L-8, Y-5: times are texts, but for those with a fraction": [
        ("12:30", "12:30"), ("07:00:00", "07:00:00"), ("190:20:30", "190:20:30"), ("10:00:00.5", 36000.5),
        ("0:30.5", 30.5)],
    "L-8, Y-6: dates are texts": [
        ("2015-01-01", "2015-01-01"), ("2015-01-01 00:00:00", "2015-01-01 00:00:00"),
        ("!!timestamp 2015-01-01", 1420070400000)],
    "L-8: what is quoted is a text": [("'1'", "1"), ('"true"', "true"), ("''", "")],
    "L-9, Y-12: standard tags work": [
        ("!!str 1", "1"), ("!!int '5'", 5), ("!!float '5'", 5.0), ("!!bool 'true'", True), ("!!null ''", None),
        ("!!seq [1]", [1]), ("!!map {a: 1}", {"a": 1}), ("!!binary aGk=", "aGk="), ("!!set {a, b}", ["a", "b"]),
        ("!!omap [a: 1, b: 2]", {"a": 1, "b": 2})],
    "L-170: what PyYAML would read otherwise": [("yes", "yes"), ("1:30", "1:30"), ("=", "="), ("1e3", 1000.0)],
}


@pytest.mark.parametrize(("rule", "text", "wanted"), [
    (rule, text, wanted) for rule, rows in SCALARS.items() for text, wanted in rows])
def test_a_plain_scalar_has_the_type_digdag_gives_it(rule: str, text: str, wanted: Any) -> None:
    found = value(text)
    assert (found, type(found)) == (wanted, type(wanted)), rule


def test_order_is_kept_everywhere_l_5() -> None:
    assert list(read("z: 1\na: 2\nm: {z: 1, a: 2}\n")) == ["z", "a", "m"]
    assert [task.full_name for task in compile_project(["w.dig"], reader({"w.dig": "+z: {}\n+a: {}\n"}))
            .workflows[0].tasks] == ["+w", "+w+z", "+w+a"]


def test_dot_files_are_no_workflows_l_2() -> None:
    files = {".hidden.dig": "+a: {}\n", "w.dig": "+a: {}\n", ".git/x.dig": "+a: {}\n"}
    assert [one.name for one in compile_project(files, reader(files)).workflows] == ["w"]


def test_keys_that_read_alike_are_duplicates_by_their_text_only_y_7() -> None:
    assert "Duplicated keys: [1]" in refusal("1: a\n'1': b\n")
    assert read("1: a\n0x1: b\n") == {"1": "b"}
    assert read("01: a\n1: b\n") == {"1": "b"}
    assert "Duplicated keys: [<<]" in refusal("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n")
    assert read("a: {!include : f.yml, !include : g.yml}\n", **{"f.yml": "x: 1\n", "g.yml": "y: 2\n"}) == {
        "a": {"x": 1, "y": 2}}


def test_of_merged_mappings_own_keys_win_then_the_first_source_and_order_is_that_of_the_merge_y_8() -> None:
    found = read("a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {first: 0, <<: [*a, *b], y: 3}\n")["c"]
    assert list(found.items()) == [("first", 0), ("x", 1), ("y", 3), ("z", 2)]


@pytest.mark.parametrize(("key", "text"), [
    ("1", "1"), ("0x10", "16"), ("1.5", "1.5"), ("1.0", "1.0"), ("1e10", "1.0E10"), ("true", "true"),
    ("False", "false"), ("'+1'", "+1"), ("010", "8")])
def test_a_key_becomes_a_text_l_10_y_9(key: str, text: str) -> None:
    assert read(f"{key}: v\n") == {text: "v"}


@pytest.mark.parametrize(("text", "words"), [
    ("~: 1\n", "a key is null"), ("{{name}}: 1\n", "'{{name}}' for example"), ("? [a]\n: 1\n", "cannot be a key")])
def test_null_mappings_and_lists_are_no_keys_l_10(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(("text", "shown"), [
    ("", "null"), ("# only this\n", "null"), ("- 1\n", "[1]"), ("text\n", '"text"'), ("5\n", "5")])
def test_a_file_is_a_mapping_y_10(text: str, shown: str) -> None:
    assert f"Expected object to load Config but got {shown}" in refusal(text)


def test_a_file_is_one_document_of_a_known_version_y_10() -> None:
    assert read("---\na: 1\n...\n") == {"a": 1}
    assert read("%YAML 1.2\n---\na: 1\n") == {"a": 1}
    assert "one file holds one workflow" in refusal("a: 1\n---\nb: 2\n")
    assert "not YAML" in refusal("%YAML 2.0\n---\na: 1\n")


def test_an_include_merges_deeply_where_it_stands_and_what_follows_replaces_y_11() -> None:
    text = "a: {x: 1}\n!include : f.yml\nb: {x: 1}\n"
    assert read(text, **{"f.yml": "a: {y: 2}\nb: {y: 2}\n"}) == {"a": {"x": 1, "y": 2}, "b": {"x": 1}}
    assert "must not include .." in refusal("!include : ../f.yml\n")


def test_an_include_before_a_value_and_unknown_tags_are_refused_y_12() -> None:
    assert "'!include' stands before a value" in refusal("x: !include f.yml\n")
    assert "could not determine a constructor for the tag !foo" in refusal("x: !foo 1\n")


def test_what_libyaml_reads_and_snakeyaml_does_not_y_13() -> None:
    assert r"'\/' in double quotes" in refusal('a: "x\\/y"\n')
    assert "a tab stands before this value" in refusal("a: \tb\n")
    assert value('"\\ud83d\\ude00"') == "\U0001f600"
    assert value("!") is None


def test_tabs_inside_and_after_plain_texts_are_read_y_14() -> None:
    assert value("a\tb") == "a\tb"
    assert value("a\t# c") == "a"
    assert yaml.CSafeLoader.__mro__[1] in scalars.Composer.__mro__         # libyaml, not the scanner in Python


def test_nothing_but_our_own_resolvers_is_at_work_y_15() -> None:
    assert [value(text) for text in ("=", "2001-12-14t21:59:43.10-05:00")] == [
        "=", "2001-12-14t21:59:43.10-05:00"]


def test_the_number_of_yaml_cases_only_grows_y_16() -> None:
    found = cases("yaml.json")
    assert len(found) >= 756
    assert sum("error" in case for case in found) >= 50


@pytest.mark.parametrize(("path", "place"), [
    (("+a",), "w.dig:2:1"), (("+a", "sh>"), "w.dig:3:3"), (("+a", "l", 1), "w.dig:8:7"),
    (("+a", "l", 1, "k"), "w.dig:8:7"), (("+a", "nothere"), "w.dig:2:1")])
def test_every_key_and_every_item_has_a_place_y_17(path: tuple[str | int, ...], place: str) -> None:
    text = "# first\n+a:\n  sh>: |\n    x\n    y\n  l:\n    - 1\n    - k: 2\n"
    assert str(load_text("w.dig", text.encode(), reader({})).place(path)) == place


def test_the_size_of_a_file_and_what_aliases_make_of_it_are_bounded_y_18() -> None:
    assert "more than 2,097,152" in refusal("a: '" + "x" * syntax.FILE_BYTES_MAX + "'\n")
    lines = "\n".join(f"k{n}: &k{n} [{','.join([f'*k{n - 1}'] * 10)}]" for n in range(1, 9))
    assert "with its aliases and includes expanded" in refusal(f"k0: &k0 [x]\n{lines}\n")


@pytest.mark.parametrize("text", [
    "+a:\n\techo>: x\n", "+a: @x\n", "+a: `x\n", "+a: %x\n", "+a: b: c\n", "+a: {x: ${y}}\n", "+a: [${y}]\n",
    "+a: ${x ? 1 : 2}\n"])
def test_what_must_be_quoted_is_refused_with_advice_l_12(text: str) -> None:
    assert "not YAML" in refusal(text)
    assert ";" in refusal(text)


def test_a_loaded_value_is_json_data_l_11() -> None:
    text = "a: [1, 1.5, x, true, ~, {b: 1}]\nc: !!set {x}\nd: !!binary aGk=\ne: .inf\nf: 1\n"
    assert json.loads(json.dumps(read(text), allow_nan=False)) == read(text)


def test_the_conformance_data_is_there() -> None:
    assert (CONFORMANCE / "yaml.json").is_file()
