"""Groups and leaves in the table: every write has a named condition, every repeat is harmless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from skydag.engine import pages
from skydag.engine.flow import Segment
from skydag.engine.group import Group
from skydag.engine.leaf import Leaf
from skydag.model.params import Store
from skydag.model.task import State
from skydag.ports import Absent, All, AnyOf, AtMost, Condition, Is, Item, Lost, Missing, Page, Put, Table, Update
from skydag.store import task_items as items
from skydag.store.values import Blobs, dumps

INHERIT_INLINE_CHARS = 300      # longer ones lie beside the group, so that its writes stay one unit
INHERITS_MAX = 500
SEGMENT_INLINE_BYTES = 8 * 1024     # 16 stores and 16 errors of that size and a prefix fit into an item of 400 KB
Err = Mapping[str, Any]


class TaskStore:
    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs
        self._inherits: dict[str, str] = {}

    # --- groups ------------------------------------------------------------------------------------------------------

    def group(self, attempt_id: int, path: str) -> Group | None:
        item = self._table.get(items.pk(attempt_id, path), items.sk(path))
        return items.group_from(item) if item else None

    def new_group(self, group: Group, act: str) -> Put:
        return Put(item=items.group_item(group, act), condition=Absent())

    def create_group(self, group: Group, act: str) -> Group | None:
        """None when created; else the group that is there."""
        return self._lost_to(group, act, Absent())

    def replace_group(self, before: Group, after: Group, act: str) -> Group | None:
        """One conditional write on the version (rule 2). None when it took effect; else the group that is there."""
        is_still_that = Is("v", before.version)
        return self._lost_to(after, act, is_still_that)

    def _lost_to(self, group: Group, act: str, condition: Condition) -> Group | None:
        try:
            self._table.put(items.group_item(group, act), condition)
        except Lost as lost:
            found = lost.found or self._table.get(items.pk(group.attempt_id, group.path), items.sk(group.path))
            if found is None:
                raise
            return items.group_from(found)
        return None

    # --- leaves ------------------------------------------------------------------------------------------------------

    def leaf(self, attempt_id: int, path: str) -> Leaf | None:
        item = self._table.get(items.pk(attempt_id, path), items.leaf_sk(path))
        return self._leaf(item) if item else None

    def leaves(self, attempt_id: int, paths: Iterable[str]) -> dict[str, Leaf]:
        """Those of the paths that have an item."""
        found = self._table.get_many([(items.pk(attempt_id, path), items.leaf_sk(path)) for path in paths])
        return {leaf.path: leaf for leaf in map(self._leaf, found.values())}

    def claim(self, leaf: Leaf) -> Leaf | None:
        """Run number leaf.run is this worker's. None when claimed; else the leaf that stands in the way.

        no item, and run 1            nobody ran it before
        to be run again, run - 1      exactly the previous run asked for it (rule 1)
        """
        if leaf.run == 1:
            nobody_ran_it = Absent()
            return self.put_leaf(leaf, items.NOTHING, nobody_ran_it)
        previous_asks = All((Is("run", leaf.run - 1), AnyOf((Is("st", "d"), Is("st", "y")))))
        return self.put_leaf(leaf, items.NOTHING, previous_asks)

    def take_over(self, leaf: Leaf) -> None:
        """The result of an old attempt. Where it is already, it is left as it is: it may have gone on."""
        nobody_ran_it = Absent()
        self.put_leaf(leaf, items.NOTHING, nobody_ran_it)

    def record(self, leaf: Leaf, act: str) -> Leaf | None:
        """The result of a run that this worker claimed. None when recorded; else the leaf that stands in the way: a
        newer run, a canceled task, or a kill request (is_cancel_requested)."""
        is_my_run = All((Is("run", leaf.run), Is("tok", leaf.token), Is("st", "r")))
        nobody_killed_it = Missing("xc")
        return self.put_leaf(leaf, act, All((is_my_run, nobody_killed_it)))

    def record_first(self, leaf: Leaf, act: str) -> Leaf | None:
        """The result of a task whose group names this invocation as owner, so that nobody claimed it (rule 9). None
        when recorded; else the leaf that stands in the way: the owner was thought dead, or the task was killed."""
        nobody_fenced_me = Absent()
        return self.put_leaf(leaf, act, nobody_fenced_me)

    def fence(self, leaf: Leaf) -> Leaf | None:
        """Run 1 of a task whose owner is dead, as to be run again: from now on the owner's result is refused."""
        return self.put_leaf(leaf, items.ACT, Absent())

    def record_canceled(self, leaf: Leaf, act: str) -> Leaf | None:
        return self.put_leaf(leaf, act, All((Is("run", leaf.run), Is("tok", leaf.token), Is("st", "r"))))

    def change(self, before: Leaf, after: Leaf, act: str) -> Leaf | None:
        """A leaf moves on, if it is still as it was: same run, same state, same kill request."""
        same = [Is("run", before.run), Is("tok", before.token), Is("st", items.leaf_item(before, "n", str)["st"]),
                Is("xc", 1) if before.is_cancel_requested else Missing("xc")]
        return self.put_leaf(after, act, All(tuple(same)))

    def cancel_unborn(self, leaf: Leaf) -> Leaf | None:
        """A started leaf that nobody has claimed: from now on a claim fails (rule 8)."""
        return self.put_leaf(leaf, items.ACT, Absent())

    def set_container(self, leaf: Leaf, container: str) -> bool:
        """What a later kill needs; a run that has ended meanwhile does not want it. True: a kill has already come, and
        found no container to stop."""
        try:
            item = self._table.update(Update(
                pk=items.pk(leaf.attempt_id, leaf.path), sk=items.leaf_sk(leaf.path),
                assign={"ct": container, "act": items.NOTHING}, condition=All((Is("tok", leaf.token), Is("st", "r"))),
            ))
        except Lost:
            return False
        return "xc" in item

    def put_leaf(self, leaf: Leaf, act: str, condition: Condition) -> Leaf | None:
        try:
            self._table.put(items.leaf_item(leaf, act, self._keeper(leaf.attempt_id)), condition)
        except Lost as lost:
            found = lost.found or self._table.get(items.pk(leaf.attempt_id, leaf.path), items.leaf_sk(leaf.path))
            return self._leaf(found) if found else _nobody(leaf)
        return None

    def _leaf(self, item: Mapping[str, Any]) -> Leaf:
        return items.leaf_from(item, self._blobs.json)

    def _keeper(self, attempt_id: int) -> Any:
        return lambda data: self._blobs.keep_json(data, f"attempt/{attempt_id}")

    # --- what flows --------------------------------------------------------------------------------------------------

    def keep_inherit(self, attempt_id: int, path: str, generation: int, params: Mapping[str, Any]) -> str:
        """Where the children of this group find what they inherit; written once, before the group."""
        text = dumps(params)
        if len(text) <= INHERIT_INLINE_CHARS:
            return "i:" + text
        key = items.inherit_sk(path, generation)
        self._table.put({"pk": items.pk(attempt_id, path), "sk": key, "act": items.NOTHING,
                         "p": self._blobs.keep(text, f"attempt/{attempt_id}")})
        return "t:" + key

    def inherit_pointer(self, attempt_id: int, pointer: str) -> str:
        """The same as a pointer of store/values, which a job can carry."""
        if not pointer.startswith("t:"):
            return pointer
        name = f"{attempt_id}/{pointer}"
        known = self._inherits.get(name)
        if known is None:
            key = pointer[2:]
            item = self._table.get(items.pk(attempt_id, items.path_of(key)), key)
            if item is None:
                raise LookupError(f"attempt {attempt_id} has no {key}")
            if len(self._inherits) >= INHERITS_MAX:
                self._inherits.clear()
            known = self._inherits[name] = str(item["p"])
        return known

    def inherit(self, attempt_id: int, pointer: str) -> dict[str, Any]:
        return dict(self._blobs.json(self.inherit_pointer(attempt_id, pointer)))

    def segment(self, attempt_id: int, path: str, generation: int, segment: int) -> Segment:
        item = self._table.get(items.pk(attempt_id, path), items.segment_sk(path, generation, segment))
        return self._segment(item) if item else Segment()

    def _segment(self, item: Mapping[str, Any]) -> Segment:
        load = self._blobs.json
        return Segment(
            prefix=items.stores_from(load(item["prefix"])) if "prefix" in item else (),
            stores={int(k[1:]): items.stores_from(load(v)) for k, v in item.items() if k[0] == "o" and k[1:].isdigit()},
            errors={int(k[1:]): load(v) for k, v in item.items() if k[0] == "e" and k[1:].isdigit()})

    def add_to_segment(
        self, group: Group, segment: int, stores: Mapping[int, Sequence[Store]], errors: Mapping[int, Err],
        prefix: tuple[Store, ...] = (),
    ) -> None:
        """Each child writes an attribute of its own: a repeat writes the same, two writers don't meet."""
        def keep(data: Any) -> str:
            return self._blobs.keep_json(data, f"attempt/{group.attempt_id}", inline_bytes_max=SEGMENT_INLINE_BYTES)

        assign: dict[str, Any] = {f"o{c}": keep([s.to_json() for s in ops]) for c, ops in stores.items()}
        assign.update({f"e{c}": keep(error) for c, error in errors.items()})
        if prefix:
            assign["prefix"] = keep([s.to_json() for s in prefix])
        self._table.update(Update(pk=items.pk(group.attempt_id, group.path), assign=assign,
                                  sk=items.segment_sk(group.path, group.generation, segment)))

    def keep_carry(self, group: Group, stores: tuple[Store, ...], error: Err) -> None:
        """A try is over and another will follow: what the tries so far leave to those who come after (E-54, E-61), and
        the group as it was, for listings (E-53). Whoever saw less of the try (an SLA's tasks may come late) leaves it
        as it is: his write of the group will lose, too."""
        keep = self._keeper(group.attempt_id)
        was = {k: v for k, v in items.group_item(group, items.NOTHING).items() if k not in ("due_shard", "due_at")}
        nobody_saw_more = AnyOf((Absent(), AtMost("v", group.version)))
        with suppress(Lost):
            self._table.put({
                "pk": items.pk(group.attempt_id, group.path), "sk": items.carry_sk(group.path, group.generation),
                "v": group.version, "o": keep([s.to_json() for s in stores]), "e": keep(error), "was": dumps(was),
            }, nobody_saw_more)

    def carry(self, attempt_id: int, path: str, carry: int) -> tuple[tuple[Store, ...], Err]:
        if not carry:
            return (), {}
        item = self._table.get(items.pk(attempt_id, path), items.carry_sk(path, carry - 1))
        if item is None:
            raise LookupError(f"attempt {attempt_id} has no try {carry - 1} of {path}")
        return items.stores_from(self._blobs.json(item["o"])), self._blobs.json(item["e"])

    # --- generated pages ---------------------------------------------------------------------------------------------

    def keep_pages(self, attempt_id: int, path: str, run: int, bundles: Sequence[str]) -> list[tuple[int, str]]:
        """The pages that this run of a leaf generated; written before its result, which makes them exist. As
        `page_index` gives them."""
        index = [(pages.first_of(text), self._blobs.keep(text, f"attempt/{attempt_id}")) for text in bundles]
        self._table.put({"pk": items.pk(attempt_id, path), "sk": items.pages_sk(path, run),
                         "f": [first for first, _ in index], "b": [pointer for _, pointer in index]})
        return index

    def page_index(self, attempt_id: int, path: str, run: int) -> list[tuple[int, str]]:
        """(number of its first page, pointer) of each bundle."""
        item = self._table.get(items.pk(attempt_id, path), items.pages_sk(path, run))
        if item is None:
            raise LookupError(f"attempt {attempt_id} has no pages of {path} run {run}")
        return list(zip(map(int, item["f"]), item["b"], strict=True))

    def bundle(self, pointer: str) -> str:
        return self._blobs.text(pointer)

    # --- walking -----------------------------------------------------------------------------------------------------

    def partition(self, attempt_id: int, path: str) -> Iterator[Item]:
        """Every item of the partition that `path` lies in, page by page (F-6), by sort key."""
        after: str | None = None
        while True:
            page = self.page(attempt_id, path, after)
            yield from page.items
            if not page.has_more or not page.items:
                return
            after = page.items[-1]["sk"]

    def page(self, attempt_id: int, path: str, after: str | None, *, limit: int | None = None) -> Page:
        """Some of them: those behind the sort key `after`."""
        return self._table.query(items.pk(attempt_id, path), begins="t", after=after, limit=limit)

    def parse(self, item: Mapping[str, Any]) -> Group | Leaf | None:
        """The record an item holds; None for inherits, segments and the like."""
        kind = item.get("k")
        return items.group_from(item) if kind == "g" else self._leaf(item) if kind == "l" else None

    def due_groups(self, shard: int, until: str) -> list[tuple[int, str]]:
        """(attempt id, path) of groups whose mark has passed."""
        return [(items.attempt_of(pk), items.path_of(sk)) for pk, sk in self._table.due(shard, until)]


def _nobody(leaf: Leaf) -> Leaf:
    """Stands for 'there was nothing, and there should have been': no run, no state to go on from."""
    return Leaf(attempt_id=leaf.attempt_id, path=leaf.path, number=leaf.number, run=0, token="", state=State.BLOCKED,
                started_at=None, updated_at=leaf.updated_at)
