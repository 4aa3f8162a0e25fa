"""skydag run <workflow[.dig]> [+task] (C-20): reads the options; local/run.py does the work."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from skydag.cli.command import Command
from skydag.cli.config import below, configuration, params
from skydag.cli.options import COMMON, PARAMS, Given, Option
from skydag.cli.project_dir import directory
from skydag.errors import InvalidError
from skydag.model.run_options import RunOptions

EXCLUSIVE = (("start", "goal"), ("goal", "end"), ("rerun", "start"), ("rerun", "goal"))     # C-21
FORMATS = ("text", "json")
NOT_KEPT = frozenset({"rerun", "start", "session-time", "dry-run", "dE", "help"})   # by a run that goes on from it


def run(given: Given) -> int:
    options = read(given)
    from skydag.bootstrap import SystemChance, system_clock
    from skydag.local.run import run as run_here

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)       # as Ctrl-C: what runs here is ended, too
    return run_here(options, now=system_clock, chance=SystemChance())


def read(given: Given) -> RunOptions:
    """InvalidError: options that exclude each other, or have values that are none."""
    for one, other in EXCLUSIVE:
        if given.has(one) and given.has(other):
            raise InvalidError(f"Options --{one} and --{other} can't be used together")
    kind = given.one("format") or "text"
    if kind not in FORMATS:
        raise InvalidError(f"Option --format takes {' or '.join(FORMATS)}, not '{kind}'")
    config = configuration(given)
    project = directory(given)
    save, task_log, log = given.one("save"), given.one("task-log"), given.one("log")
    if save == "":
        raise InvalidError("Option --save needs a folder; without the option it is .digdag/status of the project")
    threads = given.whole("max-task-threads")
    if threads is None:
        threads = _whole(config, "agent.max-task-threads", 0)
    if threads < 0:
        raise InvalidError(f"Option --max-task-threads takes 0 (no limit) or more, not {threads}")
    return RunOptions(
        file=given.arguments[0],
        project=project,
        has_project_option=given.has("project"),
        task=given.arguments[1] if len(given.arguments) > 1 else None,
        params=params(given, config),
        secrets=below(config, "secrets."),
        properties={key: value for key, value in config.items() if not key.startswith(("params.", "secrets."))},
        session=session if (session := given.one("session-time")) is not None else "last",
        save_dir=None if save is None else project / save,
        is_saving=not given.has("no-save"),
        is_rerun=given.has("rerun"),
        start=given.one("start"),
        goal=given.one("goal"),
        end=given.one("end"),
        is_dry_run=given.has("dry-run") or given.has("dE"),
        shows_params=given.has("show-params") or given.has("dE"),
        max_task_threads=threads,
        task_log_dir=None if task_log is None else Path(task_log).absolute(),
        log_file=None if log in (None, "-") else Path(str(log)).absolute(),
        log_level=(given.one("log-level") or "info").lower(),
        task_limit=_whole(config, "executor.task_max_run", 10_000),
        format=kind,
        words=words(given),
    )


def words(given: Given) -> tuple[str, ...]:
    """What was typed, but for what a run that goes on from this one is to do without, and without secrets (F-7)."""
    out = list(given.arguments)
    for option in (*COMMAND.options, *COMMON):
        if option.key not in NOT_KEPT:
            for value in given.all(option.key):
                out += [option.names[-1]] if option.value is None else [option.names[-1], _without_secret(value)]
    return tuple(out)


def _without_secret(value: str) -> str:
    """secrets.db.password=x -> secrets.db.password=***"""
    key, is_pair, _ = value.partition("=")
    return f"{key}=***" if is_pair and key.startswith("secrets.") else value


def _whole(config: dict[str, str], key: str, default: int) -> int:
    text = config.get(key, str(default))
    if not text.isdecimal():
        raise InvalidError(f"Property {key} takes a number, not '{text}'")
    return int(text)


COMMAND = Command(
    "run", "<workflow[.dig]> [+task]", range(1, 3), "Run a workflow on this machine, in its project directory.",
    (
        Option(("--project",), "DIR", "the project's directory (default: the current one)"),
        *PARAMS,
        Option(("-t", "--session", "--session-time"), "VALUE",
               "last (default), hourly, daily, schedule, yyyy-MM-dd or 'yyyy-MM-dd HH:mm:ss'"),
        Option(("-a", "--all", "--rerun"), None, "ignore saved task states, run everything"),
        Option(("-s", "--start"), "+NAME", "run this task and all later ones"),
        Option(("-g", "--goal"), "+NAME", "run up to this task and its children"),
        Option(("-e", "--end"), "+NAME", "leave out this task and all later ones"),
        Option(("-o", "--save"), "DIR", "where task states are kept (default .digdag/status)"),
        Option(("--no-save",), None, "neither read nor write task states"),
        Option(("-d", "--dry-run"), None, "run no operator: every task succeeds"),
        Option(("--format",), "FORMAT", "text (default), or json: one event a line on standard output"),
        Option(("-E", "--show-params"), None, "show each task's parameters before it runs"),
        Option(("-dE",), None, "both"),
        Option(("--max-task-threads",), "N", "most tasks at once (default: no limit)"),
        Option(("-O", "--task-log"), "DIR", "keep each task's log as a gzip file"),
        Option(("--timezone",), "ZONE", "accepted, no effect: write timezone: into the workflow"),
    ),
    run,
)
