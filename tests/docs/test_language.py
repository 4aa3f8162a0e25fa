"""docs/language.md: each of its examples runs, and prints what stands beside it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.digdag.workflow_cases import World

from skydag.language.source import EXPANDED_BYTES_MAX, PROBLEMS_KEPT_MAX
from skydag.language.syntax import FILE_BYTES_MAX, VALUES_MAX
from skydag.language.tree import NESTING_MAX, TASKS_MAX

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```dig\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_prints_what_stands_beside_it(number: int, tmp_path: Path) -> None:
    workflow, printed = EXAMPLES[number]
    world = World(tmp_path, {"w.dig": workflow}, is_direct=True)
    world.start("w", datetime(2025, 1, 1, tzinfo=UTC), {})
    world.settle()
    assert "\n".join(text.rstrip("\n") for text in world.printed) + "\n" == printed


def test_every_example_has_its_output() -> None:
    assert PAGE.count("\n```dig\n") == len(EXAMPLES) >= 7


def test_the_limits_are_those_of_the_code() -> None:
    mib = 1 << 20
    assert f"{FILE_BYTES_MAX // mib} MiB, {VALUES_MAX:,} keys and values" in PAGE
    assert f"{EXPANDED_BYTES_MAX // mib} MiB with aliases" in PAGE
    assert f"| tasks in a file | {TASKS_MAX:,} |" in PAGE
    assert f"| tasks inside tasks | {NESTING_MAX} levels |" in PAGE
    assert f"after {PROBLEMS_KEPT_MAX} it is not looked at" in PAGE
