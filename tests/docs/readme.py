"""README's fenced blocks. The word after a fence's language says what a test does with it:

    make       targets of the Makefile
    demo       lines that `skydag demo` prints, whatever the time of day
    activate   what puts skydag on the path; the tests bring their own
    file=NAME  a file of the reader's project
    laptop     commands run in that project, one shell after another; as text: what the last `run` before it printed
    terminal   what runs in the other terminal
    server     commands run while it runs
    aws        not run: targets, parameters and outputs that it names must be there
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    language: str
    word: str
    text: str


def blocks(word: str, language: str | None = None) -> list[Block]:
    return [block for block in _all() if block.word.partition("=")[0] == word and language in (None, block.language)]


def _all() -> list[Block]:
    found = re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return [Block(language=language, word=word, text=text) for language, word, text in found]


def fences() -> int:
    """How many blocks there are, marked or not."""
    return len(re.findall(r"^```", README, flags=re.MULTILINE)) // 2


def not_in_demo(output: str) -> list[str]:
    """Lines of README's excerpt that the demo has not printed; figures may differ."""
    shown = {_plain(line) for line in output.splitlines()}
    wanted = [line for block in blocks("demo") for line in block.text.splitlines() if line.strip() not in ("", "...")]
    assert len(wanted) > 10
    return [line for line in wanted if _plain(line) not in shown]


def _plain(line: str) -> str:
    for sign, plain in (("✓", "+"), ("├─", "|-"), ("└─", "`-"), ("│", "|"), ("…", "~")):    # where output is ASCII
        line = line.replace(sign, plain)
    return re.sub(r"CES?T", "zone", re.sub(r"\s+", " ", re.sub(r"\d+", "#", line))).strip()
