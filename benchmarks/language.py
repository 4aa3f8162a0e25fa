"""What the language costs: `check` of large files, the first expression of a process, large parameters."""

from __future__ import annotations

from functools import cache
from typing import Final

from benchmarks.measure import Row, best, python
from skydag.language.compile import compile_project
from skydag.language.evaluate import Evaluator

FIRST: Final = """
import time
from skydag.language.evaluate import Evaluator
start = time.perf_counter()
assert Evaluator("UTC").evaluate({"a": "${%s}"}, {"x": 1, "d": "2025-01-01"})["a"]
print(time.perf_counter() - start)
"""


def workflow(count: int) -> str:
    """Groups of ten tasks with parameters and expressions, as people write them."""
    lines = ["timezone: Asia/Tokyo", "_export:", "  region: north", "  table: {name: sales, day: \"${session_date}\"}"]
    for number in range(count):
        if number % 10 == 0:
            lines += [f"+group{number}:", "  _export: {part: 1}"]
        lines += [f"  +task{number}:", f"    sh>: ./load.sh \"${{region}}\" {number}", "    _retry: 2"]
    return "\n".join(lines) + "\n"


@cache
def check_s(count: int) -> float:
    data = workflow(count).encode()

    def check() -> None:
        assert compile_project(["w.dig"], lambda path: data).workflows

    return best(check, 5)


def first_s(code: str) -> float:
    """Seconds of the first expression in a new process, start-up not counted."""
    return min(float(python("-c", FIRST % code)) for _ in range(5))


def large_s(text: str) -> float:
    """One task whose parameters are 200 KB of JSON."""
    params = {"rows": [{"id": n, "name": f"row {n}", "value": n / 3} for n in range(4_000)], "x": 1}
    evaluator = Evaluator("UTC")
    return best(lambda: evaluator.evaluate({"a": text}, params))


ROWS: Final = (
    Row(name="check of 1,000 tasks", unit="ms", limit=200, measure=lambda: check_s(1_000) * 1e3),
    Row(name="check of 10,000 tasks", unit="x check of 1,000", limit=12, digits=1,
        measure=lambda: check_s(10_000) / check_s(1_000)),
    Row(name="first expression, a plain reference", unit="ms", limit=1, digits=2,
        measure=lambda: first_s("x") * 1e3),
    Row(name="first expression, JavaScript", unit="ms", measure=lambda: first_s("x + 1") * 1e3),
    Row(name="first expression, Moment.js", unit="ms", measure=lambda: first_s("moment(d).year()") * 1e3),
    Row(name="200 KB of parameters, a plain reference", unit="us", limit=200,
        measure=lambda: large_s("${rows[3].name}") * 1e6),
    Row(name="200 KB of parameters, JavaScript that names them not", unit="us",
        measure=lambda: large_s("${x + 1}") * 1e6),
    Row(name="200 KB of parameters, JavaScript over all", unit="ms", digits=1,
        measure=lambda: large_s("${rows.length}") * 1e3),
)
