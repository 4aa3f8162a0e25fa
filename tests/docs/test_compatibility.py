"""docs/compatibility.md: what is not here yet is what the code says is not, and every line names its rule."""

from __future__ import annotations

import re
from pathlib import Path

from skydag.app.operators import BUILT_IN, NOT_YET, unknown
from skydag.cli.catalog import COMMANDS, LATER

PAGE = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")
MISSING = PAGE.partition("## Not here yet")[2].partition("\n## ")[0]
RULE = re.compile(r"\b(?:[CDEKLORS]|OX)-\d+\b")


DIGDAGS = """call require loop for_each for_range if fail echo wait param_get param_set notify sh py rb embulk mail http
    http_call pg redshift redshift_load redshift_unload s3_wait emr bq bq_ddl bq_extract bq_load gcs_wait td td_run
    td_ddl td_load td_for_each td_wait td_wait_table td_table_export td_result_export td_partial_delete"""


def test_the_names_of_operators_are_digdags_without_aliases_O_1_O_2_O_3() -> None:
    assert {*BUILT_IN, *NOT_YET} == set(DIGDAGS.split())


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
