"""Parameters: names that do harm, names that something else hides, keys that are no parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from skydag.language.advice.sites import Path, Site, Warn
from skydag.language.advice.spelling import one_letter_off

_DERIVED: Final = ("date", "date_compact", "local_time", "tz_offset", "unixtime")
BUILT_IN: Final = frozenset((           # L-105: those of the schedule are parameters, which an _export may replace
    "timezone", "session_uuid", "session_id", "session_time", "project_id", "attempt_id", "task_name",
    *(f"session_{what}" for what in _DERIVED)))
FROM_SCHEDULE: Final = frozenset((
    "retry_attempt_name",
    *(f"{when}_session_{what}" for when in ("last", "next", "last_executed") for what in ("time", *_DERIVED))))
UNDERSCORE: Final = (
    "_after", "_background", "_check", "_command", "_disable", "_do", "_else_do", "_env", "_error", "_export",
    "_parallel", "_project_path", "_retry", "_secrets", "_type", "_workdir")
_OF_ONE_TASK: Final = ("_after", "_background", "_check", "_disable", "_env", "_error")


def advise(site: Site, warn: Warn) -> None:
    export = site.body.get("_export")
    if not isinstance(export, Mapping):
        return
    path = (*site.path, "_export")
    for key, value in export.items():
        _name(key, (*path, key), warn)
        if key in BUILT_IN and value is not None:
            warn((*path, key), "shadowed", f"{key} is a built-in variable, which no _export can change",
                 "choose another name, or write it beside the operator that shall see it")
        elif site.operator is not None and key in site.body:
            warn((*path, key), "shadowed", f"the task's own {key} hides the one in its _export", "keep one of them")
    for key in _loop_names(site):
        body = site.body.get("_do")
        inner = body.get("_export") if isinstance(body, Mapping) else None
        if isinstance(inner, Mapping) and key in inner:
            warn((*site.path, "_do", "_export", key), "shadowed",
                 f"the {key} of {site.operator}> hides the one that is exported here", "choose another name")


def _name(key: str, path: Path, warn: Warn) -> None:
    if key == "_type" or key.endswith(">"):
        warn(path, "hijack", f"a parameter named {key} makes every task below run this operator", "rename it")
    elif key == "_retry":
        warn(path, "retry-everywhere", "_retry in _export retries every task below, too",
             "write it beside _export to retry this one only")
    elif key.startswith("+"):
        warn(path, "never-runs", f"{key} is no task inside _export, it never runs", "write it beside _export")
    elif key in _OF_ONE_TASK:
        warn(path, "no-effect", f"{key} has no effect in _export", "write it in the task that it is for")
    elif key.startswith("_") and key not in UNDERSCORE and (near := one_letter_off(key, UNDERSCORE)):
        warn(path, "underscore", f"{key} is no word of the language, only a parameter", f"did you mean '{near}'?")
    elif " " in key:
        warn(path, "blank", f"no ${{...}} can name the parameter '{key}': it has a blank in it",
             f"write '{key.strip().replace(' ', '_')}'")


def _loop_names(site: Site) -> Iterator[str]:
    if site.operator == "loop":
        yield "i"
    elif site.operator == "for_range":
        yield "range"
    elif site.operator == "for_each" and isinstance(site.command, Mapping):
        yield from site.command
