"""CloudFormation's short tags and functions, as far as template.yaml uses them.

    read(text)                     !Ref x -> {"Ref": "x"}, !GetAtt A.B -> {"Fn::GetAtt": ["A", "B"]}, !Sub ... likewise
    evaluate(value, names)         every function replaced by its value; AWS::NoValue removes what refers to it

names says what a name means: names.ref("Table"), names.attribute("Table", "Arn"), names.condition("HasEmail").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VARIABLE: Final = re.compile(r"\$\{(!?)([A-Za-z0-9_.:]+)\}")
NO_VALUE: Final = object()


class Names(Protocol):
    """What the names in a template stand for."""

    def ref(self, name: str) -> Any: ...

    def attribute(self, resource: str, attribute: str) -> Any: ...

    def condition(self, name: str) -> bool: ...

    def find(self, mapping: str, first: str, second: str) -> Any: ...


class _Loader(_Base):                                       # type: ignore[misc]   # the C loader, or the plain one
    """Safe YAML with CloudFormation's tags."""


def _tagged(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)


def read(text: str) -> dict[str, Any]:
    """The document with its tags in long form."""
    document: dict[str, Any] = yaml.load(text, _Loader)
    return document


def evaluate(value: Any, names: Names) -> Any:
    """The value with every function of CloudFormation replaced."""
    if isinstance(value, list):
        return [done for part in value if (done := evaluate(part, names)) is not NO_VALUE]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        (key, argument), = value.items()
        if key == "Ref":
            return NO_VALUE if argument == "AWS::NoValue" else names.ref(argument)
        if key == "Condition" and isinstance(argument, str):
            return names.condition(argument)
        if key in _FUNCTIONS:
            return _FUNCTIONS[key](argument, names)
    return {key: done for key, part in value.items() if (done := evaluate(part, names)) is not NO_VALUE}


def _sub(argument: Any, names: Names) -> str:
    text, own = argument if isinstance(argument, list) else (argument, {})
    given = evaluate(own, names)

    def replaced(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return f"${{{name}}}"
        if name in given:
            return str(given[name])
        resource, dot, attribute = name.partition(".")
        return str(names.attribute(resource, attribute) if dot else names.ref(name))

    return _VARIABLE.sub(replaced, text)


def _get_att(argument: Any, names: Names) -> Any:
    resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return names.attribute(resource, attribute)


def _if(argument: Any, names: Names) -> Any:
    condition, then, otherwise = argument
    return evaluate(then if names.condition(condition) else otherwise, names)


def _join(argument: Any, names: Names) -> str:
    separator, parts = argument
    return str(separator).join(str(part) for part in evaluate(parts, names))


def _split(argument: Any, names: Names) -> list[str]:
    separator, text = argument
    return str(evaluate(text, names)).split(separator)


def _equals(argument: Any, names: Names) -> bool:
    left, right = evaluate(argument, names)
    return str(left) == str(right)


_FUNCTIONS: Final[Mapping[str, Callable[[Any, Names], Any]]] = {
    "Fn::Sub": _sub,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": lambda argument, names: evaluate(argument[1], names)[int(argument[0])],
    "Fn::Equals": _equals,
    "Fn::Not": lambda argument, names: not evaluate(argument[0], names),
    "Fn::And": lambda argument, names: all(evaluate(argument, names)),
    "Fn::Or": lambda argument, names: any(evaluate(argument, names)),
    "Fn::FindInMap": lambda argument, names: names.find(*(str(part) for part in evaluate(argument, names))),
    "Fn::GetAZs": lambda argument, names: [f"{names.ref('AWS::Region')}{zone}" for zone in "abc"],
    "Fn::Base64": lambda argument, names: evaluate(argument, names),
    "Fn::Cidr": lambda argument, names: [f"10.0.{n}.0/24" for n in range(int(evaluate(argument[1], names)))],
}
