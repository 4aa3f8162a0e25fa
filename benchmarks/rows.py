"""All rows, in the order in which they are printed and stand in docs/performance.md."""

from __future__ import annotations

from typing import Final

from benchmarks import core, functions, language, local_run

ROWS: Final = (*local_run.ROWS, *core.ROWS, *language.ROWS, *functions.ROWS)
