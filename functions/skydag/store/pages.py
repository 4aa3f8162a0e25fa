"""Reading lists: any number of items of a partition, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skydag.ports import Item, Table

READ_AT_ONCE = 200


def rows(
    table: Table, pk: str, *, begins: str = "", after: str | None = None, before: str | None = None,
    descending: bool = False, page: int = READ_AT_ONCE,
) -> Iterator[Item]:
    """Items of a partition, lazily: take as many as you need. `page`: how many are read at once."""
    while True:
        found = table.query(pk, begins=begins, after=after, before=before, descending=descending, limit=page)
        yield from found.items
        if not found.has_more or not found.items:
            return
        edge = found.items[-1]["sk"]
        after, before = (after, edge) if descending else (edge, before)


def in_order(table: Table, keys: Sequence[tuple[str, str]]) -> list[Item]:
    """The items of these keys in their order; those that are gone are left out."""
    found = table.get_many(keys) if keys else {}
    return [found[key] for key in keys if key in found]


def token(*parts: object) -> str:
    """A transaction's token: the same for the same parts."""
    return "\x00".join(map(str, parts))
