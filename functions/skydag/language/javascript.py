"""The JavaScript engine behind `${...}`: quickjs-ng in a box (expressions.md, X-3 to X-9).

No files, no network, no Python objects inside; 64 MiB of memory, 512 KiB of stack, 0.8 s of CPU time a text. The clock
of the workflow's zone is given to it as a table, so the zone of the process plays no part. Moment.js is loaded when an
expression names it.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from skydag.errors import ConfigError
from skydag.language.template import Expression, Part
from skydag.model.patterns import pattern
from skydag.model.zones import zone

MEMORY_BYTES_MAX: Final = 64 << 20
STACK_BYTES_MAX: Final = 512 << 10
CPU_S_MAX: Final = 0.8
COMPILED_MAX: Final = 2_000
ZONE_FROM: Final = datetime(1900, 1, 1, tzinfo=UTC)
ZONE_TO: Final = datetime(2100, 1, 1, tzinfo=UTC)

_LINES_BEFORE: Final = 2                # QuickJS puts them before the body of `new Function`
_POSITION = pattern(r"<input>:(\d+):(\d+)")
_local = threading.local()


class ScriptError(Exception):
    """What JavaScript raised: `ReferenceError: x is not defined`, and where in the text, if that is known."""

    def __init__(self, message: str, expression: Expression | None, at: int | None) -> None:
        super().__init__(message)
        self.message, self.expression, self.at = message, expression, at


def run(text: str, parts: Sequence[Part], names_json: str, timezone: str, *, alone: bool) -> str:
    """The text with its expressions evaluated. names_json: a JSON object of all they name. alone: in a context of their
    own, which is dropped afterwards. Raises ScriptError.

    Most texts share a context in which nothing can be changed. One that tried to is run again, alone (L-100).
    """
    needs_moment = any("moment" in part.code for part in parts if isinstance(part, Expression))
    if not alone:
        context = _shared(needs_moment)
        try:
            return context.run(text, parts, names_json, timezone)
        except ScriptError as error:
            if error.message.startswith("InternalError"):
                _local.context = None       # interrupted or out of memory: who knows what is left of it
            if not error.message.startswith("TypeError"):
                raise
    return _Context(needs_moment).run(text, parts, names_json, timezone)


def _shared(needs_moment: bool) -> _Context:
    """This thread's context."""
    context: _Context | None = getattr(_local, "context", None)
    if context is None or context.is_worn or (needs_moment and not context.has_moment):
        context = _local.context = _Context(needs_moment)
        context.harden()
    return context


class _Context:
    def __init__(self, has_moment: bool) -> None:
        try:
            import quickjs
        except ImportError:
            raise ConfigError("the JavaScript engine of ${...} is missing; run: pip install quickjs-ng") from None
        self.has_moment = has_moment
        self._failure: type[Exception] = quickjs.JSException
        self._context = quickjs.Context()
        self._context.set_memory_limit(MEMORY_BYTES_MAX)
        self._context.set_max_stack_size(STACK_BYTES_MAX)
        self._context.set_time_limit(CPU_S_MAX)
        self._context.eval(f"globalThis.__box = ({_script('prelude.js')})(globalThis); 0")
        self.harden, self._set_zone, self._compile, self._call = (
            self._context.eval(f"__box.{name}") for name in ("harden", "zone", "compile", "call"))
        self._context.eval("delete globalThis.__box; 0")
        if has_moment:
            self._context.eval(_moment() + ";0")
        self._compiled: dict[str, Any] = {}
        self._timezone: str | None = None

    @property
    def is_worn(self) -> bool:
        return len(self._compiled) >= COMPILED_MAX

    def run(self, text: str, parts: Sequence[Part], names_json: str, timezone: str) -> str:
        if timezone != self._timezone:
            self._set_zone(_transitions(timezone))
            self._timezone = timezone
        try:
            number = self._compiled.get(text)
            if number is None:
                number = self._compiled[text] = self._compile(_source(parts))
            result: str = self._call(number, names_json)
        except self._failure as error:
            raise self._explained(str(error), parts) from None
        return result[1:] if result.startswith("s") else json.loads(result[1:])

    def _explained(self, error: str, parts: Sequence[Part]) -> ScriptError:
        message = error.splitlines()[0] if error else "InternalError: no reason given"
        expressions = [part for part in parts if isinstance(part, Expression)]
        if message.startswith("SyntaxError"):
            return ScriptError(message, self._guilty(expressions), None)
        for line, column in _POSITION.findall(error):
            first = _LINES_BEFORE + 2
            for expression in expressions:
                lines = expression.code.split("\n")
                if first <= int(line) < first + len(lines):
                    inside = sum(len(each) + 1 for each in lines[: int(line) - first]) + int(column) - 1
                    return ScriptError(message, expression, expression.at + inside)
                first += len(lines)
        return ScriptError(message, expressions[0] if len(expressions) == 1 else None, None)

    def _guilty(self, expressions: Sequence[Expression]) -> Expression | None:
        """The expression that does not parse."""
        for expression in expressions:
            try:
                self._compile(_source([expression]))
            except self._failure:
                return expression
        return None


def _source(parts: Sequence[Part]) -> str:
    """One function for the whole text, as in Digdag; each expression starts a line, so that errors can be placed."""
    out = ["var __skydag_o='';with(this){"]
    for part in parts:
        if isinstance(part, Expression):
            out.append(f"__skydag_o+=__skydag_text((\n{part.code}));")
        else:
            out.append(f"__skydag_o+={json.dumps(part.text)};")
    out.append("} return __skydag_o;")
    return "".join(out)


@functools.cache
def _script(name: str) -> str:
    from importlib import resources  # a run without JavaScript never loads it

    return (resources.files("skydag.language") / "data" / name).read_text(encoding="utf-8")


def _moment() -> str:
    try:
        return _script("moment.min.js")
    except FileNotFoundError:
        raise ConfigError("Moment.js is not installed beside skydag; run: python infra/fetch_moment.py") from None


@functools.lru_cache(maxsize=64)
def _transitions(timezone: str) -> str:
    """[[instants of change in ms], [offset in ms before the first, after each]], as JSON; 1900 to 2100."""
    place = zone(timezone)

    def offset_ms(at: datetime) -> int:
        offset = at.astimezone(place).utcoffset()
        return 0 if offset is None else round(offset.total_seconds()) * 1000

    changes: list[int] = []
    offsets = [offset_ms(ZONE_FROM)]
    at, step, second = ZONE_FROM, timedelta(days=20), timedelta(seconds=1)
    while at < ZONE_TO:
        following = at + step
        if offset_ms(following) != offsets[-1]:
            low, high = at, following
            while high - low > second:
                middle = low + timedelta(seconds=(high - low) // second // 2)
                low, high = (middle, high) if offset_ms(middle) == offsets[-1] else (low, middle)
            changes.append(round(high.timestamp()) * 1000)
            offsets.append(offset_ms(following))
        at = following
    return json.dumps([changes, offsets])
