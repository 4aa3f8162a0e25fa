"""docs/rest-api.md lists every route, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from skydag.api.routes import ROUTES

PAGE = (Path(__file__).parents[2] / "docs" / "rest-api.md").read_text()


def test_the_page_lists_every_route_and_no_other() -> None:
    listed = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \| \S", PAGE, flags=re.MULTILINE)
    assert listed == [(method, path) for method, path, _ in ROUTES]
