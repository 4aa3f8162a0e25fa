"""Typed reading of parameters (language.md section 8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from skydag.errors import ConfigError
from skydag.model.numbers import java_double, javascript_number
from skydag.model.values import (
    array,
    array_or_json,
    boolean,
    duration,
    integer,
    long,
    mapping,
    mapping_or_json,
    optional,
    required,
    text,
)

READ: list[tuple[Callable[[str, Any], Any], Any, Any]] = [
    (boolean, True, True), (boolean, 0, False), (boolean, 5, True), (boolean, " True ", True), (boolean, "", False),
    (boolean, "null", False), (integer, 3.9, 3), (integer, -3.9, -3), (integer, " +7 ", 7), (integer, "", 0),
    (long, 2**40, 2**40), (text, 1.5, "1.5"), (text, 100.0, "100.0"), (text, 1e10, "1.0E10"), (text, True, "true"),
    (array, [1], [1]), (mapping, {"a": 1}, {"a": 1}), (array_or_json, "[1] rest", [1]),
    (mapping_or_json, '{"a":1}', {"a": 1}),
    (duration, "90m", timedelta(minutes=90)), (duration, "1h 30m", timedelta(minutes=90)),
    (duration, "1 D", timedelta(days=1)), (duration, "2d3h4m5s", timedelta(days=2, hours=3, minutes=4, seconds=5)),
]
REFUSED: list[tuple[Callable[[str, Any], Any], Any]] = [
    (boolean, "TRUE"), (boolean, "yes"), (boolean, "1"), (boolean, 1.0), (boolean, []), (integer, "3.5"),
    (integer, "1e3"),
    (integer, 2**31), (integer, True), (integer, []), (integer, "9" * 40), (long, 2**63), (text, []), (text, {}),
    (array, "[1]"), (array, 1), (mapping, []), (array_or_json, "x"), (mapping_or_json, "[1]"), (duration, ""),
    (duration, "30"), (duration, 30), (duration, "30s 1m"), (duration, "-1m"), (duration, "soon"), (duration, []),
]


@pytest.mark.parametrize(("read", "value", "wanted"), READ)
def test_a_value_is_read_as_digdag_reads_it(read: Callable[[str, Any], Any], value: Any, wanted: Any) -> None:
    found = read("k", value)
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(("read", "value"), REFUSED)
def test_a_value_of_another_kind_is_refused_by_its_key(read: Callable[[str, Any], Any], value: Any) -> None:
    with pytest.raises(ConfigError, match="'k'"):
        read("k", value)


def test_messages_are_digdags_and_name_type_key_and_value_l_64_o_16() -> None:
    with pytest.raises(ConfigError, match=r"^Parameter 'k' is required but not set$"):
        required({}, "k", text)
    with pytest.raises(ConfigError, match=r"^Parameter 'k' is required but null$"):
        required({"k": None}, "k", text)
    with pytest.raises(ConfigError, match=r"^Expected 'true' or 'false' for key 'k' but got \"yes\" \(string\)$"):
        required({"k": "yes"}, "k", boolean)
    with pytest.raises(ConfigError, match=r"\.\.\. \(array\)$") as caught:
        required({"k": list(range(1000))}, "k", text)
    assert len(str(caught.value)) < 150


def test_null_counts_as_absent_where_a_value_is_optional() -> None:
    assert optional({"k": None}, "k", integer, default=3) == optional({}, "k", integer, default=3) == 3


@pytest.mark.parametrize(("value", "java", "javascript"), [
    (1.0, "1.0", "1"), (0.001, "0.001", "0.001"), (0.0001, "1.0E-4", "0.0001"), (1e-7, "1.0E-7", "1e-7"),
    (1234567.5, "1234567.5", "1234567.5"), (1e7, "1.0E7", "10000000"), (1e21, "1.0E21", "1e+21"),
    (1.5e300, "1.5E300", "1.5e+300"), (-0.0, "-0.0", "0"), (123456789012.0, "1.23456789012E11", "123456789012"),
    (float("nan"), "NaN", "null"), (float("-inf"), "-Infinity", "null"), (100.0, "100.0", "100"),
])
def test_floats_are_written_in_two_ways(value: float, java: str, javascript: str) -> None:
    assert (java_double(value), javascript_number(value)) == (java, javascript)


def test_integers_past_two_to_the_53_lose_digits_in_javascript_l_96() -> None:
    assert [javascript_number(value) for value in (2**53, 2**53 + 1, 10**400)] == [
        "9007199254740992", "9007199254740992", "null"]
