"""Names of tasks and workflows (L-50 to L-52)."""

from __future__ import annotations

import pytest
from tests.language.sources import reader

from skydag.errors import WorkflowError
from skydag.language.compile import compile_file
from skydag.language.names import task_name_fault, workflow_name_fault

LETTERS = "abzABZ019_-=[]{}%&@,.^`"


def test_a_task_name_may_have_these_letters_or_none_l_50() -> None:
    assert [letter for letter in map(chr, range(0x20, 0x180))
            if task_name_fault(f"+{letter}", is_top_level=False) is None and not letter.isalnum()] == sorted(
        letter for letter in LETTERS if not letter.isalnum())
    assert task_name_fault("+", is_top_level=True) is None
    assert task_name_fault("+1a", is_top_level=True) is None
    assert task_name_fault("+é", is_top_level=False) == "task name must not contain character 'é': \"+é\""


def test_a_hat_is_allowed_below_the_top_level_only_l_50() -> None:
    assert task_name_fault("+a^b", is_top_level=False) is None
    assert task_name_fault("+a^b", is_top_level=True) == 'task name must not contain ^ character: "+a^b"'
    compile_file("w.dig", reader({"w.dig": "+g:\n  +a^b: {echo>: x}\n"}))
    with pytest.raises(WorkflowError, match=r"must not contain \^"):
        compile_file("w.dig", reader({"w.dig": "+a^b: {echo>: x}\n"}))


def test_a_task_name_has_255_characters_with_its_plus_l_50() -> None:
    assert task_name_fault("+" + "a" * 254, is_top_level=True) is None
    assert "longer than 255" in str(task_name_fault("+" + "a" * 255, is_top_level=True))


@pytest.mark.parametrize(("name", "fault"), [
    ("", "must not be empty"), ("1a", "must not start with a numeric digit (0-9)"), ("x.dig", "must not end with .dig"),
    ("a b", "must not contain character ' '"), ("a+b", "must not contain character '+'"), ("日本", "character '日'"),
    ("a" * 255, "must not be longer than 254 characters"),
    *((f"{letter}a", f"must not start with character '{letter}'") for letter in '+^@/\\:*?"<>|')])
def test_a_workflow_name_that_is_refused_l_52(name: str, fault: str) -> None:
    assert fault in str(workflow_name_fault(name))


@pytest.mark.parametrize("name", ["a", "A1", "_x", "-x", "a@b", "a^b", "a" * 254, "a.b"])
def test_a_workflow_name_that_is_taken_l_52(name: str) -> None:
    assert workflow_name_fault(name) is None
