"""YAML exactly as Digdag reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.language.sources import cases, reader

from skydag.language.include import load_text
from skydag.language.problems import Refused

CASES = cases("yaml.json")


def read(text: str | bytes, **files: str) -> Any:
    """The value, or the problems as texts."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    try:
        document = load_text("w.dig", data, reader(files))
    except Refused as refused:
        return [str(problem) for problem in refused.problems]
    errors = [str(problem) for problem in document.problems if not problem.is_warning]
    return errors or document.value


@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_text_has_the_value_or_the_error_that_digdag_gives_it(number: int) -> None:
    case = CASES[number]
    found = read(case["text"])
    if "ok" in case:
        assert json.dumps(found) == json.dumps(case["ok"]), case["text"]     # as text: 1 is not 1.0, order counts
    else:
        assert isinstance(found, list), f"{case['text']!r} was read as {found}"


def test_of_an_anchored_mapping_the_own_keys_win_when_it_is_merged() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, z: 3}\n"
    assert read(text)["c"] == {"x": 2, "y": 1, "z": 3}


def test_merged_keys_stand_where_the_merge_stands_l_6() -> None:
    text = "a: &a {x: 1, y: 1}\nb: {first: 1, <<: *a, last: 1}\n"
    assert list(read(text)["b"]) == ["first", "x", "y", "last"]


def test_all_duplicate_keys_of_a_file_are_reported_l_4() -> None:
    assert sorted(line.split(";")[0] for line in read("a: 1\nb: {c: 1, c: 2}\na: 3\n")) == [
        "w.dig:2:11: Duplicated keys: [c]", "w.dig:3:1: Duplicated keys: [a]"]


def test_a_byte_order_mark_is_no_part_of_the_first_key_l_3() -> None:
    assert read("\ufeffa: 1\n") == {"a": 1}


def test_a_byte_that_is_no_utf_8_is_replaced_and_warned_of_l_3() -> None:
    document = load_text("w.dig", b"a: 1\n# caf\xe9\n", reader({}))
    assert document.value == {"a": 1}
    assert [str(problem) for problem in document.problems] == [
        "w.dig:2:6: a byte here is no UTF-8 and was replaced; save the file as UTF-8"]
    assert document.problems[0].is_warning


def test_a_replacement_character_that_was_written_is_not_warned_of() -> None:
    assert load_text("w.dig", "a: \ufffd\n".encode(), reader({})).problems == []


def test_windows_line_ends_change_nothing() -> None:
    assert read("a: 1\r\n+b:\r\n  c: |\r\n    x\r\n    y\r\n") == {"a": 1, "+b": {"c": "x\ny\n"}}
