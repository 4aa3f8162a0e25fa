"""docs/compatibility.md: what is not here yet is what the code says is not, and every line names its rule."""

from __future__ import annotations

import re
from pathlib import Path

from skydag.app.operators import BUILT_IN, NOT_YET, unknown
from skydag.cli.catalog import COMMANDS, LATER

PAGE = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")
MISSING = PAGE.partition("## Not here yet")[2].partition("\n## ")[0]
RULE = re.compile(r"\b(?:[CDEKLORS]|OX)-\d+\b")


def test_the_operators_that_are_missing_are_exactly_those_that_the_code_calls_missing_O_1() -> None:
    rows = [line for line in MISSING.splitlines() if line.startswith(("| operators `", "| operator `"))]
    told = {name for row in rows for name in re.findall(r"`(\w+)>`", row.split("|")[1])}
    assert told == NOT_YET
    assert not NOT_YET & set(BUILT_IN)
    named = re.findall(r"`(Unknown task type: (\w+); .*?) \(config\)`", MISSING)
    assert named
    assert all(words == unknown(name) for words, name in named)


def test_the_commands_that_are_missing_are_those_that_the_command_line_refuses() -> None:
    row = next(line for line in MISSING.splitlines() if line.startswith("| commands"))
    assert set(re.findall(r"`(\w+)`", row.split("|")[1])) == LATER
    assert not LATER & set(COMMANDS)


def test_every_difference_names_the_rule_that_it_answers() -> None:
    parts = PAGE.split("\n## ")[2:]
    rows = [line for part in parts for line in part.splitlines() if line.startswith("| ")]
    nameless = [row for row in rows if not RULE.search(row.split("|")[1]) and not row.startswith("| rule |")]
    assert len(rows) > 50
    assert nameless == []


def test_no_rule_is_told_twice_in_a_section() -> None:
    for part in PAGE.split("\n## ")[2:]:
        cells = [line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| ")]
        assert len(cells) == len(set(cells)), cells
