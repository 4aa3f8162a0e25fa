"""Which names tasks and workflows may have (language.md section 5)."""

from __future__ import annotations

from typing import Final

from skydag.model.patterns import pattern

NAME_LENGTH_MAX: Final = 255

_BAD_IN_TASK = pattern(r"[^a-zA-Z0-9_\-=\[\]{}%&@,.^`]")
_BAD_FIRST: Final = '+^@/\\:*?"<>|'


def task_name_fault(key: str, *, is_top_level: bool) -> str | None:
    """What is wrong with a task's key, its '+' included; None if it is fine. At the top level of a file '^' is not."""
    bad = _BAD_IN_TASK.search(key[1:])
    if bad:
        return f"task name must not contain character '{bad.group()}': \"{key}\""
    if is_top_level and "^" in key:
        return f'task name must not contain ^ character: "{key}"'
    if len(key) > NAME_LENGTH_MAX:
        return f'task name must not be longer than {NAME_LENGTH_MAX} characters: "{key}"'
    return None


def workflow_name_fault(name: str) -> str | None:
    """What is wrong with the name of a workflow, that is of its file without '.dig' (L-52); None if it is fine."""
    if not name:
        return "workflow name must not be empty"
    if name[0].isdigit():
        return f'workflow name must not start with a numeric digit (0-9): "{name}"'
    if name[0] in _BAD_FIRST:
        return f"workflow name must not start with character '{name[0]}': \"{name}\""
    if name.endswith(".dig"):
        return f'workflow name must not end with .dig: "{name}"'
    bad = _BAD_IN_TASK.search(name)
    if bad:
        return f"workflow name must not contain character '{bad.group()}': \"{name}\""
    if len(name) >= NAME_LENGTH_MAX:
        return f'workflow name must not be longer than {NAME_LENGTH_MAX - 1} characters: "{name}"'
    return None
