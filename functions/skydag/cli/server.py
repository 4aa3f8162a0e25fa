"""skydag server (C-35): the whole installation in this process, with its REST API on loopback."""

from __future__ import annotations

import sys

from skydag.cli.command import Command
from skydag.cli.config import configuration
from skydag.cli.limits import template_parameters
from skydag.cli.options import PARAMS, Given, Option
from skydag.errors import InvalidError

PORT = 65432
BIND = "127.0.0.1"
IGNORED = (
    Option(("-o", "--database"), "DIR", "ignored: state lives in memory"),
    Option(("-O", "--task-log"), "DIR", "ignored"),
    Option(("-A", "--access-log"), "DIR", "ignored"),
    Option(("--admin-port",), "PORT", "ignored"),
    Option(("--admin-bind",), "ADDRESS", "ignored"),
    Option(("--max-task-threads",), "N", "ignored"),
    Option(("--disable-executor-loop",), None, "ignored"),
    Option(("--disable-scheduler",), None, "ignored"),
    Option(("--disable-local-agent",), None, "ignored"),
    Option(("--enable-swagger",), None, "ignored"),
    Option(("-H", "--header"), "KEY=VALUE", "ignored", repeats=True),
)


def run(given: Given) -> int:
    port = given.whole("port")
    if port is not None and not 0 <= port <= 65535:
        raise InvalidError(f"Option --port takes a number from 0 to 65535, not {port}")
    if given.has("memory") and given.has("database"):
        raise InvalidError("Options --memory and --database can't be used together")
    parameters = template_parameters(configuration(given))
    for option in (*IGNORED, *PARAMS):
        if given.has(option.key):
            print(f"warning: option {option.names[-1]} has no effect here", file=sys.stderr)
    try:
        from skydag.embedded.server import serve
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("skydag"):
            raise
        raise InvalidError(f"{missing.name} is not installed: pip install 'skydag[embedded]'") from missing
    return serve(PORT if port is None else port, given.one("bind") or BIND, parameters=parameters)


COMMAND = Command(
    "server", "", range(1), "Run a whole installation on this machine: tasks, schedules and the REST API.",
    (
        Option(("-n", "--port"), "PORT", f"where the REST API listens (default {PORT})"),
        Option(("-b", "--bind"), "ADDRESS", f"the address it listens on (default {BIND})"),
        Option(("-m", "--memory"), None, "keep state in memory (it always is)"),
        *IGNORED, *PARAMS,
    ),
    run,
)
