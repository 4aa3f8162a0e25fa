"""Who tells of a local run: events, a picture on a terminal, or plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from skydag.local.tell import Teller
from skydag.model.run_options import RunOptions
from skydag.model.workflow import Workflow
from skydag.ports import Clock


def teller(
    options: RunOptions, workflow: Workflow, out: TextIO, err: TextIO, now: Clock, env: Mapping[str, str],
    log: TextIO | None,
) -> Teller:
    """log: where log lines go, None: to `err`."""
    if options.format == "json":
        from skydag.local.tell_json import JsonTeller

        return JsonTeller(out, err, now, level=options.log_level, log=log)
    if _is_for_live(options, err, env):
        try:
            from skydag.local.live import LiveTeller
        except ImportError:                     # the extra `tui` is not installed
            pass
        else:
            return LiveTeller(out, err, now, workflow.tasks, level=options.log_level, log=log)
    return Teller(out, err, now, level=options.log_level, log=log)


def _is_for_live(options: RunOptions, err: TextIO, env: Mapping[str, str]) -> bool:
    return (err.isatty() and env.get("TERM", "") not in ("", "dumb") and not env.get("NO_COLOR")
            and not options.shows_params)
