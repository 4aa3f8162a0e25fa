"""Options of the operators: what an operator does not know is read by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skydag.language.advice.expressions import code_names
from skydag.language.advice.sites import Site, Warn, texts
from skydag.language.problems import did_you_mean
from skydag.language.template import Literal, split

_HTTP: Final = ("method", "headers", "query", "content", "content_format", "content_type", "retry", "timeout",
                "follow_redirects", "insecure", "proxy")
#: operators.md, A.11 to A.18. sh>, py> and rb> take any key: it reaches the script; param_set> and param_get> name
#: parameters by theirs.
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "call": (), "echo": (), "fail": (), "for_each": (), "for_range": (), "if": (), "loop": ("count",), "notify": (),
    "http": (*_HTTP, "store_content"), "http_call": (*_HTTP, "content_type_override"),
    "mail": ("body", "subject", "to", "cc", "bcc", "from", "html", "attach_files", "host", "port", "username",
             "password", "tls", "ssl", "debug", "transport"),
    "require": ("session_time", "ignore_failure", "rerun_on", "params", "project_id", "project_name",
                "retry_attempt_name"),
    "wait": ("blocking", "poll_interval"),
}
#: In a script these are parameters like any other, but hardly meant to be.
_WITHOUT_UNDERSCORE: Final[Mapping[str, type | tuple[type, ...]]] = {
    "retry": (int, dict), "parallel": (bool, dict), "background": bool, "disable": bool, "export": dict, "env": dict,
    "error": dict, "check": dict}
NEEDS_DO: Final = frozenset(("loop", "for_each", "for_range"))
NEEDS_A_COMMAND: Final = NEEDS_DO | {"call", "echo", "http_call", "if", "notify", "require", "sh", "wait"}
_NOT_OPTIONS: Final = ("docker", "depends_on", "after", "plugin", "agent", "ecs")


def advise(site: Site, warn: Warn) -> None:
    known = OPTIONS.get(site.operator or "")
    used = None
    for key, value in site.body.items():
        if key == site.operator_key or key.startswith(("+", "_")) or key.endswith(">"):
            continue
        if key.endswith(":"):
            warn((*site.path, key), "doubled-colon", f"the colon of {key} is doubled", f"write '{key[:-1]}:'")
        elif known is None:
            kind = _WITHOUT_UNDERSCORE.get(key) if site.operator == "sh" else None
            if kind is not None and isinstance(value, kind):
                warn((*site.path, key), "unknown-option", f"{key} is only a parameter of the script",
                     f"did you mean '_{key}'?")
        elif key not in known and key not in (*_NOT_OPTIONS, site.operator):
            used = _used(site.body) if used is None else used
            if key not in used:
                warn((*site.path, key), "unknown-option", f"{site.operator}> does not know {key}",
                     _hint(site, key, known))
    _missing(site, warn)
    if site.operator == "if":
        _condition(site, warn)


def _missing(site: Site, warn: Warn) -> None:
    """What an operator cannot do without (L-64, E-91 to E-95)."""
    operator, body = site.operator or "", site.body
    if operator in NEEDS_A_COMMAND and site.command is None and "count" not in body and "script" not in body:
        warn((*site.path, site.operator_key), "missing-option", f"{operator}> has no value, without which it fails",
             f"write '{operator}>: ...'")
    if (operator in NEEDS_DO and "_do" not in body) or (operator == "if" and not {"_do", "_else_do"} & body.keys()):
        warn((*site.path, site.operator_key), "missing-option", f"{operator}> has nothing to run",
             "write tasks or an operator below '_do:'")


def _hint(site: Site, key: str, known: tuple[str, ...]) -> str | None:
    if site.operator == "call":
        return "the called tasks see what stands in _export"
    words = [*known, "_do", "_else_do", "_export", "_retry", "_parallel", "_error", "_check", "_env"]
    return f"did you mean '_{key}'?" if f"_{key}" in words else did_you_mean(key, words)


def _used(body: Mapping[str, Any]) -> set[str]:
    """The names in the texts of one task."""
    return {name for _, _, text in texts(body, (), "", set()) if "${" in text for name in code_names(text)}


def _condition(site: Site, warn: Warn) -> None:
    """`if>: ${a} == 1` is the text `5 == 1`, neither true nor false (L-66)."""
    command = site.command
    if not isinstance(command, str):
        return
    parts = split(command)
    around = "".join(part.text for part in parts if isinstance(part, Literal)).strip()
    if len(parts) > 1 and around and "${" not in around:
        warn((*site.path, site.operator_key), "condition", f"if> takes true or false, and gets a text that ends up as "
             f"neither: {command[:60]}", "put the whole comparison inside one ${...}")
    elif len(parts) == 1 and around and around not in ("true", "True", "false", "False", "null") and "$" not in command:
        warn((*site.path, site.operator_key), "condition", f"if> takes true or false, not {around[:60]}",
             "write a comparison inside ${...}")
