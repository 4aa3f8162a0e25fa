"""A workflow of a project, run as `skydag run` does it, on a clock that does not wait."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from skydag.bootstrap import SystemChance
from skydag.local.run import run
from skydag.model.records import dataclass
from skydag.model.run_options import RunOptions
from skydag.testing.bench import START


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How the attempt ended, and what it left behind."""

    exit_code: int                                  # 0: success
    printed: list[str]                              # what tasks said, line by line
    told: str                                       # skydag's own words
    stored: Mapping[str, Mapping[str, Any]]         # full name of each task that succeeded -> what it stored
    time: datetime                                  # when it was over, by its clock


def run_workflow(
    project: Path | str, file: str, *, session: str = "daily", params: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None, properties: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None, time: datetime = START,
) -> Ran:
    """Runs `file` of the project from its start to its end; no states are kept in the project.

    session: as `--session` takes it. time: when it begins; where tasks wait (`wait>`, polls, `_retry`) the clock goes
    on at once. Commands run for real, and take no time of this clock. Raises what `skydag run` refuses: WorkflowError,
    InvalidError, NotFoundError.
    """
    clock = _Clock(time)
    out, err = StringIO(), StringIO()
    with tempfile.TemporaryDirectory(prefix="skydag-states-") as states:
        options = RunOptions(
            file=file, project=Path(project).absolute(), params=params or {}, secrets=secrets or {},
            properties=properties or {}, session=session, save_dir=Path(states), is_rerun=True, words=(file,))
        code = run(options, now=clock, chance=SystemChance(), env=os.environ if env is None else env, out=out, err=err,
                   pass_time=clock.move_to)
        stored = {state["fullName"]: state["result"]["storeParams"] for state in
                  (yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(Path(states).rglob("*.yml")))}
    return Ran(exit_code=code, printed=out.getvalue().splitlines(), told=err.getvalue(), stored=stored, time=clock.now)


class _Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move_to(self, time: datetime) -> None:
        """Past it: some wait until a time is strictly over."""
        self.now = max(self.now, time + timedelta(milliseconds=1))
