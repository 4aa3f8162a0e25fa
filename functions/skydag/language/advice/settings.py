"""The underscore keys beside a task or a group: what nobody reads there, what will fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from skydag.language.advice.exports import UNDERSCORE
from skydag.language.advice.sites import BODIES, Path, Site, Warn
from skydag.language.problems import did_you_mean
from skydag.language.tree import build

MAKES_NO_TASKS: Final = frozenset((
    "echo", "fail", "sh", "rb", "mail", "http", "param_get", "param_set", "wait", "notify", "require"))
NEVER_RETRIED: Final = frozenset(("echo", "fail", "nop", "wait", "notify", "s3_wait"))          # L-112
NOT_READ: Final = {             # blocks of Digdag's that change nothing here
    "plugin": "operators come with Python packages that are installed, not from here",
    "agent": "where a task runs is said by docker: {image: ...}",
    "ecs": "docker: {image: ...} runs on ECS in an installation",
}
ONE_AFTER_THE_OTHER: Final = "tasks of a sequence wait for the one before; in a parallel group write '_after: [+name]'"
OF_THE_ROOT: Final = ("timezone", "schedule", "sla")

_ENV_NAME = re.compile(r"[a-zA-Z_][a-zA-Z_0-9]*\Z")
_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*\Z")


def advise(site: Site, warn: Warn) -> None:
    body, path = site.body, site.path
    if "_retry" in body:
        _retry(site, body["_retry"], (*path, "_retry"), warn)
    _blocks(body, path, warn)
    _blocks(body.get("_export"), (*path, "_export"), warn)
    if site.operator is None:
        _group(site, warn)
    else:
        _leaf(site, site.operator, warn)
    for key in BODIES:
        if key != "_error" and key in body and site.operator is not None:
            _body(site, key, body[key], warn)


def _group(site: Site, warn: Warn) -> None:
    for key in (*OF_THE_ROOT, "_secrets") if site.path else ():
        if key in site.body:
            warn((*site.path, key), "no-effect", f"{key} has no effect on a group",
                 f"write {key} at the top of the file" if key in OF_THE_ROOT else "write it in the task that reads it")


def _leaf(site: Site, operator: str, warn: Warn) -> None:
    body, path = site.body, site.path
    if "_parallel" in body and operator in MAKES_NO_TASKS:
        warn((*path, "_parallel"), "no-effect", f"_parallel has no effect beside {operator}>",
             "it belongs to the group whose tasks shall run beside each other")
    if "depends_on" in body:
        warn((*path, "depends_on"), "no-effect", "depends_on is no word of the language", ONE_AFTER_THE_OTHER)
    if _names_tasks(body.get("after")):
        warn((*path, "after"), "no-effect", "after is no word of the language", ONE_AFTER_THE_OTHER)
    env = body.get("_env")
    for name in env if isinstance(env, Mapping) else ():
        if not _ENV_NAME.match(name):
            warn((*path, "_env", name), "env-name", f"Invalid _env key name: {name}",
                 "letters, digits and _ only, no digit first")
    for key in body:
        if key.startswith("_") and key not in UNDERSCORE:
            warn((*path, key), "underscore", f"{key} is no word of the language, only a parameter",
                 did_you_mean(key, UNDERSCORE))


def _names_tasks(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name.startswith("+") for name in names)


def _blocks(values: Any, path: Path, warn: Warn) -> None:
    for key, hint in NOT_READ.items() if isinstance(values, Mapping) else ():
        if isinstance(values.get(key), Mapping):
            warn((*path, key), "no-effect", f"{key}: has no effect here", hint)


def _retry(site: Site, value: Any, path: Path, warn: Warn) -> None:
    limit = value.get("limit") if isinstance(value, Mapping) else value
    if site.operator in NEVER_RETRIED:
        warn(path, "no-effect", f"_retry has no effect beside {site.operator}>",
             "put the task into a group and write _retry there")
    elif _is_template(value) and site.operator is None:
        warn(path, "retry", "the _retry of a group is not evaluated: this one means no retry", "write a number")
    elif not _is_retry(value):
        what = "means no retry" if site.operator is None else "fails the task"
        warn(path, "retry", f"a _retry that is not understood {what}",
             "write a number, or {limit: 3, interval: 10, interval_type: exponential}")
    elif isinstance(limit, int) and limit < 0:
        warn(path, "no-effect", f"_retry: {limit} means no retry", None)


def _is_retry(value: Any) -> bool:
    """L-110. What holds an expression may be one."""
    if not isinstance(value, Mapping):
        return value is None or _is_whole(value)
    kind = value.get("interval_type", "constant")
    return (_is_whole(value.get("limit")) and _is_whole(value.get("interval", 0))
            and (value.get("max_interval") is None or _is_whole(value["max_interval"]))
            and (_is_template(kind) or str(kind).lower() in ("constant", "exponential")))


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_WHOLE.match(value)) or _is_template(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _is_template(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_template(inner) for inner in value.values())
    return isinstance(value, str) and "${" in value


def _body(site: Site, key: str, value: Any, warn: Warn) -> None:
    """What is made into tasks at run time is not looked at before; here it is (L-36)."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        warn((*site.path, key), "broken-body", f"Parameter '{key}' must be an object",
             "write tasks or an operator in it")
        return

    def report(path: tuple[str, ...], code: str, message: str, hint: str | None) -> None:
        warn((*site.path, key, *path), "broken-body", f"this will fail when it runs: {message}", hint)

    build(BODIES[key], site.full_name, value, report)
