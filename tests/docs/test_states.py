"""docs/states.md is printed from the table of steps."""

from __future__ import annotations

from pathlib import Path

from tests.docs.states import page


def test_the_page_is_what_the_table_prints() -> None:
    assert (Path(__file__).parents[2] / "docs" / "states.md").read_text(encoding="utf-8") == page()
