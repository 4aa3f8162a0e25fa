"""docs/plugins.md: each of its blocks is what its author would type, and works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.plugin_site import installed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
FILES = {word.removeprefix("file="): text for _, word, text in BLOCKS if word.startswith("file=")}
EXAMPLE = ROOT / "examples" / "workdays"


def block(language: str, word: str) -> str:
    (found,) = (text for one, other, text in BLOCKS if (one, other) == (language, word))
    return str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def shell(script: str, folder: Path, *path: Path) -> str:
    programs = folder / "bin"
    programs.mkdir()
    for name in ("skydag", "pytest"):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n')
        (programs / name).chmod(0o755)
    python_path = os.pathsep.join([*map(str, path), *(str(Path(entry).resolve()) for entry in sys.path if entry)])
    done = subprocess.run(
        ["/bin/sh", "-e"], input=script, cwd=folder, text=True, capture_output=True, check=False, timeout=60,
        env={"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": python_path,
             "PYTEST_ADDOPTS": "-p no:cacheprovider -q"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_says_how_it_is_tried() -> None:
    assert len(BLOCKS) == len(re.findall(r"^```", PAGE, flags=re.MULTILINE)) // 2
    assert {word.partition("=")[0] for _, word, _ in BLOCKS} == {"file", "run", "test", "aws"}


def test_the_plugin_once_installed_is_an_operator_of_workflows(folder: Path) -> None:
    install, *commands = block("sh", "run").splitlines()
    assert install.startswith("pip install ./skydag-workday")
    site = installed(folder, folder / "site")
    assert shell("\n".join(commands), folder, site) == block("text", "run")


def test_its_tests_pass_and_wait_for_nothing(folder: Path) -> None:
    assert "8 passed" in shell(block("sh", "test"), folder, installed(folder, folder / "site"), folder)


def test_the_example_to_copy_is_the_one_that_is_shown() -> None:
    shown = {name: text for name, text in FILES.items() if "export" not in name and name != "test_workdays.py"}
    assert shown == {path.name: path.read_text(encoding="utf-8") for path in
                     [*(EXAMPLE / "plugin").iterdir(), EXAMPLE / "workdays.dig"] if path.is_file()}


def test_the_deployment_takes_it_by_the_makefiles_variable() -> None:
    assert "make deploy PLUGINS=" in block("sh", "aws")
    assert "PLUGINS ?=" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_what_the_page_points_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
