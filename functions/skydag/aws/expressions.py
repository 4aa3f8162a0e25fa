"""Named conditions, updates and values in DynamoDB's words.

Every attribute goes by a placeholder (`#version`), so reserved words never matter (A-47).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skydag.errors import IllegalStepError
from skydag.ports import Absent, All, AnyOf, AtMost, Condition, Is, Item, Missing, Update

Wire = dict[str, Any]           # {"S": "text"}, {"N": "1"}, {"BOOL": true}, {"L": [...]}, {"M": {...}}


def to_wire(value: Any) -> Wire:
    """One value as DynamoDB takes it. IllegalStepError for floats, None and whatever else an item does not hold."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": {name: to_wire(member) for name, member in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [to_wire(member) for member in value]}
    raise IllegalStepError(f"an item holds {type(value).__name__}; it may hold text, whole numbers, booleans, "
                           "and lists and mappings of these")


def from_wire(wire: Mapping[str, Any]) -> Any:
    """One value of an item, or of a stream's image of it (A-141). What skydag never writes, and somebody may have put
    there by hand, is given as it was sent: it is to hold up nobody."""
    (kind, value), = wire.items()
    if kind == "N":
        try:
            return int(value)
        except ValueError:
            return float(value)
    if kind == "L":
        return [from_wire(member) for member in value]
    if kind == "M":
        return {name: from_wire(member) for name, member in value.items()}
    return None if kind == "NULL" else value


def item_to_wire(item: Mapping[str, Any]) -> Wire:
    return {name: to_wire(value) for name, value in item.items()}


def item_from_wire(wire: Mapping[str, Any]) -> Item:
    return {name: from_wire(value) for name, value in wire.items()}


class Expression:
    """Collects the placeholders of one request."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Wire] = {}

    def name(self, attribute: str) -> str:
        for placeholder, known in self._names.items():
            if known == attribute:
                return placeholder
        placeholder = f"#{attribute}" if attribute.replace("_", "").isalnum() and attribute.isascii() \
            else f"#__{len(self._names)}"
        self._names[placeholder] = attribute
        return placeholder

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = to_wire(value)
        return placeholder

    def condition(self, condition: Condition) -> str:
        match condition:
            case Absent():
                return f"attribute_not_exists({self.name('pk')})"
            case Is(attribute, value):
                return f"{self.name(attribute)} = {self.value(value)}"
            case Missing(attribute):
                return f"attribute_not_exists({self.name(attribute)})"
            case AtMost(attribute, value):
                return f"{self.name(attribute)} <= {self.value(value)}"
            case All(parts):
                return " AND ".join(f"({self.condition(part)})" for part in parts)
            case AnyOf(parts):
                return " OR ".join(f"({self.condition(part)})" for part in parts)

    def update(self, update: Update) -> str:
        """The update expression. IllegalStepError when the update names nothing to change."""
        clauses = {
            "SET": [f"{self.name(name)} = {self.value(value)}" for name, value in update.assign.items()],
            "ADD": [f"{self.name(name)} {self.value(amount)}" for name, amount in update.add.items()],
            "REMOVE": [self.name(name) for name in update.remove],
        }
        if not any(clauses.values()):
            raise IllegalStepError(f"update of {update.sk[:80]!r} names nothing")
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)

    def placeholders(self) -> Wire:
        """The request's fields for names and values; unused ones would be an error, so only what there is."""
        return {field: content for field, content in (
            ("ExpressionAttributeNames", self._names), ("ExpressionAttributeValues", self._values)) if content}
