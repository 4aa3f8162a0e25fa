"""Tasks that nothing ever starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skydag.language.advice.sites import Site, Warn, is_disabled

TAKES_DO: Final = frozenset(("if", "loop", "for_each", "for_range"))
TAKES_NO_DO: Final = frozenset(("call", "echo", "fail", "http", "http_call", "mail", "notify", "param_get",
                                   "param_set", "py", "rb", "require", "sh", "wait"))


def advise(site: Site, warn: Warn) -> None:
    if site.operator is None:
        _check_of_group(site, warn)
        _after_fail(site, warn)
        return
    if site.operator in TAKES_NO_DO:
        for key in ("_do", "_else_do"):
            if key in site.body:
                warn((*site.path, key), "never-runs", f"{site.operator}> does not run what {key} holds",
                     "it belongs beside if>, loop>, for_each> or for_range>")
    elif site.operator in TAKES_DO:
        _static(site, warn)


def _check_of_group(site: Site, warn: Warn) -> None:
    if site.body.get("_check") and not (site.path and site.path[-1] in ("_check", "_error")):
        warn((*site.path, "_check"), "never-runs", "the _check of a group never runs (L-117)",
             "write it in a task with an operator, or as the last task of the group")


def _after_fail(site: Site, warn: Warn) -> None:
    """In a sequence, what stands below a fail> without a condition."""
    if "_parallel" in site.body and site.body["_parallel"] not in (False, "false"):
        return
    failing = None
    for key, child in site.children:
        if is_disabled(child) or child.get("_background") in (True, "true"):
            continue
        if failing is not None:
            warn((*site.path, key), "never-runs", f"{key} never runs: {failing} above it always fails",
                 "put fail> into the _do of an if>")
            return
        if "fail>" in child:
            failing = key


def _static(site: Site, warn: Warn) -> None:
    dead = _dead(site.operator or "", site.command, site.body)
    if dead is not None and dead in site.body:
        warn((*site.path, dead), "never-runs", f"what {dead} holds never runs, as {site.operator}> is written", None)


def _branch(condition: Any) -> str | None:
    """The branch of an if> that its condition, written out, leaves out."""
    if isinstance(condition, int):
        return "_else_do" if condition else "_do"
    text = condition.strip() if isinstance(condition, str) else None
    return "_else_do" if text in ("true", "True") else "_do" if text in ("false", "False", "", "null") else None


def _dead(operator: str, command: Any, body: Mapping[str, Any]) -> str | None:
    """The key of the body that can be seen never to run."""
    if operator == "if":
        return _branch(command)
    if "_else_do" in body:
        return "_else_do"
    if operator == "loop" and "count" not in body and isinstance(command, int) and command <= 0:
        return "_do"
    if operator == "for_each" and isinstance(command, Mapping) and [] in command.values():
        return "_do"
    return None
