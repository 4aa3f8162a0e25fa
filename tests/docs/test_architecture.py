"""docs/architecture.md names rooms, files and functions that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SKYDAG = ROOT / "functions" / "skydag"


def test_the_rooms_are_those_of_the_contract() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = document["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    wanted = [name for layer in layers for name in layer.split(" | ") if name != "__main__"]
    table = PAGE.partition("| room |")[2].partition("\n\n")[0]
    told = [name for row in table.splitlines() if row.startswith("| `")
            for name in re.findall(r"`([a-z]+)`", row.split("|")[1])]
    assert told == wanted


def test_every_file_it_names_is_there() -> None:
    files = re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", PAGE)
    assert len(files) > 10
    assert [name for name in files if not (SKYDAG / name).is_file()] == []


def test_every_function_it_names_on_the_way_of_a_task_is_defined() -> None:
    table = PAGE.partition("## The way of a task")[2].partition("**What keeps it right.**")[0]
    names = {name for row in table.splitlines() if row.startswith("| ")
             for found in re.findall(r"`([A-Za-z_.]+)`", row.split("|")[2]) for name in found.split(".")}
    code = "\n".join(path.read_text(encoding="utf-8") for path in SKYDAG.rglob("*.py"))
    assert len(names) > 15
    assert [name for name in names if not re.search(rf"(def|class) {name}\b", code)] == []


def test_every_function_of_the_template_is_in_it() -> None:
    handlers = re.findall(r"Handler: (\S+)", (ROOT / "template.yaml").read_text(encoding="utf-8"))
    words = {handler.split(".")[2] for handler in handlers} - {"on_lambda"} | {"script"}
    assert [word for word in words if f"`{word}`" not in PAGE and f" {word} " not in PAGE] == []
