"""python -m benchmarks [WORD ...]: the rows of docs/performance.md that hold one of the words; without words, all.

The counts of what a task costs on the table are tests: `pytest -s tests/counting/test_counts.py` prints them.
"""

from __future__ import annotations

import sys

from benchmarks.measure import table_line
from benchmarks.rows import ROWS


def main(words: list[str]) -> None:
    print(table_line("what", "goal", "skydag", "Digdag"))
    print("|---|---|---|---|")
    for row in ROWS:
        if not words or any(word in row.name for word in words):
            print(row.line(row.measure()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
