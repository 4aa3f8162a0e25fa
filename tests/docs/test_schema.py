"""docs/dig.schema.json comes from the code, and refuses no file that skydag accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.docs.schema import fits, page, schema
from tests.language.sources import CONFORMANCE, reader

from skydag.app.operators import BUILT_IN
from skydag.language.compile import compile_project
from skydag.language.include import load

ROOT = Path(__file__).parents[2]
SCHEMA = schema()


def accepted() -> Iterator[tuple[str, Any]]:
    """Every workflow of the examples and the conformance cases that may be started, as data."""
    projects: dict[str, dict[str, str | bytes]] = {
        folder.name: {path.name: path.read_bytes() for path in folder.glob("*.dig")}
        for folder in (ROOT / "examples").iterdir()}
    for path in sorted((CONFORMANCE / "workflows").glob("*.json")):
        projects |= {case["id"]: case.get("files", {}) for case in json.loads(path.read_text(encoding="utf-8"))}
    for name, files in projects.items():
        project = compile_project(files, reader(files))
        refused_at_start = {problem.place.file for problem in project.problems if problem.code == "export"}    # L-122
        for workflow in project.workflows:
            if workflow.file in refused_at_start:
                continue
            yield f"{name} {workflow.file}", load(workflow.file, reader(files)).value


def test_the_file_is_what_the_tables_print() -> None:
    assert (ROOT / "docs" / "dig.schema.json").read_text(encoding="utf-8") == page()


def test_the_schema_knows_every_operator_that_is_registered_and_no_other() -> None:
    printed = json.loads((ROOT / "docs" / "dig.schema.json").read_text(encoding="utf-8"))
    keys = {key for key in printed["$defs"]["leaf"]["properties"] if key.endswith(">")}
    assert keys == {f"{name}>" for name in BUILT_IN}


def test_every_workflow_that_skydag_accepts_fits() -> None:
    found = dict(accepted())
    assert len(found) > 250
    assert [name for name, value in found.items() if not fits(value, SCHEMA, SCHEMA)] == []


@pytest.mark.parametrize("text", [
    "echo>: x\n", "_schedule: {daily>: '07:00:00'}\n+a: {}\n", "tasks: {}\n", "+a: {parallel: true}\n", "+a: x\n",
    "+a: {sh>: x, +b: {}}\n", "schedule: {daly>: '07:00:00'}\n+a: {}\n", "+g: {_parallel: {}, +a: {}}\n", "+a:\n",
    "_parallel: true\n+a: {_after: +b}\n", "+a: {sh>: x, _error: [1]}\n", "+a^b: {}\n", "_export: [1]\n+a: {}\n",
    "+a: {echo>: x, _error: {retry: 1}}\n", "timezone: [UTC]\n+a: {}\n", "schedule: {daily>: '7', +a: {}}\n",
])
def test_typical_slips_are_flagged(text: str) -> None:
    assert not fits(load("w.dig", reader({"w.dig": text})).value, SCHEMA, SCHEMA)
