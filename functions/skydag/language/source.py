"""One YAML file as Digdag reads it: its value, and the place of everything in it (language.md section 1).

A Document is JSON data beside the nodes it came from. Values carry no places; `Document.place(keys)` walks the nodes
again when an error needs one, so a file without mistakes pays nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import yaml

from skydag.language.problems import Refused
from skydag.language.scalars import MERGE, STR, T, scalar
from skydag.language.syntax import VALUES_MAX, compose, decode, place_at, spelling
from skydag.model.numbers import java_double
from skydag.model.params import merge
from skydag.model.workflow import Place, Problem

EXPANDED_BYTES_MAX: Final = 16 * 1024 * 1024
PROBLEMS_KEPT_MAX: Final = 500          # a file with more is not read on
DEPTH_MAX: Final = 200
INCLUDE: Final = "!include"

Pair = tuple[str | None, yaml.Node, yaml.Node]      # the key (None: an include), its node, the value's node
Include = Callable[["Document", str, Place], "Document | None"]


class Document:
    """A file that was read. `problems` holds what is wrong in it and does not keep the rest from being read."""

    def __init__(self, file: str, data: bytes, include: Include | None = None) -> None:
        """Raises Refused if the file is no YAML mapping at all. include: how to get the document that an
        `!include : path` names, None where it is not allowed."""
        self.file = file
        self.problems: list[Problem] = []
        self._include = include
        self._included: dict[int, Document] = {}
        self._pairs: dict[int, list[Pair]] = {}
        self._by_key: dict[int, dict[str, Pair]] = {}
        self._done: dict[int, Any] = {}
        self._open: set[int] = set()
        self._flattening: set[int] = set()
        self._merged_count = 0
        self._text = text = decode(file, data)
        self.root = compose(file, text)
        self.problems.extend(islice(spelling(file, text, self.root, data), PROBLEMS_KEPT_MAX))
        value = None if self.root is None else self._value(self.root, 0)
        if not isinstance(value, dict):
            where = self.place_of(self.root) if self.root is not None else Place(file=file)
            raise Refused(*self.problems, Problem(
                place=where, code="not-a-mapping", message=f"Expected object to load Config but got {_shown(value)}",
                hint="a file of parameters is a mapping, such as 'day: 1'" if file.endswith((".yml", ".yaml", ".json"))
                else "a file is a mapping, with tasks such as '+load: {sh>: ./load.sh}'"))
        self.value: dict[str, Any] = value
        self._include = None                    # it knows who called: a circle that would outlive its use
        if "*" in text or self._included:
            self._check_size()

    # --- values

    def _value(self, node: yaml.Node, depth: int) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.tag == STR and node.value and node.value.isascii() else self._scalar(node)
        done = self._done.get(id(node), self)
        if done is not self:
            return done
        if id(node) in self._open:
            raise self._refused(self.place_of(node), "self-reference", "an alias refers to the value it stands in")
        if depth > DEPTH_MAX:
            raise self._refused(self.place_of(node), "too-deep", f"nested deeper than {DEPTH_MAX} levels")
        self._open.add(id(node))
        value = self._mapping(node, depth) if isinstance(node, yaml.MappingNode) else self._sequence(node, depth)
        self._open.discard(id(node))
        self._done[id(node)] = value
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        known = self._done.get(id(node), self)
        if known is not self:
            return known                    # merged into many mappings, it is read once
        if not node.value and re.match("!(?![!<a-zA-Z])", self._text[node.start_mark.index:][:2]):
            return None                     # a lone `!`
        try:
            value = self._done[id(node)] = scalar(node)
            return value
        except KeyError:
            self._unknown_tag(node)
        except ValueError as wrong:
            kind = node.tag.removeprefix(T)
            self.problem(self.place_of(node), "scalar", f"'{node.value[:40]}' is no {kind}: {wrong}")
        return None

    def _sequence(self, node: yaml.Node, depth: int) -> Any:
        if node.tag == T + "omap":
            out: dict[str, Any] = {}
            for item in node.value:
                out.update(self._mapping(item, depth + 1) if isinstance(item, yaml.MappingNode) else {})
            return out
        if node.tag not in (T + "seq", "!"):
            self._unknown_tag(node)
        return [self._value(item, depth + 1) for item in node.value]

    def _mapping(self, node: yaml.MappingNode, depth: int) -> Any:
        if node.tag == T + "set":
            return [key for key, _, _ in self.pairs(node)]
        if node.tag not in (T + "map", "!"):
            self._unknown_tag(node)
        out: dict[str, Any] = {}
        for key, key_node, value_node in self.pairs(node):
            if key is not None:
                out[key] = self._value(value_node, depth + 1)
            else:
                out = merge(out, self._included_value(key_node, value_node))
        return out

    def _included_value(self, key_node: yaml.Node, value_node: yaml.Node) -> Mapping[str, Any]:
        place = self.place_of(key_node)
        if not isinstance(value_node, yaml.ScalarNode) or value_node.tag == INCLUDE or not value_node.value:
            self.problem(place, "include", "'!include :' needs the path of a file", "write '!include : path/file.yml'")
            return {}
        if self._include is None:
            self.problem(place, "include", "'!include' is not possible here")
            return {}
        included = self._include(self, value_node.value, self.place_of(value_node))
        if included is None:
            return {}
        self._included[id(value_node)] = included
        return included.value

    # --- keys

    def pairs(self, node: yaml.MappingNode) -> list[Pair]:
        """The pairs of a mapping in order, `<<` expanded where it stands: own keys win, then the first source."""
        known = self._pairs.get(id(node))
        if known is not None:
            return known
        index: dict[str, int] = {}
        out: list[Pair] = []
        texts: dict[str, yaml.Node] = {}
        if id(node) in self._flattening:
            raise self._refused(self.place_of(node), "self-reference", "'<<' refers to the mapping it stands in")
        self._flattening.add(id(node))
        for key_node, value_node in node.value:
            if key_node.tag != INCLUDE and isinstance(key_node, yaml.ScalarNode):
                if key_node.value in texts:
                    self.problem(self.place_of(key_node), "duplicate-key", f"Duplicated keys: [{key_node.value}]",
                                 f"the first stands in line {texts[key_node.value].start_mark.line + 1}; "
                                 "rename or remove one")
                texts.setdefault(key_node.value, key_node)
            if key_node.tag == MERGE:
                for pair in self._merged(value_node):
                    if pair[0] is None or pair[0] not in index:
                        index.setdefault(pair[0] or "", len(out))
                        out.append(pair)
                continue
            key = self._key(key_node)
            if key is not None and key in index:
                out[index[key]] = (key, key_node, value_node)
            elif key is not None or key_node.tag == INCLUDE:
                if key is not None:
                    index[key] = len(out)
                out.append((key, key_node, value_node))
        self._flattening.discard(id(node))
        self._pairs[id(node)] = out
        return out

    def _merged(self, node: yaml.Node) -> list[Pair]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        out: list[Pair] = []
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self.problem(self.place_of(source), "merge", "'<<' takes a mapping, or a list of mappings")
                continue
            pairs = self.pairs(source)
            self._merged_count += len(pairs)
            if self._merged_count > VALUES_MAX:
                raise self._refused(self.place_of(node), "too-large", f"'<<' brings more than {VALUES_MAX:,} values")
            out.extend(pairs)
        return out

    def _key(self, node: yaml.Node) -> str | None:
        """The key as text; None for an include, and for keys that are refused."""
        if node.tag == INCLUDE:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self.problem(self.place_of(node), "key", "a mapping or a list cannot be a key",
                         "put the key in quotes, '{{name}}' for example")
            return None
        if node.tag == STR:
            return node.value if node.value.isascii() else str(self._scalar(node))
        value = self._scalar(node)
        if value is None:
            self.problem(self.place_of(node), "key", "a key is null", "put the key in quotes")
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        return java_double(value) if isinstance(value, float) else str(value)

    # --- places and problems

    def place(self, keys: Sequence[str | int]) -> Place:
        """Where the key at the end of the path stands, or the nearest thing above it that exists."""
        return self._find(self.root, tuple(keys), Place(file=self.file))[1] if self.root else Place(file=self.file)

    def _find(self, node: yaml.Node, keys: tuple[str | int, ...], best: Place) -> tuple[int, Place]:
        if not keys:
            return 0, best
        found = (0, best)
        for document, place, value_node in self._steps(node, keys[0]):
            depth, deeper = document._find(value_node, keys[1:], place)
            if depth + 1 >= found[0]:
                found = depth + 1, deeper
        return found

    def _steps(self, node: yaml.Node, key: str | int) -> list[tuple[Document, Place, yaml.Node]]:
        if isinstance(node, yaml.SequenceNode):
            if isinstance(key, int):
                return [(self, self.place_of(item), item) for item in node.value[key: key + 1]]
            return [step for item in node.value for step in self._steps(item, key)]
        steps: list[tuple[Document, Place, yaml.Node]] = []
        for name, key_node, value_node in self._named(node, key) if isinstance(node, yaml.MappingNode) else ():
            if name == key:
                steps.append((self, self.place_of(key_node), value_node))
            elif name is None and (included := self._included.get(id(value_node))) and included.root:
                steps.extend(included._steps(included.root, key))
        return steps

    def _named(self, node: yaml.MappingNode, key: str | int) -> list[Pair]:
        """The pairs in which the key may be found; of one large mapping very many places may be asked for."""
        pairs = self.pairs(node)
        if self._included or len(pairs) < 8:
            return pairs
        index = self._by_key.get(id(node))
        if index is None:
            index = self._by_key[id(node)] = {pair[0]: pair for pair in pairs if pair[0] is not None}
        return [index[key]] if isinstance(key, str) and key in index else []

    def entries(self, node: yaml.Node) -> Iterator[tuple[str, Document, yaml.Node, yaml.Node]]:
        """Every key of a mapping, or of a list of mappings, those of its includes among them: the key, the file it
        stands in, its node and its value's. A key may come several times."""
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                yield from self.entries(item)
            return
        for name, key_node, value_node in self.pairs(node) if isinstance(node, yaml.MappingNode) else ():
            if name is not None:
                yield name, self, key_node, value_node
            elif (included := self._included.get(id(value_node))) and included.root:
                yield from included.entries(included.root)

    def place_of(self, node: yaml.Node) -> Place:
        return place_at(self.file, node.start_mark)

    def problem(self, place: Place, code: str, message: str, hint: str | None = None, *,
                is_warning: bool = False) -> None:
        self.problems.append(Problem(place=place, code=code, message=message, hint=hint, is_warning=is_warning))
        if len(self.problems) >= PROBLEMS_KEPT_MAX:
            raise Refused(*self.problems)

    def _refused(self, place: Place, code: str, message: str, hint: str | None = None) -> Refused:
        return Refused(*self.problems, Problem(place=place, code=code, message=message, hint=hint))

    def _unknown_tag(self, node: yaml.Node) -> None:
        if node.tag in (INCLUDE, f"{INCLUDE}:"):
            self.problem(self.place_of(node), "include", "'!include' stands before a value",
                         "it works as a key only: write '!include : path/file.yml', with a blank before the colon")
        else:
            self.problem(self.place_of(node), "tag", f"could not determine a constructor for the tag {node.tag}",
                         "put the value in quotes if it is meant to start with '!'")

    def _check_size(self) -> None:
        if expanded_size(self.value) > EXPANDED_BYTES_MAX:
            raise self._refused(Place(file=self.file), "too-large", "with its aliases and includes expanded the file "
                                f"is larger than {EXPANDED_BYTES_MAX:,} bytes")


def expanded_size(value: Any) -> int:
    """About the length of the value as JSON, in time that grows with what is stored, not with what it expands to."""
    known: dict[int, int] = {}

    def size(value: Any) -> int:
        if isinstance(value, str):
            return len(value) + 2
        if not isinstance(value, (dict, list)):
            return 4
        if id(value) not in known:
            if isinstance(value, dict):
                known[id(value)] = 2 + sum(len(key) + 4 + size(item) for key, item in value.items())
            else:
                known[id(value)] = 2 + sum(1 + size(item) for item in value)
        return known[id(value)]

    return size(value)


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return shown if len(shown) <= 100 else shown[:97] + "..."
