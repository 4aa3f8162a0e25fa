"""A task that prints much needs no memory for it: output goes on as it comes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LINES, WIDTH = 30_000, 1_000                     # 30 MB
GROWTH_MB_MAX = 10
SAYS = (f"def f(n):\n    for _ in range(int(n)):\n        print('x' * {WIDTH - 1})\n"
        f"def line(n):\n    print('x' * ({WIDTH} * int(n)))\n")
FILES = {
    "m.py": SAYS,
    "sh.dig": "+a: {sh>: 'exec $python -c \"import m, sys; m.f(sys.argv[1])\" $n'}\n",
    "py.dig": "+a: {py>: m.f}\n+b: {fail>: 'so that the last lines are shown'}\n",
    "line.dig": "+a: {py>: m.line}\n",
}
#: Peak memory in KB after a run that prints next to nothing, and after the large one.
LOCALLY = """
import json, resource, sys
from skydag.cli.main import main

def peak(n):
    main(["run", sys.argv[1], "--no-save", "-O", "logs", "-p", f"n={n}", "-p", f"python={sys.executable}"])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(json.dumps([peak(10), peak(int(sys.argv[2]))]), file=sys.stderr)
"""
IN_SCRIPT = """
import json, resource, sys
from pathlib import Path
from tests.app.test_script import ARCHIVE, Place, job, packed

class Gone:
    written = 0

    def put(self, key, data, **_):
        self.written += len(data)

def peak(n):
    place = Place(Path("archives"), logs=Gone())
    place.objects.put(ARCHIVE, packed({"m.py": Path("m.py").read_text()}))
    place.script()(job("py", "m.f", python=sys.executable, n=n))
    assert place.reports[0]["ended"]["kind"] == "ok", place.reports
    assert place.logs.written > n
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(json.dumps([peak(10), peak(int(sys.argv[2]))]), file=sys.stderr)
"""


@pytest.mark.parametrize(("program", "workflow"), [
    (LOCALLY, "sh.dig"), (LOCALLY, "py.dig"), (LOCALLY, "line.dig"), (IN_SCRIPT, "-"),
])
def test_much_output_takes_no_memory(program: str, workflow: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    path = os.pathsep.join([*(entry for entry in sys.path if entry), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", program, workflow, str(LINES)], cwd=tmp_path, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path, "HOME": str(tmp_path)}, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    small, large = json.loads(done.stderr.splitlines()[-1])
    assert (large - small) / 1024 < GROWTH_MB_MAX, f"{small} KB, then {large} KB"
