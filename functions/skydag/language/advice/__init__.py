"""What is allowed and most likely a slip: warnings for `check` and `push` (language.md section 18). Codes: `codes`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from skydag.language.advice import exports, expressions, never, options, secrets, settings, targets
from skydag.language.advice.sites import Warn, sites


def advise(name: str, definition: Mapping[str, Any], files: Collection[str], warn: Warn,
           operators: Collection[str] | None = None) -> None:
    """name: of the workflow. files: the paths of the project. operators: the names of those that are installed; None
    if that is not known."""
    if not any(key.startswith("+") for key in definition):
        warn((), "no-tasks", f"workflow '{name}' has no tasks: it does nothing and succeeds",
             "a task is written '+name: {sh>: ...}', beside the other keys")
    every = tuple(sites(name, definition))
    known = targets.Known(files, operators)
    seen: set[int] = set()
    for site in every:
        exports.advise(site, warn)
        settings.advise(site, warn)
        never.advise(site, warn)
        secrets.advise(site, seen, warn)
        if site.operator is not None:
            options.advise(site, warn)
            targets.advise(site, known, warn)
    expressions.advise(definition, every, warn)
