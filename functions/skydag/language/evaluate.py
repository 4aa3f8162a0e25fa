"""`${...}` in a task's parameters, with Digdag's scoping (language.md section 10; expressions.md, V-1 to V-15)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skydag.errors import ConfigError
from skydag.language import javascript
from skydag.language.problems import did_you_mean
from skydag.language.references import MISS, json_of, reference
from skydag.language.template import Expression, Part, split
from skydag.model.patterns import pattern

NOT_EVALUATED: Final = frozenset(("_do", "_else_do"))
_PLAIN: Final = frozenset((int, bool, float, type(None)))
SHOWN_LENGTH_MAX: Final = 1_000

_WORD = pattern(r"[A-Za-z_$][\w$]*")
_NEEDS_EVERYTHING = pattern(r"\bthis\b|\beval\b|\bFunction\b|constructor|\\|\bwith\b|`|[^\x00-\x7f]")
# Assignments and the like. Such a text runs alone: the context that others share is frozen.
_ASSIGNS = pattern(
    r"(?<![=!<>])=(?![=>])|\+\+|--|\b(?:delete|this|globalThis|eval|Function|for|class)\b|constructor|\\|`|[lL]ocale")
_STRING = pattern(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_UNDEFINED = pattern(r"ReferenceError: '?\"?([^'\" ]+?)'?\"? is not defined")


class Evaluator:
    """Evaluates for workflows of one time zone. Not for use by several threads at once."""

    def __init__(self, timezone: str) -> None:
        self._timezone = timezone

    def evaluate(self, config: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        """A task's config, evaluated in order.

        config: its parameters with its own keys merged over them, without `_check` and `_error` (L-77, L-91).
        params: its parameters alone, not evaluated. ConfigError for the first expression that fails (L-102).
        """
        try:
            return _Evaluation(self._timezone, params).mapping(config)
        except RecursionError:
            raise ConfigError("the parameters are nested too deeply") from None

    def text(self, template: str, scope: Mapping[str, Any]) -> str:
        """The text of a template file, over a task's evaluated config (L-104)."""
        return _Evaluation(self._timezone, scope).text(template, {})


class _Evaluation:
    """One config, being evaluated."""

    def __init__(self, timezone: str, params: Mapping[str, Any]) -> None:
        self._timezone, self._params = timezone, params
        self._json: dict[str, str] = {}         # parameters as JSON, as far as they were needed

    def mapping(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Each value sees the parameters, and the results above it in the same mapping (L-92)."""
        above: dict[str, Any] = {}
        for key, value in config.items():
            kind = type(value)
            is_as_it_is = "$" not in value if kind is str else kind in _PLAIN
            above[key] = value if is_as_it_is or key in NOT_EVALUATED else self._value(value, above)
        return above

    def _value(self, value: Any, above: Mapping[str, Any]) -> Any:
        if isinstance(value, str):
            return self.text(value, above) if "$" in value else value
        if isinstance(value, Mapping):
            return self.mapping(value)
        if isinstance(value, list):
            return [self._value(item, above) for item in value]
        return value

    def text(self, text: str, above: Mapping[str, Any]) -> str:
        parts = split(text)
        names = _Names(above, self._params)
        out: list[str] = []
        for part in parts:
            if isinstance(part, Expression):
                found = reference(part.code, names)
                if found is MISS:
                    return self._by_script(text, parts, names)
                out.append(found)
            else:
                out.append(part.text)
        return "".join(out)

    def _by_script(self, text: str, parts: tuple[Part, ...], names: _Names) -> str:
        code = "\n".join(part.code for part in parts if isinstance(part, Expression))
        wanted = names.all() if _NEEDS_EVERYTHING.search(code) else dict.fromkeys(_WORD.findall(code))
        scope = ",".join(f"{json.dumps(name)}:{self._as_json(name, names)}" for name in wanted if name in names)
        try:
            return javascript.run(text, parts, f"{{{scope}}}", self._timezone, alone=_assigns(code))
        except javascript.ScriptError as error:
            raise ConfigError(explained(text, error, names.all())) from None

    def _as_json(self, name: str, names: _Names) -> str:
        if name in names.above:
            return _json(names.above[name])
        if name not in self._json:
            self._json[name] = _json(self._params[name])
        return self._json[name]


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:                  # NaN or Infinity is among it: null in JavaScript's JSON
        return json_of(value)


class _Names:
    """What names stand for in one place: the results above, over the parameters."""

    __slots__ = ("above", "params")

    def __init__(self, above: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        self.above, self.params = above, params

    def __contains__(self, name: str) -> bool:
        return name in self.above or name in self.params

    def __getitem__(self, name: str) -> Any:
        return self.above[name] if name in self.above else self.params[name]

    def all(self) -> dict[str, None]:
        return dict.fromkeys((*self.params, *self.above))


def _assigns(code: str) -> bool:
    """Whether the code may assign to something; when in doubt, yes."""
    bare = _STRING.sub("''", code)
    if "/" in bare:                 # a regular expression or a comment may hide where a string begins
        bare = code
    return bool(_ASSIGNS.search(bare))


def explained(text: str, error: javascript.ScriptError, known: Sequence[str] | Mapping[str, None]) -> str:
    """Failed to evaluate a variable ${no_such} (ReferenceError: "no_such" is not defined)"""
    message, hint = error.message, None
    undefined = _UNDEFINED.match(message)
    if undefined:
        name = undefined.group(1)
        message = f'ReferenceError: "{name}" is not defined'
        hint = did_you_mean(name, known)
    elif message.startswith("InternalError: interrupted"):
        message = f"InternalError: it ran for more than {javascript.CPU_S_MAX:g} s"
    elif message.startswith("InternalError: out of memory"):
        message = f"InternalError: it took more than {javascript.MEMORY_BYTES_MAX >> 20} MiB of memory"
    if error.expression and error.expression.code != text[2:-1]:
        place = "" if error.at is None else f", character {error.at + 1}"
        message += f", in ${{{_cut(error.expression.code)}}}{place}"
    if hint:
        message += f"; {hint}"
    return f"Failed to evaluate a variable {_cut(text)} ({message})"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_LENGTH_MAX else text[:SHOWN_LENGTH_MAX] + "..."
