"""skydag retry against a server whose tasks run: which definition, which tasks, which parameters (C-46, E-104)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.goldens.running import installation

from skydag.cli.main import main
from skydag.cli.remote import Remote

BROKEN = "+a: {echo>: a}\n+g:\n  +x: {echo>: x}\n  +f: {fail>: 'no ${who}'}\n+z: {echo>: z}\n"
Typed = pytest.CaptureFixture[str]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "w.dig").write_text(BROKEN)
    with installation(tmp_path / "p") as address:
        yield address


class Client:
    def __init__(self, endpoint: str, folder: Path, told: Typed) -> None:
        self.server, self.folder, self._endpoint, self._told = Remote(endpoint), folder, endpoint, told

    def __call__(self, *argv: str, code: int = 0) -> str:
        """What it prints (of a mistake, its last line)."""
        self._told.readouterr()
        assert main([*argv, "-e", self._endpoint, "--disable-version-check"]) == code
        out, err = self._told.readouterr()
        return err.splitlines()[-1] if code else out

    def push(self, revision: str, text: str = BROKEN) -> None:
        (self.folder / "p" / "w.dig").write_text(text)
        self("push", "p", "-r", revision, "--project", str(self.folder / "p"))

    def retry(self, *argv: str) -> dict[str, str]:
        """The states of the new attempt's tasks once it is done; with those that ran marked."""
        return self.done(_id(self("retry", *argv)))

    def done(self, attempt: str) -> dict[str, str]:
        for _ in range(500):
            if self.server.get(f"/api/attempts/{attempt}")["done"]:
                break
            time.sleep(0.01)
        tasks = self.server.get(f"/api/attempts/{attempt}/tasks")["tasks"]
        return {task["fullName"]: task["state"] + (" ran" if task["startedAt"] else "") for task in tasks}


def _id(text: str) -> str:
    found = re.search(r"attempt id:\s*(\d+)", text)             # as scripts look for it (C-41)
    assert found is not None
    return found[1]


def test_a_failed_attempt_is_tried_again_where_it_stopped(endpoint: str, tmp_path: Path, capsys: Typed) -> None:
    skydag = Client(endpoint, tmp_path, capsys)
    skydag.push("r1")
    started = skydag("start", "p", "w", "--session", "2025-01-01", "-p", "who=me,other=1")
    first = _id(started)
    assert skydag.done(first)["+w+g+f"] == "error ran"

    same = skydag("retry", first, "--keep-revision", "--resume", "--name", "same", "-p", "who=you")
    assert "Started a session attempt:" in same and "retry attempt name: same" in same
    assert 'params: {"other":"1","who":"you"}' in same                                  # E-104
    again = skydag.done(_id(same))
    assert {name: again[name] for name in ("+w+a", "+w+g+x", "+w+g+f", "+w+z")} == {
        "+w+a": "success", "+w+g+x": "success", "+w+g+f": "error ran", "+w+z": "blocked"}
    assert again["+w^failure-alert"] == "success ran"                                   # K-3

    skydag.push("r2", BROKEN.replace("fail>", "echo>"))
    fixed = skydag.retry(first, "--latest-revision", "--resume")
    assert fixed == {"+w": "success", "+w+a": "success", "+w+g": "success", "+w+g+x": "success",
                     "+w+g+f": "success ran", "+w+z": "success ran"}
    whole = skydag("retry", first, "--revision", "r2", "--all")
    assert all(state in ("success", "success ran") for state in skydag.done(_id(whole)).values())
    part = skydag.retry(_id(whole), "--keep-revision", "--resume-from", "+f")
    assert [name for name, state in part.items() if state.endswith("ran")] == ["+w+g+f", "+w+z"]


    refused = skydag("retry", _id(whole), "--keep-revision", "--resume", code=1)
    assert refused.startswith("error: Status code 400: ")
    assert "Resuming successfully completed attempts is not supported" in refused       # E-111
    assert skydag("retry", first, "--keep-revision", "--all", "--name", "same", code=1).startswith(
        "error: An attempt of this session has the name 'same' already (attempt_id=")
    assert "hint: use `skydag retry" in skydag("start", "p", "w", "--session", "2025-01-01", code=1)
    assert "Resource not found" in skydag("retry", "999", "--keep-revision", "--all", code=1)
    assert "Resource does not exist: revision name=r9" in skydag("retry", first, "--revision", "r9", "--all", code=1)
