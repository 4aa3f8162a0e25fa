"""Operators are found by name: the built-in ones by a table, those of other distributions by their entry points."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from skydag.app.operators import BUILT_IN, GROUP

ROOT = Path(__file__).parents[2]
GREET = '''
from skydag.model.values import required, text
from skydag.spi import TaskRequest, TaskResult


class Greet:
    retries = True
    runs_code = False

    def run(self, request: TaskRequest) -> TaskResult:
        request.echo(f"hello {required(request.config, '_command', text)}, run {request.run_id}")
        return TaskResult(store={"greeted": True}, subtasks={"echo>": "and goodbye"})

    def cleanup(self, request: TaskRequest) -> None:
        pass
'''
FILES = {
    "skydag_greet.py": GREET,
    "skydag_greet-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: skydag-greet\nVersion: 1.0\n",
    "skydag_greet-1.0.dist-info/WHEEL":
        "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "skydag_greet-1.0.dist-info/entry_points.txt": f"[{GROUP}]\ngreet = skydag_greet:Greet\n",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with another distribution in it, put there by pip."""
    folder = tmp_path_factory.mktemp("greet")
    wheel = folder / "skydag_greet-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
        record = "skydag_greet-1.0.dist-info/RECORD"
        archive.writestr(record, "".join(f"{name},,\n" for name in [*FILES, record]))
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True, timeout=120)
    return target


def run(project: Path, text: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    (project / "w.dig").write_text(text)
    path = os.pathsep.join([*map(str, folders), *(entry for entry in sys.path if entry)])
    return subprocess.run(
        [sys.executable, "-m", "skydag", "run", "w.dig", "--no-save"], cwd=project, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path}, timeout=60)


def test_the_table_of_built_in_operators_is_the_one_of_the_distribution() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP] == BUILT_IN


def test_an_operator_of_another_distribution_works_like_ours(tmp_path: Path, installed: Path) -> None:
    ended = run(tmp_path, "+a: {greet>: world}\n+b: {echo>: 'greeted ${greeted}'}\n", installed)
    assert ended.returncode == 0, ended.stderr
    printed = [line.partition(",")[0] for line in ended.stdout.splitlines()]
    assert printed == ["hello world", "and goodbye", "greeted true"]


def test_o4_an_operator_that_nobody_brings_fails_its_task_by_name(tmp_path: Path) -> None:
    ended = run(tmp_path, "+a: {greet>: world}\n")
    assert ended.returncode == 1
    assert "Unknown task type: greet (config)" in ended.stderr
