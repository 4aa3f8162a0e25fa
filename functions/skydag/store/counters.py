"""Ids: one atomic counter a kind, so that ids rise with creation and stay short (R-3). A crash may leave a gap."""

from __future__ import annotations

from skydag.ports import Table, Update
from skydag.store import registry_keys as keys


def take(table: Table, kind: str, count: int = 1) -> int:
    """The first of `count` new ids of that kind: project, workflow, schedule, session, attempt."""
    pk, sk = keys.counter(kind)
    last = table.update(Update(pk=pk, sk=sk, add={"n": count}))["n"]
    assert isinstance(last, int)
    return last - count + 1
