"""`.digdagignore`: which files stay out of a project, in gitignore's syntax (C-62).

    *.log           by name, in any folder          /tmp/       the folder at the top only
    data/*.csv      a slash ties it to the top      !keep.log   back in, unless its folder is out
    **/cache        at any depth                    \\#name      a name that begins with # or !
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from skydag.model.records import dataclass


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    keeps: bool                 # a "!" rule
    only_folders: bool


class Ignore:
    """The rules of one file. The last that matches decides."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._rules = [rule for line in lines if (rule := _rule(line)) is not None]

    def excludes(self, path: str, *, is_folder: bool) -> bool:
        """path: relative to the top, with '/'. Ask for a folder before what is in it: what is in an excluded folder
        cannot come back."""
        for rule in reversed(self._rules):
            if (is_folder or not rule.only_folders) and rule.pattern.fullmatch(path):
                return not rule.keeps
        return False


def _rule(line: str) -> _Rule | None:
    line = line.rstrip("\r\n")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    keeps = line.startswith("!")
    line = line[1:] if keeps else line
    only_folders = line.endswith("/")
    line = line.rstrip("/") if only_folders else line
    if not line.strip("/"):
        return None
    is_tied = "/" in line
    pattern = ("" if is_tied else "(?:.*/)?") + _regex(line.lstrip("/"))
    try:
        return _Rule(re.compile(pattern, re.DOTALL), keeps, only_folders)
    except re.error:
        return None                                 # "[z-a]": git matches nothing with it, and so do we


def _regex(glob: str) -> str:
    out: list[str] = []
    at = 0
    while at < len(glob):
        rest = glob[at:]
        if rest.startswith("**/") and (at == 0 or glob[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif rest == "**" and (at == 0 or glob[at - 1] == "/"):
            out.append(".+")
            at += 2
        elif rest[0] == "*":
            out.append("[^/]*")
            at += len(rest) - len(rest.lstrip("*"))
        elif rest[0] == "?":
            out.append("[^/]")
            at += 1
        elif rest[0] == "\\" and len(rest) > 1:
            out.append(re.escape(rest[1]))
            at += 2
        elif rest[0] == "[" and (found := re.match(r"\[([!^]?)(\]?[^\]]*)\]", rest)):
            inside = found[2].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("&&", "&\\&")
            out.append(f"(?!/)[{'^' if found[1] else ''}{inside}]")
            at += found.end()
        else:
            out.append(re.escape(rest[0]))
            at += 1
    return "".join(out)
