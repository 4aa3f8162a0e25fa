"""Every rule of language.md and expressions.md is named by a test: in the code of a test, or by a conformance case that
is played. rules.txt lists the rules; MISSING says which no test names, and why. It may only shrink."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from tests.digdag.test_workflows import LISTED
from tests.digdag.workflow_cases import all_cases
from tests.language.sources import cases

TESTS = Path(__file__).parents[1]
RULES = (Path(__file__).parent / "rules.txt").read_text(encoding="utf-8").split()
MISSING: dict[str, str] = {
    "X-13": "not built: no input is known that kills the process; a lost task is run again as any other",
}
_NAMED = re.compile(r"(?<![A-Za-z0-9])(L|V|EX|Y|X)[-_](\d+)(?![0-9])", re.IGNORECASE)


def named_in_code() -> Counter[str]:
    """Rules in names, docstrings and comments of tests: L-61, or l_61 at the end of a name."""
    found: Counter[str] = Counter()
    for file in sorted(TESTS.rglob("test_*.py")):
        if file != Path(__file__):
            text = file.read_text(encoding="utf-8")
            found.update(f"{letter.upper()}-{number}" for letter, number in _NAMED.findall(text))
    return found


def named_by_cases() -> Counter[str]:
    """Rules that a played conformance case is about."""
    found: Counter[str] = Counter()
    for _, case in all_cases():
        if case["id"] not in LISTED:
            found.update(case["rules"])
    found.update(case["id"] for case in cases("expressions.json"))
    return found


def test_every_rule_is_named_by_a_test_or_listed_with_a_reason() -> None:
    named = named_in_code() + named_by_cases()
    assert {rule for rule in RULES if not named[rule]} == set(MISSING)


def test_the_list_of_rules_is_whole_and_in_order() -> None:
    count = Counter(rule.split("-")[0] for rule in RULES)
    assert count == {"L": 109, "V": 15, "EX": 96, "Y": 18, "X": 13}
    assert len(set(RULES)) == len(RULES)


def test_what_tests_name_as_a_rule_is_one() -> None:
    unknown = {rule for rule in named_in_code() if rule not in RULES and not rule.startswith("X-")}
    assert unknown == set()


def test_the_cases_name_no_rule_of_the_language_that_is_none() -> None:
    named = {rule for rule in named_by_cases() if rule.startswith(("L-", "V-", "Y-", "EX-"))}
    assert json.dumps(sorted(named - set(RULES))) == '["L-38"]'         # language.md has no such rule
