"""What we depend on is used: a dependency that nothing imports goes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {"pyyaml": "yaml", "aws-lambda-powertools": "aws_lambda_powertools", "quickjs-ng": "quickjs"}
ONLY_DATA = {"tzdata"}              # zoneinfo finds it by itself
NOT_USED_YET: set[str] = set()


def test_every_dependency_is_imported_somewhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[<>=~!\[]", one)[0] for one in wanted} - ONLY_DATA
    code = "\n".join(path.read_text(encoding="utf-8") for root in ("functions", "operators")
                     for path in (ROOT / root).rglob("*.py"))
    unused = {name for name in names if not re.search(rf"(from|import) {MODULES.get(name, name)}\b", code)}
    assert unused == NOT_USED_YET
