"""What a local run was asked to do (cli.md C-20): the command line reads it, local/run.py does it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skydag.model.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    file: str                           # as typed: "daily.dig" (a path below the project) or "daily" (a workflow)
    project: Path                       # the project's directory, absolute
    has_project_option: bool = False    # --project was given
    task: str | None = None             # "+load": run only this task's subtree (C-24)
    params: Mapping[str, Any] = field(default_factory=dict)     # configuration < -P < -p, merged (C-12)
    secrets: Mapping[str, str] = field(default_factory=dict)    # secrets.* of the configuration (C-32)
    properties: Mapping[str, str] = field(default_factory=dict)     # the others: config.http.*, config.mail.*, ...
    session: str = "last"               # last, hourly, daily, schedule, yyyy-MM-dd, yyyy-MM-dd HH:mm:ss (S-90)
    save_dir: Path | None = None        # absolute; None: .digdag/status below the project
    is_saving: bool = True              # False with --no-save
    is_rerun: bool = False              # --rerun: saved states are not used
    start: str | None = None            # --start +NAME
    goal: str | None = None             # --goal +NAME
    end: str | None = None              # --end +NAME
    is_dry_run: bool = False            # operators do not run
    shows_params: bool = False          # -E: each task's effective params before it runs
    max_task_threads: int = 0           # tasks at once; 0: no limit
    task_log_dir: Path | None = None    # -O
    log_file: Path | None = None        # -L; None: standard error
    log_level: str = "info"             # error, warn, info, debug, trace
    task_limit: int = 10_000            # most tasks the attempt may have
    format: str = "text"                # text, or json: one event a line
    words: tuple[str, ...] = ()         # file, task and options that a run that goes on from this one is to have
