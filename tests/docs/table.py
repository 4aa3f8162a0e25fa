"""docs/table.md, read: item kinds with the patterns of their keys and the names of their attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[2] / "docs" / "table.md").read_text(encoding="utf-8")
_PLACES = {
    "id": r"\d{12}", "path": "[0-9a-z]*", "gen": "[0-9a-z]{3}", "run": r"\d{6}", "segment": r"\d{4}", "name": ".+",
    "flight": "(work|container)", "number": r"\d{6}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "kind": "(project|workflow|schedule|session|attempt|open)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    name: str
    pk: re.Pattern[str]
    sk: re.Pattern[str]
    attributes: frozenset[str]          # `o<child>` stands for any child

    def holds(self, item: Mapping[str, Any]) -> bool:
        return bool(self.pk.fullmatch(item["pk"]) and self.sk.fullmatch(item["sk"]))


def kinds() -> list[Kind]:
    section = r"^### ([^\n]+)\n\n`pk` = `([^`]+)`, `sk` = `([^`]+)`\n(.*?)(?=^##)"
    sections = re.findall(section, PAGE, re.MULTILINE | re.DOTALL)
    return [Kind(name=name, pk=_pattern(pk), sk=_pattern(sk), attributes=frozenset(_attributes(text)))
            for name, pk, sk, text in sections]


def _pattern(key: str) -> re.Pattern[str]:
    text = re.escape(key).replace(r"\[", "(").replace(r"\]", ")?")
    return re.compile(re.sub(r"<(\w+)>", lambda found: _PLACES[found[1]], text.replace(r"\<", "<").replace(r"\>", ">")))


def _attributes(section: str) -> list[str]:
    table = section.partition("| attribute | |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def kind_of(item: Mapping[str, Any]) -> Kind:
    """The one kind that such an item is."""
    found = [kind for kind in kinds() if kind.holds(item)]
    assert len(found) == 1, f"{item['pk']} {item['sk']} is described {len(found)} times: {[k.name for k in found]}"
    return found[0]


def names(item: Mapping[str, Any]) -> set[str]:
    """Its attributes but the keys, as the page names them."""
    plain = {re.sub(r"^([oe])\d+$", r"\1<child>", name) for name in item}
    return plain - {"pk", "sk"}
