"""Prints docs/dig.schema.json from the tables of the code: python -m tests.docs.schema > docs/dig.schema.json"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from skydag.app.operators import BUILT_IN
from skydag.language.advice.exports import UNDERSCORE
from skydag.language.compile import ROOT_KEYS
from skydag.language.sla import OWN_KEYS
from skydag.language.timetable import OPTIONS as SCHEDULE_OPTIONS
from skydag.language.timetable import TYPES
from skydag.language.tree import GROUP_KEYS

Schema = dict[str, Any]

_OPERATORS: Final = tuple(f"{name}>" for name in sorted(BUILT_IN))
_VALUES: Final[Schema] = {
    "timezone": {"type": ["string", "null"], "description": "a name such as Asia/Tokyo; default UTC"},
    "_export": {"type": ["object", "null"], "description": "parameters for the task and everything below it"},
    "_parallel": {"$ref": "#/$defs/parallel"},
    "_background": {"$ref": "#/$defs/flag"},
    "_after": {"type": "array", "items": {"type": "string"}},
    "_error": {"$ref": "#/$defs/body"},
    "_secrets": True, "_retry": True, "_check": True,
    "schedule": {"$ref": "#/$defs/schedule"},
    "sla": {"type": "object", "properties": dict.fromkeys(OWN_KEYS, True)},
}
_IS_LEAF: Final[Schema] = {"anyOf": [{"required": ["_type"]}, {"not": {"propertyNames": {"not": {"pattern": ">$"}}}}]}


def schema() -> Schema:
    task = {"$ref": "#/$defs/task"}
    inside = {key: True if key in ("schedule", "sla", "timezone") else _VALUES[key] for key in GROUP_KEYS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A workflow of skydag (.dig)",
        "type": "object",
        "properties": {key: _VALUES[key] for key in ("timezone", "_export", *ROOT_KEYS)},
        "patternProperties": {r"^\+[^^]*$": task},
        "additionalProperties": False,
        "$defs": {
            "task": {"anyOf": [{"$ref": "#/$defs/body"}, {"type": "array", "items": {"type": "object"}}]},
            "body": {"type": "object", "if": {"required": ["_disable"]}, "else": {
                "if": _IS_LEAF, "then": {"$ref": "#/$defs/leaf"}, "else": {"$ref": "#/$defs/group"}}},
            "group": {"properties": inside, "patternProperties": {r"^\+": task}, "additionalProperties": False},
            "leaf": {
                "propertyNames": {"not": {"pattern": r"^\+"}},
                "properties": {
                    **dict.fromkeys((*_OPERATORS, *UNDERSCORE), True),
                    **{key: _VALUES[key] for key in ("_export", "_error")}}},
            "parallel": {"anyOf": [
                {"$ref": "#/$defs/flag"}, {"type": "object", "required": ["limit"], "properties": {"limit": True}}]},
            "flag": {"type": ["boolean", "string", "integer", "null"]},
            "schedule": {
                "type": "object", "additionalProperties": False,
                "properties": dict.fromkeys((
                    *(f"{kind}>" for kind in TYPES), "_type", "_command", *SCHEDULE_OPTIONS), True)},
        },
    }


def page() -> str:
    return json.dumps(schema(), indent=2) + "\n"


_TYPES: Final = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def fits(value: Any, rule: Any, root: Schema) -> bool:
    """Whether a value is valid, for the words of JSON Schema that are used above."""
    if isinstance(rule, bool):
        return rule
    return all(_WORDS[word](value, rule, root) for word in rule if word in _WORDS)


def _is(value: Any, name: str) -> bool:
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, _TYPES[name])


def _types(value: Any, rule: Schema, root: Schema) -> bool:
    names = rule["type"]
    return any(_is(value, name) for name in ([names] if isinstance(names, str) else names))


def _keys(value: Any, rule: Schema, root: Schema) -> bool:
    """properties, patternProperties, additionalProperties."""
    if not isinstance(value, dict):
        return True
    for key, inner in value.items():
        rules = [rule.get("properties", {}).get(key)]
        rules += [found for pattern, found in rule.get("patternProperties", {}).items() if re.search(pattern, key)]
        asked = [found for found in rules if found is not None] or [rule.get("additionalProperties", True)]
        if not all(fits(inner, found, root) for found in asked):
            return False
    return True


def _condition(value: Any, rule: Schema, root: Schema) -> bool:
    return fits(value, rule.get("then" if fits(value, rule["if"], root) else "else", True), root)


_WORDS: Final[dict[str, Any]] = {
    "type": _types, "properties": _keys, "patternProperties": _keys, "additionalProperties": _keys, "if": _condition,
    "$ref": lambda value, rule, root: fits(value, root["$defs"][rule["$ref"].rpartition("/")[2]], root),
    "required": lambda value, rule, root: not isinstance(value, dict) or all(key in value for key in rule["required"]),
    "propertyNames": lambda value, rule, root: not isinstance(value, dict) or all(
        fits(key, rule["propertyNames"], root) for key in value),
    "pattern": lambda value, rule, root: not isinstance(value, str) or bool(re.search(rule["pattern"], value)),
    "anyOf": lambda value, rule, root: any(fits(value, one, root) for one in rule["anyOf"]),
    "not": lambda value, rule, root: not fits(value, rule["not"], root),
    "items": lambda value, rule, root: not isinstance(value, list) or all(
        fits(item, rule["items"], root) for item in value),
}

if __name__ == "__main__":
    print(page(), end="")
