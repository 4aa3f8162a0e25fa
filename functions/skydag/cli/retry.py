"""skydag retry <attempt-id> (C-46)"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from typing import Any

from skydag.cli import blocks
from skydag.cli.client import remote, workflow_named
from skydag.cli.command import Command, id_of
from skydag.cli.config import configuration, params
from skydag.cli.options import CLIENT, PARAMS, Given, Option
from skydag.cli.remote import Remote, SessionExists
from skydag.errors import InvalidError
from skydag.model.params import merge

REVISIONS = {"latest-revision": "--latest-revision", "keep-revision": "--keep-revision",
             "revision": "--revision NAME"}
TASKS = {"all": "--all", "resume": "--resume", "resume-from": "--resume-from +NAME"}


def run(given: Given) -> int:
    attempt_id = id_of(given, "attempt")
    _check(given)
    config = configuration(given)
    own = params(given, config)
    server = remote(given, config)
    old = server.get(f"/api/attempts/{attempt_id}")
    name = given.one("name") or str(uuid.uuid4())
    body = {"workflowId": _workflow_id(given, server, old), "sessionTime": old["sessionTime"],
            "params": merge(old["params"], own), "retryAttemptName": name, "resume": _resume(given, attempt_id)}
    try:
        attempt = server.put("/api/attempts", body)
    except SessionExists as exists:
        raise InvalidError(
            f"An attempt of this session has the name '{name}' already (attempt_id={exists.attempt['id']}); "
            f"give another --name, or none") from None
    print("Started a session attempt:")
    blocks.started(attempt)
    print(f"* Use `skydag attempt {attempt['id']}` and `skydag log -f {attempt['id']}` to see how it goes.",
          file=sys.stderr)
    return 0


def _check(given: Given) -> None:
    """One of each, and no value that says nothing."""
    missing = []
    for what, options in (("which definition", REVISIONS), ("which tasks run", TASKS)):
        chosen = [option for option in options if given.has(option)]
        if len(chosen) > 1:
            raise InvalidError("Options " + " and ".join(f"--{option}" for option in chosen) +
                               " can't be used together")
        if not chosen:
            missing.append(f"one of {', '.join(options.values())} ({what})")
    if missing:
        raise InvalidError(f"retry needs {' and '.join(missing)}")
    for option in ("name", "revision", "resume-from"):
        if given.one(option) == "":
            raise InvalidError(f"Option --{option} must not be empty")


def _workflow_id(given: Given, server: Remote, old: Mapping[str, Any]) -> str:
    if given.has("keep-revision"):
        return str(old["workflow"]["id"])
    return str(workflow_named(server, old["project"], old["workflow"]["name"], given.one("revision"))["id"])


def _resume(given: Given, attempt_id: str) -> dict[str, str] | None:
    if given.has("resume"):
        return {"attemptId": attempt_id, "mode": "failed"}
    pattern = given.one("resume-from")
    return None if pattern is None else {"attemptId": attempt_id, "mode": "from", "from": pattern}


COMMAND = Command(
    "retry", "<attempt-id>", range(1, 2), "Start a further attempt of a session.",
    (
        Option(("--latest-revision",), None, "by the definition in the project's latest revision"),
        Option(("--keep-revision",), None, "by the definition of the old attempt"),
        Option(("--revision",), "NAME", "by the definition in this revision"),
        Option(("--all",), None, "every task runs"),
        Option(("--resume",), None, "only tasks run that had not succeeded"),
        Option(("--resume-from",), "+NAME", "this task runs, and all but what stands before it"),
        Option(("--name",), "NAME", "name of the new attempt (default: a UUID)"),
        *PARAMS, *CLIENT,
    ),
    run,
    notes="One of the first three and one of the next three are needed. Parameters of the old\n"
          "attempt are kept; -p and -P replace some.",
)
