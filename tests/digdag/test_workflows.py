"""Every recorded workflow case ends as it ended in Digdag, or as the spec says it must where skydag deviates.

Both ways of going on give the same: direct continuation, and the stream alone. NOT_YET names what cannot be played so
far; it may only shrink: a listed case that passes, and a name that no case has, fail here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.digdag.play import Play
from tests.digdag.workflow_cases import all_cases
from tests.web import serving

NOT_YET: dict[str, tuple[str, ...]] = {}
ONLY_INSTALLED = {                  # what the local world lacks; test_installed asks it of an installation
    "a folder of its own for each run: here a task runs in the project's own (E-140)": ("sh-files-not-kept",),
}
LISTED = {name: reason for reason, names in [*NOT_YET.items(), *ONLY_INSTALLED.items()] for name in names}
ALL = {case["id"]: (area, case) for area, case in all_cases()}
PROCESSES = ("sh>", "py>")      # a process a task: the way of going on is tried on every second of these cases


def _modes() -> list[Any]:
    out = []
    for number, (name, (_, case)) in enumerate(ALL.items()):
        if name in LISTED:
            continue
        has_processes = any(word in str(case["files"]) for word in PROCESSES)
        for is_direct in (True, False):
            if not has_processes or bool(number % 2) == is_direct:
                out.append(pytest.param(name, is_direct, id=f"{name}-{'direct' if is_direct else 'stream'}"))
    return out


def played(case: Mapping[str, Any], folder: Path, *, is_direct: bool) -> list[str]:
    with serving() if "http" in case.get("needs", ()) else nullcontext() as web:
        return list(Play(case, folder, is_direct=is_direct, web=web).differences())


@pytest.mark.parametrize(("name", "is_direct"), _modes())
def test_a_recorded_case_comes_out_the_same(name: str, is_direct: bool, tmp_path: Path) -> None:
    _, case = ALL[name]
    found = played(case, tmp_path, is_direct=is_direct)
    assert not found, "\n".join([f"{name}: {case.get('title')}", *found[:8]])


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_listed_case_does_not_run_yet(name: str, tmp_path: Path) -> None:
    assert name in ALL, f"no case is called {name}: take it off the list"
    assert played(ALL[name][1], tmp_path, is_direct=True), f"{name} passes: take it off the list"


def test_the_list_names_no_case_twice() -> None:
    assert len(LISTED) == sum(len(names) for names in [*NOT_YET.values(), *ONLY_INSTALLED.values()])
