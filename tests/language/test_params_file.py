"""Parameters from the command line (L-152, C-12)."""

from __future__ import annotations

import pytest
from tests.language.sources import reader

from skydag.errors import WorkflowError
from skydag.language.params_file import load_params


def test_a_file_keeps_types_and_may_include() -> None:
    found = load_params("a: 1.0\nb: '1'\n!include : c.yml\n", reader({"c.yml": "c: [true]\n"}))
    assert found == {"a": 1.0, "b": "1", "c": [True]}
    assert isinstance(found["a"], float)


def test_a_broken_file_is_named_with_the_place() -> None:
    with pytest.raises(WorkflowError, match=r"^p\.yml:2:1: Duplicated keys: \[a\]"):
        load_params(b"a: 1\na: 2\n", reader({}), "p.yml")
    with pytest.raises(WorkflowError, match="Config but got null; a file of parameters is a mapping, such as 'day: 1'"):
        load_params("", reader({}))


@pytest.mark.parametrize("text", ["a: [", "a: [1,\n", "b: 1\na: {b: \n", "a: {b: 1, c: [\n", "a: {b: 1,  # ]\n"])
def test_what_is_not_closed_at_the_end_is_named(text: str) -> None:
    line = text.rstrip().count("\n") + 1
    sign = text[max(text.rfind("["), text.rfind("{"))]
    with pytest.raises(WorkflowError) as refused:
        load_params(text, reader({}))
    assert f"the '{sign}' in line {line} is not closed" in str(refused.value)
