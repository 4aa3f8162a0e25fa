"""Parameters from the command line (L-151, L-152, C-5, C-12)."""

from __future__ import annotations

import pytest
from tests.language.sources import reader

from skydag.errors import InvalidError, WorkflowError
from skydag.language.params_file import load_params, option_params, parse_option


def test_commas_separate_pairs_and_pieces_without_equals_belong_to_the_value() -> None:
    assert parse_option("a=1,b=2") == [("a", "1"), ("b", "2")]
    assert parse_option("a=1,2,c=x=y") == [("a", "1,2"), ("c", "x=y")]
    assert parse_option("a=") == [("a", "")]


def test_an_option_without_equals_is_refused() -> None:
    with pytest.raises(InvalidError, match="Parameter -p expected a value of the form a=b but got:x"):
        parse_option("x")


def test_dots_nest_and_the_last_value_wins() -> None:
    assert option_params(["db.host=x", "db.port=1,a=1", "a=2"]) == {"db": {"host": "x", "port": "1"}, "a": "2"}


def test_a_name_cannot_be_a_value_and_a_mapping() -> None:
    with pytest.raises(InvalidError, match=r"Parameter 'a\.b' is set but 'a' is not a object \(\"1\"\)"):
        option_params(["a=1", "a.b=2"])


def test_a_file_keeps_types_and_may_include() -> None:
    found = load_params("a: 1.0\nb: '1'\n!include : c.yml\n", reader({"c.yml": "c: [true]\n"}))
    assert found == {"a": 1.0, "b": "1", "c": [True]}
    assert isinstance(found["a"], float)


def test_a_broken_file_is_named_with_the_place() -> None:
    with pytest.raises(WorkflowError, match=r"^p\.yml:2:1: Duplicated keys: \[a\]"):
        load_params(b"a: 1\na: 2\n", reader({}), "p.yml")
    with pytest.raises(WorkflowError, match="Expected object to load Config but got null"):
        load_params("", reader({}))
