"""Which names projects and revisions may have (R-35)."""

from __future__ import annotations

from typing import Final

from skydag.errors import InvalidError

LENGTH_MAX: Final = 255
_BAD_FIRST: Final = '+^@/\\:*?"<>|'


def check_project_name(name: str) -> None:
    """InvalidError in Digdag's form: what failed, then a line for the field. Only the first character is looked at,
    but for '/', which would make no address."""
    fault = (
        "must not be empty" if not name
        else "must not start with a digit" if name[0].isdigit()
        else f"must not start with character '{name[0]}'" if name[0] in _BAD_FIRST
        else "must not contain character '/'" if "/" in name
        else "must not end with .dig" if name.endswith(".dig")
        else _fault(name)
    )
    if fault:
        raise InvalidError(f'Validating project failed\nname {fault}: "{name}"')


def check_revision_name(name: str) -> None:
    fault = "must not be empty" if not name else _fault(name)
    if fault:
        raise InvalidError(f'Validating revision failed\nname {fault}: "{name}"')


def _fault(name: str) -> str | None:
    if len(name) > LENGTH_MAX:
        return f"must not be longer than {LENGTH_MAX} characters"
    if any(letter < " " or letter == "\x7f" for letter in name):
        return "must not contain control characters"
    return None
