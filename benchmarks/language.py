"""What the language costs: `check` of large files, the first expression of a process, large parameters."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence

from skydag.language.compile import compile_project
from skydag.language.evaluate import Evaluator

FIRST = """
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


def check_s(count: int, best: Callable[[Callable[[], object]], float]) -> float:
    data = workflow(count).encode()

    def check() -> None:
        assert compile_project(["w.dig"], lambda path: data).workflows

    return best(check)


def first_s(code: str, tries: int = 5) -> float:
    """Seconds of the first expression in a new process, start-up not counted."""
    times = []
    for _ in range(tries):
        done = subprocess.run([sys.executable, "-c", FIRST % code], check=True, capture_output=True, text=True)
        times.append(float(done.stdout))
    return min(times)


def large_s(text: str, best: Callable[[Callable[[], object]], float]) -> float:
    """One task whose parameters are 200 KB of JSON."""
    params = {"rows": [{"id": n, "name": f"row {n}", "value": n / 3} for n in range(4_000)], "x": 1}
    evaluator = Evaluator("UTC")
    return best(lambda: evaluator.evaluate({"a": text}, params))


def rows(best: Callable[[Callable[[], object]], float]) -> Sequence[tuple[str, str, str]]:
    thousand, ten = check_s(1_000, best), check_s(10_000, best)
    return (
        ("check of 1,000 tasks", f"{thousand * 1000:.0f} ms", "<= 200 ms"),
        ("check of 10,000 tasks", f"{ten / thousand:.1f} x that of 1,000 ({ten * 1000:.0f} ms)", "<= 12 x"),
        ("first expression, a plain reference", f"{first_s('x') * 1000:.2f} ms", "no engine"),
        ("first expression, JavaScript", f"{first_s('x + 1') * 1000:.0f} ms", ""),
        ("first expression, Moment.js", f"{first_s('moment(d).year()') * 1000:.0f} ms", ""),
        ("200 KB of parameters, a plain reference", f"{large_s('${rows[3].name}', best) * 1e6:.0f} us", "no engine"),
        ("200 KB of parameters, JavaScript that names them not", f"{large_s('${x + 1}', best) * 1e6:.0f} us", ""),
        ("200 KB of parameters, JavaScript over all", f"{large_s('${rows.length}', best) * 1000:.1f} ms", ""),
    )
