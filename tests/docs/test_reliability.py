"""docs/reliability.md tells of every promise, and the tests it names are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
PROMISES = ["F-4", *(f"G-{n}" for n in range(1, 11))]


def _sections() -> dict[str, str]:
    parts = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    return {part.split(" ")[0]: part for part in parts}


def test_every_promise_has_its_argument_and_its_tests() -> None:
    sections = _sections()
    assert list(sections) == PROMISES
    assert [name for name, text in sections.items() if "\nTests: `" not in text] == []


def test_every_test_it_names_is_there() -> None:
    named = re.findall(r"`([a-z_/]+\.py)::(test_\w*)`", PAGE)
    assert len(named) > 20
    missing = []
    for path, beginning in named:
        file = ROOT / "tests" / path
        if not file.is_file() or not re.search(rf"def {beginning}", file.read_text(encoding="utf-8")):
            missing.append(f"{path}::{beginning}")
    assert missing == []
