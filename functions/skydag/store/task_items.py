"""Task records <-> items. Attribute names of groups and leaves live here alone; docs/table.md tells the whole table.

    pk      attempt#<12 digits>[#<path of the chunk>]   one partition an attempt, one more a chunk
    sk      t<path>                     the group at that path (engine/paths)
            t<path>~l                   the leaf at that path; a leaf that generated tasks has a group, too
            t<path>~i<gen>              what the children of that generation inherit, when too long for the group
            t<path>~s<gen><segment>     stores and errors of 16 children (engine/flow)
            t<path>~c<gen>              a try that is over: stores and errors up to it, and the group as it was
            t<path>~g<run>              pages that the leaf's run generated
    act     a | s | n                   what the stream does with a change: settle, look after, nothing

group: k=g gen page base ih st v su un dn fa ca so ef ow sl xc dl pw rc ra ka cr up due_shard due_at
leaf:  k=l num run tok st sa up dd ra sp ex so er out gn gf xc ct fl se lo ka pp
Sets are text of engine/bits, times whole seconds since the epoch, JSON data is text. False and empty are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from skydag.engine import bits, paths
from skydag.engine.group import Group, Owner
from skydag.engine.leaf import Leaf
from skydag.model.ids import padded
from skydag.model.params import Store
from skydag.model.task import DONE, State
from skydag.ports import Item

ACT, SAFETY, NOTHING = "a", "s", "n"
DUE_SHARDS: Final = 8
_SEGMENT_DIGITS = 4
_STATES = {State.PLANNED: "p", State.GROUP_RETRY_WAITING: "w", State.GROUP_ERROR: "g", State.SUCCESS: "s",
           State.ERROR: "e", State.CANCELED: "c", State.RUNNING: "r", State.RETRY_WAITING: "y", State.READY: "d"}
_BY_LETTER = {letter: state for state, letter in _STATES.items()}
_FINAL: Final = frozenset(_STATES[state] for state in DONE)


def pk(attempt_id: int, path: str) -> str:
    chunk = paths.partition(path)
    return f"attempt#{padded(attempt_id)}" + (f"#{chunk}" if chunk else "")


def sk(path: str) -> str:
    return "t" + path


def leaf_sk(path: str) -> str:
    return f"t{path}~l"


def path_of(sort_key: str) -> str:
    """The path that any of an attempt's sort keys is about."""
    return sort_key[1:].partition("~")[0]


def inherit_sk(path: str, generation: int) -> str:
    return f"t{path}~i{paths.generation_text(generation)}"


def segment_sk(path: str, generation: int, segment: int) -> str:
    return f"t{path}~s{paths.generation_text(generation)}{segment:0{_SEGMENT_DIGITS}d}"


def carry_sk(path: str, generation: int) -> str:
    return f"t{path}~c{paths.generation_text(generation)}"


def pages_sk(path: str, run: int) -> str:
    return f"t{path}~g{run:06d}"


def is_task(item: Mapping[str, Any]) -> bool:
    return item.get("k") in ("g", "l")


def attempt_of(partition: str) -> int:
    return int(partition.split("#")[1])


# --- groups ----------------------------------------------------------------------------------------------------------

def group_item(group: Group, act: str) -> Item:
    item: Item = {
        "pk": pk(group.attempt_id, group.path), "sk": sk(group.path), "act": act, "k": "g", "gen": group.generation,
        "page": group.page, "base": group.base, "ih": group.inherit, "st": _STATES[group.state], "v": group.version,
        "cr": _epoch(group.created_at), "up": _epoch(group.updated_at),
    }
    for name, members in (("su", group.started), ("un", group.unconfirmed), ("dn", group.done), ("fa", group.failed),
                          ("ca", group.canceled), ("so", group.stored), ("ef", group.erred)):
        if members:
            item[name] = bits.to_text(members)
    if group.owner:
        item["ow"] = f"{group.owner.ordinal}:{group.owner.token}"
    if group.slots:
        item["sl"] = ".".join(f"{slot}:{first}" for slot, first in sorted(group.slots.items()))
    for name, flag in (("xc", group.is_cancel_requested), ("pw", group.is_parent_wide)):
        if flag:
            item[name] = 1
    if group.delayed:
        item["dl"] = _STATES[group.delayed]
    for name, number in (("rc", group.retry_count), ("ka", group.carry)):
        if number:
            item[name] = number
    if group.retry_at:
        item["ra"] = _epoch(group.retry_at)
    if group.due_at:
        item["due_shard"] = f"due#{group.attempt_id % DUE_SHARDS}"
        item["due_at"] = due_text(group.due_at)
    return item


def group_from(item: Mapping[str, Any]) -> Group:
    return Group(
        attempt_id=attempt_of(item["pk"]), path=item["sk"][1:], generation=int(item["gen"]), page=item["page"],
        base=int(item["base"]), inherit=item["ih"], state=_BY_LETTER[item["st"]], version=int(item["v"]),
        started=bits.from_text(item.get("su", "")), unconfirmed=bits.from_text(item.get("un", "")),
        done=bits.from_text(item.get("dn", "")), failed=bits.from_text(item.get("fa", "")),
        canceled=bits.from_text(item.get("ca", "")), stored=bits.from_text(item.get("so", "")),
        erred=bits.from_text(item.get("ef", "")), owner=_owner(item.get("ow")),
        slots={int(s): int(n) for s, _, n in (part.partition(":") for part in item.get("sl", "").split(".") if part)},
        is_cancel_requested=bool(item.get("xc")), is_parent_wide=bool(item.get("pw")), carry=int(item.get("ka", 0)),
        delayed=_BY_LETTER[item["dl"]] if "dl" in item else None, retry_count=int(item.get("rc", 0)),
        retry_at=_time(item.get("ra")), created_at=_sure(item["cr"]), updated_at=_sure(item["up"]),
        due_at=datetime.fromisoformat(item["due_at"]) if "due_at" in item else None,
    )


def ended_group(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Group | None:
    """The group that this change of an item ended; None if it is none, or did not."""
    if new.get("k") != "g" or new["st"] not in _FINAL or (old is not None and old.get("st") in _FINAL):
        return None
    return group_from(new)


def _owner(text: str | None) -> Owner | None:
    ordinal, _, token = (text or "").partition(":")
    return Owner(ordinal=int(ordinal), token=token) if token else None


@lru_cache(maxsize=256)                 # a mark moves once in ten minutes, its group is written more often
def due_text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- leaves ----------------------------------------------------------------------------------------------------------

def leaf_item(leaf: Leaf, act: str, keep: Any) -> Item:
    """keep: JSON data -> text, or a pointer when large (store/values)."""
    item: Item = {
        "pk": pk(leaf.attempt_id, leaf.path), "sk": leaf_sk(leaf.path), "act": act, "k": "l", "num": leaf.number,
        "run": leaf.run, "tok": leaf.token, "st": _STATES[leaf.state], "up": _epoch(leaf.updated_at),
        "pp": leaf.parent_page,
    }
    for name, at in (("sa", leaf.started_at), ("dd", leaf.deadline), ("ra", leaf.retry_at)):
        if at:
            item[name] = _epoch(at)
    store = leaf.store.to_json() if leaf.store and (leaf.store.params or leaf.store.resets) else None
    for name, data in (("sp", leaf.state_params), ("ex", leaf.export), ("so", store), ("er", leaf.error),
                       ("df", leaf.definition)):
        if data:
            item[name] = keep(data)
    if leaf.output:
        item["out"] = leaf.output
    if leaf.generated:
        item["gn"], item["gf"] = leaf.generated, leaf.generated_first
    if leaf.is_cancel_requested:
        item["xc"] = 1
    if leaf.container:
        item["ct"] = leaf.container
    if leaf.seat:
        item["fl"] = leaf.seat
    if leaf.secrets:
        item["se"] = list(leaf.secrets)
    for name, number in (("lo", leaf.lost), ("ka", leaf.carry)):
        if number:
            item[name] = number
    return item


def leaf_from(item: Mapping[str, Any], load: Any) -> Leaf:
    """load: what `keep` made -> JSON data."""
    def data(name: str) -> dict[str, Any]:
        return load(item[name]) if name in item else {}

    return Leaf(
        attempt_id=attempt_of(item["pk"]), path=path_of(item["sk"]), number=int(item["num"]), run=int(item["run"]),
        token=item["tok"], state=_BY_LETTER[item["st"]], started_at=_time(item.get("sa")), updated_at=_sure(item["up"]),
        deadline=_time(item.get("dd")), retry_at=_time(item.get("ra")), state_params=data("sp"), export=data("ex"),
        store=Store.from_json(data("so")) if "so" in item else None, error=data("er"), output=item.get("out", ""),
        generated=int(item.get("gn", 0)), generated_first=int(item.get("gf", 0)),
        is_cancel_requested=bool(item.get("xc")), container=item.get("ct"), seat=item.get("fl", ""),
        lost=int(item.get("lo", 0)),
        carry=int(item.get("ka", 0)), secrets=tuple(item.get("se", ())),
        parent_page=item.get("pp", ""), definition=data("df"),
    )


def stores_text(stores: tuple[Store, ...]) -> str:
    return json.dumps([s.to_json() for s in stores], ensure_ascii=False, separators=(",", ":"))


def stores_from(data: Any) -> tuple[Store, ...]:
    return tuple(Store.from_json(one) for one in data)


_START = datetime(1970, 1, 1, tzinfo=UTC)


def _epoch(at: datetime) -> int:
    return int(at.timestamp())


def _time(seconds: Any) -> datetime | None:
    return None if seconds is None else _sure(seconds)


@lru_cache(maxsize=256)                 # what happens together bears the same second
def _sure(seconds: Any) -> datetime:
    return _START + timedelta(seconds=int(seconds))
