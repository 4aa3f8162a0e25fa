"""Hostile input is read or refused: in time, in little memory, never with another exception than ours."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.fuzz.inputs import ENDLESS, HUGE, make
from tests.fuzz.read import Outcome, read, watched
from tests.language.sources import reader

from skydag.language import compile as compiling
from skydag.language.compile import compile_project
from skydag.language.evaluate import Evaluator
from skydag.language.params_file import load_params

COUNT, PARTS = 2_000, 8
LANGUAGE = Path(compiling.__file__).parent


@pytest.mark.parametrize("part", range(PARTS))
def test_every_input_is_read_or_refused_and_a_third_of_them_is_valid(part: int) -> None:
    outcomes: dict[int, Outcome] = {seed: read(make(seed)) for seed in range(part, COUNT, PARTS)}
    faults = {seed: outcome.fault for seed, outcome in outcomes.items() if outcome.fault}
    assert not faults, f"python -m tests.fuzz 1 {min(faults)}"
    assert sum(outcome.is_valid for outcome in outcomes.values()) >= 0.3 * len(outcomes)


@pytest.mark.parametrize("kind", HUGE)
def test_a_huge_file_is_read_or_refused_within_a_second(kind: str) -> None:
    data = HUGE[kind]()
    files = {"w.dig": data}
    assert watched(lambda: compile_project(files, reader(files))) is None
    assert watched(lambda: load_params(data, reader(files))) is None


@pytest.mark.parametrize("text", ENDLESS)
def test_an_endless_expression_is_stopped(text: str) -> None:
    assert watched(lambda: Evaluator("UTC").evaluate({"k": text}, {})) is None


def test_nothing_around_the_loader_catches_everything() -> None:
    """A bug must show as a bug: no `except Exception` in the language room."""
    found = []
    for path in sorted(LANGUAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or {"Exception", "BaseException"} & {
                    name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)}):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_a_fault_is_seen() -> None:
    """The fuzzer can fail: on a foreign exception, and on time."""
    assert "ZeroDivisionError" in str(watched(lambda: 1 // 0))
    assert "of CPU" in str(watched(lambda: sum(range(300_000)), 0.000_1))
