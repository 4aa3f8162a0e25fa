"""`skydag init` (C-15)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.goldens.cli_player import SOURCES

from skydag.app.operators import BUILT_IN
from skydag.cli.init import TYPES
from skydag.cli.main import main
from skydag.language.compile import compile_project


def test_it_makes_a_project_named_like_its_directory_and_says_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "demo"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["  Creating demo/demo.dig", "  Creating demo/.gitignore"]
    assert told[2].startswith("Done.") and "skydag run demo.dig" in told[2]


def test_what_is_there_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".gitignore").write_text("mine\n")
    assert main(["new", "."]) == 0                                      # the current directory's name
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    (tmp_path / f"{tmp_path.name}.dig").write_text("mine\n")
    capsys.readouterr()
    assert main(["init", ".", "-t", "sh"]) == 0
    assert "exists already" in capsys.readouterr().out
    assert not (tmp_path / "scripts").exists()


def test_an_example_is_said_to_run_exactly_where_its_operators_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, files in TYPES.items():
        used = set(re.findall(r"^ *(\w+)>:", files["<name>.dig"], flags=re.MULTILINE)) - {"daily"}
        assert main(["init", f"p-{kind}", "-t", kind]) == 0
        assert ("Try it" in capsys.readouterr().out) == (used <= set(BUILT_IN)), kind


@pytest.mark.parametrize(("argv", "words"), [
    (["init", "x", "-t", "nope"], "Unknown type 'nope': use echo, sh, ruby, python, td, postgresql"),
    (["init", "my flow"], "workflow name must not contain character ' '"),
    (["init", "in/the/way"], "cannot be made: Not a directory"),
])
def test_what_cannot_be_made_is_said(
    argv: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").write_text("")
    assert main(argv) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("kind", TYPES)
def test_every_example_is_a_sound_workflow(kind: str) -> None:
    text = TYPES[kind]["<name>.dig"].encode()
    others = [name for name in TYPES[kind] if not name.endswith(".dig")]
    project = compile_project(["demo.dig", *others], lambda path: text)
    assert project.problems == ()


@pytest.mark.parametrize(("kind", "printed"), [
    ("echo", "one orange\n"), ("sh", "working on 2024-01-01"), ("python", "the sum is 6\n"),
])
def test_the_examples_that_need_nothing_run(kind: str, printed: str, tmp_path: Path) -> None:
    for argv in (["init", "demo", "-t", kind], ["run", "demo", "--project", "demo", "--session", "2024-01-01"]):
        done = subprocess.run(
            [sys.executable, "-m", "skydag", *argv], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": SOURCES, "HOME": str(tmp_path)})
        assert done.returncode == 0, done.stderr
    assert printed in done.stdout
