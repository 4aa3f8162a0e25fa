"""Regular expressions that are compiled when they are first used.

To compile all of ours takes 15 ms, a tenth of a `skydag run` of one task, which uses few of them. To the type checker
`pattern` is `re.compile`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import compile as pattern
else:
    import re

    class pattern:  # noqa: N801  it stands for a function
        """Has the methods of a compiled pattern."""

        def __init__(self, text, flags=0):
            self._given = text, flags

        def __getattr__(self, name):
            value = self.__dict__[name] = getattr(re.compile(*self._given), name)   # found without this from now on
            return value

__all__ = ["pattern"]
