"""Fusing: an invocation that settles a group keeps the one small task that became ready, and runs it itself.

The group's write names it as owner, so that nobody claims the task; its result is put only if nothing is there. Who
finds the owner dead (or silent for too long) puts run 1 as "to be run again" first: from then on the owner's result is
refused, and run 2 goes out (design.md section 4, rule 9).
"""

from __future__ import annotations

from collections.abc import Callable

from skydag.engine.group import Group, Owner
from skydag.engine.pages import Child, Page
from skydag.model.records import replace


def news(before: Group | None, after: Group) -> int:
    """Children started by this very step. before: None for a group that is born with it."""
    if before is None or before.generation != after.generation:
        return after.unconfirmed
    return after.unconfirmed & ~before.unconfirmed


def kept(page: Page, before: Group | None, after: Group, token: str, is_small: Callable[[Child], bool]) -> Group:
    """The group with the owner named, if exactly one task became ready and it is small."""
    ready = news(before, after)
    if not ready or ready & (ready - 1) or after.is_cancel_requested:
        return after
    ordinal = ready.bit_length() - 1
    child = page.child(ordinal)
    if child.is_group or not is_small(child):
        return after
    return replace(after, owner=Owner(ordinal=ordinal, token=token))
