"""skydag start <project> <workflow> --session VALUE (C-45)"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from skydag.cli import blocks, times
from skydag.cli.client import project_named, remote, workflow_named
from skydag.cli.clock import now
from skydag.cli.command import Command
from skydag.cli.config import configuration, params
from skydag.cli.options import CLIENT, PARAMS, Given, Option
from skydag.cli.output import block, compact, local_time
from skydag.cli.remote import SessionExists
from skydag.errors import InvalidError

CHOICES = "hourly, daily, now, yyyy-MM-dd or 'yyyy-MM-dd HH:mm:ss'"
MODES = {"hourly": "hour", "daily": "day", "now": None}


def run(given: Given) -> int:
    value = given.one("session")
    if value is None:
        raise InvalidError(f"Option --session is needed: {CHOICES}")
    asked = _session(value, now())
    config = configuration(given)
    own = params(given, config)
    server = remote(given, config)
    project = project_named(server, given.arguments[0])
    workflow = workflow_named(server, project, given.arguments[1], given.one("revision"))
    time = server.get(f"/api/workflows/{workflow['id']}/truncated_session_time", asked)["sessionTime"]
    name = given.one("retry")
    if given.has("dry-run"):
        _dry_run(project, workflow, time, name, own)
        return 0
    body = {"workflowId": workflow["id"], "sessionTime": time, "params": own, "retryAttemptName": name}
    try:
        attempt = server.put("/api/attempts", body)
    except SessionExists as exists:
        raise _told(exists.attempt) from None
    print("Started a session attempt:")
    blocks.started(attempt)
    print(f"* Use `skydag attempt {attempt['id']}` and `skydag log -f {attempt['id']}` to see how it goes.",
          file=sys.stderr)
    return 0


def _session(value: str, present: datetime) -> Mapping[str, Any]:
    """The query of truncated_session_time."""
    if value in MODES:
        return {"session_time": times.instant(present), "mode": MODES[value]}
    local = times.local(value)
    if local is None:
        raise InvalidError(f"Option --session takes {CHOICES}, not '{value}'")
    return {"session_time": local}


def _dry_run(
    project: Mapping[str, Any], workflow: Mapping[str, Any], time: str, name: str | None, own: Mapping[str, Any],
) -> None:
    print("Session attempt:")
    block({
        "session id": "(dry run)",
        "attempt id": "(dry run)",
        "uuid": "(dry run)",
        "project": project["name"],
        "workflow": workflow["name"],
        "session time": local_time(time),
        "retry attempt name": name,
        "params": compact(own),
    })
    print("Session attempt is not started.", file=sys.stderr)


def _told(attempt: Mapping[str, Any]) -> InvalidError:
    time = attempt["sessionTime"]
    shown = time[:16] + time[19:] if time[16:19] == ":00" else time        # as Digdag writes it: seconds only if any
    found = f"session_id={attempt['sessionId']}, attempt_id={attempt['id']}, session_time={shown}"
    return InvalidError(f"A session for the requested session_time already exists ({found})\n"
                        f"hint: use `skydag retry {attempt['id']} --latest-revision --all` to run it again, "
                        f"with --resume instead of --all only what did not succeed")


COMMAND = Command(
    "start", "<project> <workflow>", range(2, 3), "Start a session of a workflow.",
    (
        Option(("--session",), "VALUE", "hourly, daily, now, yyyy-MM-dd or 'yyyy-MM-dd HH:mm:ss' (needed)"),
        Option(("--revision",), "NAME", "start this revision's workflow instead of the latest"),
        Option(("--retry",), "NAME", "name of a further attempt of a session that is there already"),
        Option(("-d", "--dry-run"), None, "show what would be started"),
        *PARAMS, *CLIENT,
    ),
    run,
)
