"""Where the demo is told: chapters, a line that is written over, and claims with what became of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TextIO

from skydag.embedded.paint import Paint


class Stage:
    """Where the story is told, and what was claimed in it."""

    def __init__(self, out: TextIO) -> None:
        self._out, self.paint = out, Paint(out)
        self._claims = 0
        self._missing: list[str] = []
        self._chapters = 0
        self._has_status = False
        self.columns = shutil.get_terminal_size().columns if self.paint.is_live else 120

    def say(self, text: str = "", style: str | None = None) -> None:
        self._clear()
        print(self.paint(text, style), file=self._out, flush=True)

    def title(self, name: str, text: str) -> None:
        self.say(f"{self.paint(name, 'bold')}: {text}")

    def chapter(self, text: str) -> None:
        self._chapters += 1
        self.say()
        self.say(f"{self._chapters}  {text}", "bold")

    def status(self, text: str) -> None:
        """A line that the next one replaces; only where somebody looks on."""
        if self.paint.is_live:
            self._clear()
            self._out.write(self.paint(f"   {text}"[:self.columns - 1], "cyan"))
            self._out.flush()
            self._has_status = True

    def _clear(self) -> None:
        if self._has_status:
            self._out.write("\r\x1b[2K")
            self._has_status = False

    def saw(self, claim: str, is_true: bool, instead: object = "") -> None:
        """A claim, tested."""
        self._claims += 1
        if is_true:
            self.say(f"   {self.paint('✓', 'green')} {self.paint(claim, 'dim')}")
            return
        self._missing.append(claim)
        told = f" (instead: {str(instead)[:300]})" if instead != "" else ""
        self.say(f"   {self.paint('✗', 'red')} {claim}{told}")

    def end(self, took_s: float, following: Sequence[tuple[str, str]]) -> int:
        """The verdict, and what to try next (command, what it does); the exit code."""
        self.say()
        if self._missing:
            self.say(f"{len(self._missing)} of {self._claims} expectations were not met:", "red")
            for claim in self._missing:
                self.say(f"   {self.paint('✗', 'red')} {claim}")
            return 1
        self.say(f"All {self._claims} expectations were met, in {took_s:.1f} s.", "green")
        self.say()
        self.say("Next")
        for command, what in following:
            self.say(f"   {self.paint(command.ljust(55 if what else 0), 'cyan')} {what}".rstrip())
        return 0
