"""Operators of other distributions: found by name, and what they do wrong is told as theirs, not as a bug of ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.digdag.workflow_cases import World

from skydag.app import operators
from skydag.app.operators import find_operator
from skydag.errors import ConfigError
from skydag.spi import Again, Operator, TaskRequest, TaskResult
from skydag.testing import Trial, Tried

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution with one operator into a folder of the path."""
    monkeypatch.setattr(operators, "_known", {})
    before = set(sys.modules)

    def put(operator: str, code: str, *, distribution: str = "plug", target: str = "plug:Plug") -> Path:
        site = tmp_path / distribution
        info = site / f"{distribution}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{distribution}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{operators.GROUP}]\n{operator} = {target}\n")
        monkeypatch.syspath_prepend(site)
        return site

    yield put
    for name in set(sys.modules) - before:
        del sys.modules[name]


PLUG = """
from skydag.spi import Operator, TaskResult
class Plug(Operator):
    def run(self, request): return TaskResult()
"""


def test_an_operator_derived_from_operator_has_all_that_it_needs(install: Install) -> None:
    install("plug", PLUG)
    found = find_operator("plug")
    assert found is not None
    assert (found.retries, found.runs_code, operators.is_small(found)) == (False, False, False)
    assert Trial(found, {}).run() == Tried()


def test_O_5_a_built_in_operator_cannot_be_replaced(install: Install) -> None:
    install("echo", PLUG)
    assert type(find_operator("echo")).__module__ == "skydag_operators.echo"


@pytest.mark.parametrize(("code", "target", "named"), [
    ("import no_such_module\n", "plug:Plug", "No module named 'no_such_module'"),
    ("def broken(:\n", "plug:Plug", "invalid syntax"),
    ("", "plug:Plug", "has no attribute 'Plug'"),
    (PLUG + "    def __init__(self, needed): ...\n", "plug:Plug", "needed"),
    ("class Plug: retries = runs_code = False\n", "plug:Plug", "it has no 'run'; derive its class from"),
    ("class Plug:\n    def run(self, request): ...\n", "plug:Plug", "it has no 'retries'; derive its class from"),
])
def test_one_that_cannot_be_loaded_fails_its_task_and_names_the_distribution(
    install: Install, code: str, target: str, named: str,
) -> None:
    install("plug", code, target=target)
    with pytest.raises(ConfigError) as failed:
        find_operator("plug")
    assert str(failed.value).startswith("operator plug> of plug 1.0 (plug:Plug) cannot be used: ")
    assert named in str(failed.value)


def test_of_two_with_one_name_none_is_taken(install: Install) -> None:
    install("plug", PLUG)
    install("plug", PLUG, distribution="other", target="other:Plug")
    with pytest.raises(ConfigError, match=r"plug> is there twice: other 1\.0 \(other:Plug\), plug 1\.0 \(plug:Plug\)"):
        find_operator("plug")


@pytest.mark.parametrize("is_direct", [True, False])
def test_G_10_a_broken_one_fails_its_own_task_only(install: Install, tmp_path: Path, is_direct: bool) -> None:
    """Whoever starts a task looks whether it is small, and must not fall over what the task itself will say."""
    install("plug", "import no_such_module\n")
    project = tmp_path / "project"
    project.mkdir()
    world = World(project, {"w.dig": "+a: {echo>: a}\n+b: {plug>: }\n_error: {echo>: '${error.message}'}\n"},
                  is_direct=is_direct)
    world.start("w", datetime(2025, 1, 1, tzinfo=UTC), {})
    world.settle()
    assert world.printed == [
        "a", "operator plug> of plug 1.0 (plug:Plug) cannot be used: No module named 'no_such_module' (config)"]


# --- what they leave --------------------------------------------------------------------------------------------------

class Leaves(Operator):
    retries = True

    def __init__(self, left: Any) -> None:
        self.left = left

    def run(self, request: TaskRequest) -> TaskResult:
        if isinstance(self.left, Exception):
            raise self.left
        return self.left        # type: ignore[no-any-return]


@pytest.mark.parametrize(("left", "told"), [
    (TaskResult(store={"a": [1, {"at": datetime(2025, 1, 1, tzinfo=UTC)}]}), "store.a[1].at is a datetime"),
    (TaskResult(store={"a": {1, 2}}), "store.a is a set"),
    (TaskResult(export={"path": Path("x")}), "export.path is a PosixPath"),
    (TaskResult(subtasks={"+a": {"echo>": b"x"}}), "subtasks.+a.echo> is a bytes"),
    (TaskResult(store={"a": {(1, 2): 3}}), "a key of store.a is a tuple"),
    (Again(1, {"at": timedelta(1)}), "state.at is a timedelta"),
])
def test_what_no_json_can_say_fails_the_task_with_its_place(left: Any, told: str) -> None:
    assert Trial(Leaves(left), {}).run().error == f"the operator left what no JSON can say: {told}"


@pytest.mark.parametrize("left", [None, {"store": {}}])
def test_a_run_that_gives_no_result_fails_the_task(left: Any) -> None:
    assert Trial(Leaves(left), {}).run().error == f"the operator's run gave {type(left).__name__}, not a TaskResult"


def test_what_json_can_say_is_left_as_it_is() -> None:
    left = {"a": [1, 2.5, None, True, "ä"], "b": {"c": {}}, "d": (1, 2)}
    assert Trial(Leaves(TaskResult(store=left)), {}).run() == Tried(store=left)
