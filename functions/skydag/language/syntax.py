"""From the bytes of a file to YAML nodes, or to an error that says where and what to do (L-3, L-12, Y-13 to Y-18)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

from skydag.language.problems import Refused
from skydag.language.scalars import Composer, LenientComposer
from skydag.language.slips import explained
from skydag.model.patterns import pattern
from skydag.model.workflow import Place, Problem

FILE_BYTES_MAX: Final = 2 * 1024 * 1024
VALUES_MAX: Final = 220_000             # keys and values of a file; half a kilobyte each
LENIENT_LENGTH_MAX: Final = 128 * 1024

_REFUSED_CHARACTER = pattern("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_ESCAPED_SLASH = pattern(r"(?<!\\)(?:\\\\)*\\/")


def decode(file: str, data: bytes) -> str:
    """The text of a file; bytes that are no UTF-8 become U+FFFD. Refused if it is too large or holds what YAML never
    does."""
    if len(data) > FILE_BYTES_MAX:
        raise _refused(Place(file=file), "too-large", f"the file has {len(data):,} bytes, more than {FILE_BYTES_MAX:,}")
    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    bad = _REFUSED_CHARACTER.search(text)
    if bad:
        raise _refused(_place_in(file, text, bad.start()), "control-character",
                       f"character U+{ord(bad.group()):04X} is not allowed in YAML", "remove it, or save as UTF-8")
    return text


def compose(file: str, text: str) -> yaml.Node | None:
    """The root node of the one document of a text, None if there is none. Refused if it is not YAML."""
    if _has_more_values(text):
        raise _refused(Place(file=file), "too-large", f"the file has more than {VALUES_MAX:,} keys and values",
                       "keep data in files that a task reads")
    try:
        try:
            return _single_node(Composer(text))
        except yaml.MarkedYAMLError as wrong:
            if "Unicode character escape" not in str(wrong.problem) or len(text) > LENIENT_LENGTH_MAX:
                raise
            return _single_node(LenientComposer(text))
    except yaml.MarkedYAMLError as wrong:
        raise Refused(explained(file, text, wrong)) from None
    except RecursionError:
        raise _refused(Place(file=file), "too-deep", "nested too deeply") from None
    except yaml.YAMLError as wrong:
        raise _refused(Place(file=file), "syntax", f"not YAML: {wrong}".splitlines()[0]) from None


def spelling(file: str, text: str, root: yaml.Node | None, data: bytes) -> Iterator[Problem]:
    """What was read and should not be there: bytes that are no UTF-8, and what libyaml takes and Digdag's YAML refuses
    (Y-13)."""
    if "\ufffd" in text and "\ufffd".encode() not in data:
        yield Problem(place=_place_in(file, text, text.index("\ufffd")), code="not-utf-8", is_warning=True,
                      message="a byte here is no UTF-8 and was replaced", hint="save the file as UTF-8")
    if "\t" not in text and "\\/" not in text:
        return
    for node in _nodes(root):
        start = node.start_mark.index
        if start and text[start - 1] == "\t":
            yield Problem(place=place_at(file, node.start_mark), code="syntax",
                          message="not YAML: a tab stands before this value", hint="put a blank there")
        is_quoted = isinstance(node, yaml.ScalarNode) and node.style == '"'
        if is_quoted and _ESCAPED_SLASH.search(text[start: node.end_mark.index]):
            yield Problem(place=place_at(file, node.start_mark), code="syntax",
                          message=r"not YAML: '\/' in double quotes", hint="write '/' alone")


def place_at(file: str, mark: yaml.Mark) -> Place:
    return Place(file=file, line=mark.line + 1, column=mark.column + 1)


def _has_more_values(text: str) -> bool:
    """Before any is kept. Each stands behind one of these signs, and what is left out behind a comma or brace, too."""
    if sum(map(text.count, ",{,{[:?-\n")) < VALUES_MAX:
        return False
    parser = Composer(text)
    found = 0
    try:
        while found <= VALUES_MAX and parser.check_event():
            found += isinstance(parser.get_event(), yaml.NodeEvent)
    except yaml.YAMLError:
        return False                    # compose() says it better
    finally:
        parser.dispose()
    return found > VALUES_MAX


def _nodes(root: yaml.Node | None) -> Iterator[yaml.Node]:
    """Every node, once, in file order."""
    seen: set[int] = set()
    waiting = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if not isinstance(node, yaml.ScalarNode):
            for item in reversed(node.value):
                waiting.extend(item[::-1] if isinstance(item, tuple) else (item,))


def _single_node(composer: Composer | LenientComposer) -> yaml.Node | None:
    try:
        node: yaml.Node | None = composer.get_single_node()
    finally:
        composer.dispose()
    return node


def _place_in(file: str, text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(file=file, line=before.count("\n") + 1, column=offset - before.rfind("\n"))


def _refused(place: Place, code: str, message: str, hint: str | None = None) -> Refused:
    return Refused(Problem(place=place, code=code, message=message, hint=hint))
