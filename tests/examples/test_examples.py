"""Each example does what its README says: on a laptop, and the same in an installation.

Both run on a clock that does not wait. Commands are real processes, SMTP and HTTP go over loopback. Files that an
example writes go to a folder that all tasks share, as in an installation they must.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from tests.examples.project import EXAMPLES, Example, Typed, files

from skydag.app import operators
from skydag.app.packing import pack
from skydag.cli.findings import find
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation
from skydag.embedded.rest import Rest
from skydag.testing import run_workflow

START = datetime(2025, 6, 1, 12, tzinfo=UTC)
FAILS = {"alerts"}
FAILED = re.compile(r"^Task \+\S+ failed\.\n.*\n\Z", re.MULTILINE)
OWN_WAY = {"daily_sales"}       # tests of its own: tests/local/test_daily_sales.py, tests/embedded/test_three_ways.py
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name not in OWN_WAY)


class Left(NamedTuple):
    """What a project's runs left behind."""

    is_success: list[bool]
    printed: list[str]                      # in an installation in any order: tasks have logs of their own
    stored: list[Mapping[str, Any]]         # by full name, of tasks that stored anything
    files: Mapping[str, Any]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with Installation(clock=VirtualClock(START)) as installation:
        yield installation


@pytest.fixture(autouse=True)
def _one_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python` is the one that runs the tests."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_does_what_its_readme_says_on_a_laptop_and_in_an_installation_F_2(
    name: str, tmp_path: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = Example(name)
    monkeypatch.setattr(operators, "_known", {})
    if site := example.site(tmp_path / "site"):
        monkeypatch.syspath_prepend(site)
    assert find(example.folder, {}, (), is_strict=True, with_places=False).problems == (), "`skydag check` says"
    laptop = on_a_laptop(example, tmp_path / "laptop")
    assert laptop.printed == example.output
    assert laptop.is_success == [name not in FAILS] * len(laptop.is_success)
    found = installed(example, installation, tmp_path / "installed")
    assert found._replace(printed=sorted(found.printed)) == laptop._replace(printed=sorted(laptop.printed))


def test_every_example_stands_in_the_table_of_the_readme() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[(\w+)\]\(examples/\1\)", readme, re.MULTILINE)) == sorted([*NAMES, *OWN_WAY])


def test_etl_refuses_a_day_of_nonsense_and_loads_a_day_twice_without_doubling_it(tmp_path: Path) -> None:
    project = Example("etl").copy(tmp_path / "project")
    loads = [run_workflow(project, "etl.dig", session="2025-01-02") for _ in range(2)]
    assert [ran.exit_code for ran in loads] == [0, 0]
    assert len(files(project / "out")["warehouse.sqlite"]["orders"]) == 4
    refused = run_workflow(project, "etl.dig", session="2025-01-03")
    assert refused.exit_code == 1
    assert "3 lines of 2025-01-03 make no sense, the first one is 8,Hamburg,?" in refused.told


def on_a_laptop(example: Example, folder: Path) -> Left:
    project = example.copy(folder / "project")
    left = Left([], [], [], {})
    for typed in example.typed:
        with example.server(typed.through) as server:
            ran = run_workflow(project, typed.file, session=typed.session, time=START,
                               params={**typed.params, **shared(folder), **server.params})
            left.is_success.append(ran.exit_code == 0)
            left.printed.extend([*ran.printed, *server.shown])
            left.stored.append({name: stored for name, stored in ran.stored.items() if stored})
    return left._replace(files=files(folder / "out"))


def installed(example: Example, installation: Installation, folder: Path) -> Left:
    application = installation.application("Api")
    rest = Rest(application)
    application.push(example.name, "1", pack(example.folder), now=installation.clock())
    left = Left([], [], [], {})
    (folder / "out").mkdir(parents=True)
    for typed in example.typed:
        with example.server(typed.through) as server:
            attempt = started(rest, example, typed, {**typed.params, **shared(folder), **server.params})
            installation.settle()
            mine = [one["id"] for one in rest.get("/api/attempts", project=example.name)["attempts"]
                    if int(one["id"]) >= int(attempt)]                  # and those that it requires
            left.is_success.append(rest.get(f"/api/attempts/{attempt}")["success"])
            left.printed.extend([*printed(rest, mine), *server.shown])
            tasks = rest.get(f"/api/attempts/{attempt}/tasks")["tasks"]
            left.stored.append({task["fullName"]: task["storeParams"] for task in tasks
                                if task["storeParams"] and task["state"] == "success"})
    return left._replace(files=files(folder / "out"))


def shared(folder: Path) -> Mapping[str, str]:
    """Where files go that are to stay."""
    return {"folder": str(folder / "out"), "warehouse": str(folder / "out" / "warehouse.sqlite")}


def started(rest: Rest, example: Example, typed: Typed, params: Mapping[str, Any]) -> str:
    found = rest.get("/api/workflow", project=example.name, name=typed.workflow)
    time = datetime.fromisoformat(typed.session).replace(tzinfo=ZoneInfo(found["timezone"]))
    body = {"workflowId": found["id"], "sessionTime": time.isoformat(), "params": params}
    return str(rest.put("/api/attempts", body)["id"])


def printed(rest: Rest, attempts: Sequence[str]) -> list[str]:
    return [line for attempt in attempts for file in rest.get(f"/api/logs/{attempt}/files")["files"]
            for line in said(rest.log(attempt, file["fileName"]))]


def said(log: str) -> list[str]:
    """Without skydag's own words on a failure: two lines at the end."""
    return FAILED.sub("", log).splitlines()
