"""`${...}` that names nothing.

Parameters come from `-p`, from other files and from what tasks store, so most names cannot be judged. Two can:

- a name that differs by one letter from a name that is there: a built-in variable, or any key of the file;
- in a workflow with a `schedule:`, whose attempts are started without `-p`: a name that is no key of the file, in a
  task above which nothing stands that may have stored it.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skydag.language.advice.exports import BUILT_IN, FROM_SCHEDULE
from skydag.language.advice.sites import BODIES, Path, Site, Warn, names, texts
from skydag.language.advice.spelling import one_letter_off
from skydag.language.template import Expression, split

STORES_NOTHING: Final = frozenset((
    "echo", "fail", "sh", "if", "loop", "for_range", "notify", "nop", "mail", "param_set", "wait"))
GIVEN: Final = BUILT_IN | FROM_SCHEDULE | {"i", "range", "error", "_workdir", "_project_path"}
UNKNOWN_MAX: Final = 100        # names that are compared with all others

_STRING = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_HAS_OWN_NAMES = re.compile(r"=>|\b(?:function|var|let|const|this|eval|with)\b|(?<![=!<>])=(?!=)|[`/\\]|[^\x00-\x7f]")
_NAME = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]*(?!\s*:)\b(?!\$)")
_TYPEOF = re.compile(r"\btypeof\s*\(?\s*([A-Za-z_$][\w$]*)")
_OF_JAVASCRIPT: Final = frozenset((
    "true", "false", "null", "undefined", "NaN", "Infinity", "new", "typeof", "void", "delete", "in", "instanceof",
    "moment", "JSON", "Math", "Date", "RegExp", "Array", "Object", "String", "Number", "Boolean", "Error", "Symbol",
    "Map", "Set", "Promise", "BigInt", "Intl", "Function", "parseInt", "parseFloat", "isNaN", "isFinite", "globalThis",
    "encodeURIComponent", "encodeURI", "decodeURIComponent", "decodeURI", "escape", "unescape", "toString", "valueOf",
    "constructor", "hasOwnProperty", "toLocaleString", "isPrototypeOf", "arguments"))


def advise(definition: Mapping[str, Any], sites: Sequence[Site], warn: Warn) -> None:
    keys = Counter(names(definition, set()))
    seen: set[int] = set()
    is_scheduled = isinstance(definition.get("schedule"), Mapping)  # and so started without parameters
    may_be_stored = False                                           # by a task above
    unknown: dict[str, str | None] = {}                             # and what may be meant
    for site in sites:
        templates = _templates(site, seen)
        if site.operator is not None and not may_be_stored:
            _below(site, templates, keys, warn)
        for path, named in templates:
            for name in sorted(named):
                if name in keys or name in GIVEN:
                    continue
                if name not in unknown:
                    known = (*sorted(GIVEN), *keys) if len(unknown) < UNKNOWN_MAX else ()
                    unknown[name] = one_letter_off(name, known)
                near = unknown[name]
                if near is not None:
                    warn(path, "unknown-name", f"${{...}} names {name}, which nothing gives", f"did you mean '{near}'?")
                elif is_scheduled and not may_be_stored:
                    warn(path, "unknown-name", f"${{...}} names {name}, which nothing gives: no key of the file, no "
                         "task above that could store it, and a schedule gives no parameters",
                         "put it under '_export:'")
        if site.operator is not None and site.operator not in STORES_NOTHING:
            may_be_stored = True


@functools.lru_cache(maxsize=4096)
def _code_names(code: str) -> frozenset[str]:
    code = _STRING.sub("''", code)
    if _HAS_OWN_NAMES.search(code):
        return frozenset()
    return frozenset(_NAME.findall(code)) - _OF_JAVASCRIPT - frozenset(_TYPEOF.findall(code))


def code_names(text: str) -> frozenset[str]:
    """The names that the expressions of a text certainly need."""
    return frozenset(name for part in split(text) if isinstance(part, Expression) for name in _code_names(part.code))


def _below(site: Site, templates: Sequence[tuple[Path, frozenset[str]]], keys: Mapping[str, int], warn: Warn) -> None:
    """A task's own keys are seen by the texts below them in the same mapping, by no others (L-94)."""
    order = {key: at for at, key in enumerate(site.body)}
    for path, named in templates:
        here = path[len(site.path):]
        if here[0] == "_export":
            continue
        for name in sorted(named):
            if name in GIVEN or keys.get(name) != 1 or name not in order or name == here[0]:
                continue
            if len(here) == 1 and order[name] > order[str(here[0])]:
                warn(path, "below", f"${{...}} names {name}, which stands below it in the task",
                     f"move '{name}' above '{here[0]}', or into _export")
            elif len(here) > 1 and any(isinstance(key, str) for key in here[1:]):
                warn(path, "below", f"${{...}} names {name}, which a text inside '{here[0]}' does not see",
                     f"move '{name}' into _export")


def _templates(site: Site, seen: set[int]) -> list[tuple[Path, frozenset[str]]]:
    """What the texts of a task that are evaluated with it name."""
    found: list[tuple[Path, frozenset[str]]] = []
    for key, value in site.body.items():
        if key == "_export" or (site.operator is not None and not key.startswith("+") and key not in BODIES):
            found.extend((path, named) for path, _, text in texts(value, (*site.path, key), key, seen)
                         if "${" in text and (named := code_names(text)))
    return found
