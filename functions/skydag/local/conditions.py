"""Conditions and updates as DynamoDB judges them, in memory.

DynamoDB never compares across types: an attribute holding 1 is not True, and "1" is not 1. An attribute that is not
there makes every comparison false.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skydag.errors import IllegalStepError
from skydag.local.item_size import ITEM_BYTES_MAX, item_size
from skydag.ports import Absent, All, AtMost, Condition, Is, Item, Missing, Update

NUMBER_MAX = 10**38                     # 38 digits
KEY_BYTES_MAX = {"pk": 2048, "sk": 1024}
INDEX_KEYS = ("due_shard", "due_at")
SCALARS = frozenset((str, bool))


def holds(condition: Condition | None, item: Mapping[str, Any] | None) -> bool:
    """Whether the condition is true of the item (None: there is no item)."""
    if condition is None:
        return True
    if isinstance(condition, Is):                       # the most by far
        return item is not None and condition.attribute in item and same(item[condition.attribute], condition.value)
    if isinstance(condition, All):
        return all(holds(part, item) for part in condition.parts)
    if isinstance(condition, Absent):
        return item is None
    if isinstance(condition, Missing):
        return item is None or condition.attribute not in item
    if isinstance(condition, AtMost):
        found = None if item is None else item.get(condition.attribute)
        return type(found) is int and found <= condition.value
    return any(holds(part, item) for part in condition.parts)


def same(one: Any, other: Any) -> bool:
    """Equal, types included: Python's True == 1 is no equality here."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def checked(item: Mapping[str, Any]) -> Item:
    """A copy of the item as the table keeps it. IllegalStepError for what DynamoDB would refuse."""
    out: Item = dict(item)
    estimate = 0
    for name, value in item.items():
        kind = type(value)
        if kind is str:
            estimate += len(value)
        elif kind is not bool and not (kind is int and -NUMBER_MAX < value < NUMBER_MAX):
            out[name] = _value(name, value)
            estimate += 0 if kind is int else ITEM_BYTES_MAX // 16
    for name, limit in KEY_BYTES_MAX.items():
        key = out.get(name)
        if type(key) is not str or not key or (len(key) * 4 > limit and len(key.encode()) > limit):
            raise IllegalStepError(f"key {name} of an item is not a text of 1 to {limit} bytes: {str(key)[:80]!r}")
    for name in INDEX_KEYS:
        if name in out and (type(out[name]) is not str or not out[name]):
            raise IllegalStepError(f"{name} of item {out['sk'][:80]!r} is an index key and must be a non-empty text")
    if estimate * 4 > ITEM_BYTES_MAX and item_size(out) > ITEM_BYTES_MAX:
        raise IllegalStepError(f"item {out['sk'][:80]!r} has {item_size(out)} bytes, more than {ITEM_BYTES_MAX}")
    return out


def updated(old: Mapping[str, Any] | None, update: Update) -> Item:
    """The item after SET, ADD and REMOVE. IllegalStepError for what DynamoDB would refuse."""
    touched = [*update.assign, *update.add, *update.remove]
    if not touched or len(touched) != len(set(touched)) or "pk" in touched or "sk" in touched:
        raise IllegalStepError(f"update of {update.sk[:80]!r} names nothing, a key, or an attribute twice: {touched}")
    new: Item = dict(old) if old is not None else {"pk": update.pk, "sk": update.sk}
    new.update(update.assign)
    for name, amount in update.add.items():
        before = new.get(name, 0)
        if type(before) is not int:
            raise IllegalStepError(f"update of {update.sk[:80]!r} adds to {name}, which is no number")
        new[name] = before + amount
    for name in update.remove:
        new.pop(name, None)
    return checked(new)


def _value(name: str, value: Any) -> Any:
    if type(value) in SCALARS:
        return value
    if isinstance(value, int) and -NUMBER_MAX < value < NUMBER_MAX:
        return value
    if isinstance(value, list | tuple):
        return [_value(name, member) for member in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _value(name, member) for key, member in value.items()}
    raise IllegalStepError(f"attribute {name} holds {type(value).__name__}; an item holds text, whole numbers, "
                           "booleans, and lists and mappings of these")
