"""What a command costs beside its process, counted: each of thousands pays for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.goldens.cli_player import SOURCES

#: What Python tells of its own doings (audit events) in two runs in one process; the first loads what there is to load.
COUNTED = """
import json, sys
from collections import Counter
from skydag.cli.main import main

seen = Counter()
sys.addaudithook(lambda event, args: seen.update([event]))

def events(name):
    seen.clear()
    assert main(["run", name, "--no-save"]) == 0
    return dict(seen)

events("few")
print(json.dumps([events("few"), events("many")]), file=sys.stderr)
"""
FEW, MANY = 5, 45


def a_task(tmp_path: Path, body: str) -> dict[str, float]:
    """How often each of these happens for one task more."""
    for name, count in (("few", FEW), ("many", MANY)):
        tasks = "".join(f"+t{number}: {{{body}}}\n" for number in range(count))
        (tmp_path / f"{name}.dig").write_text(f"_parallel: true\n{tasks}")
    done = subprocess.run([sys.executable, "-c", COUNTED], cwd=tmp_path, capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": SOURCES, "PATH": "/usr/bin:/bin"})
    few, many = json.loads(done.stderr.splitlines()[-1])
    more = {event: (many[event] - few.get(event, 0)) / (MANY - FEW) for event in many}
    return {event: count for event, count in more.items() if count}


def test_a_shell_command_makes_one_folder_and_one_file_and_lists_nothing(tmp_path: Path) -> None:
    counts = a_task(tmp_path, 'sh>: "true"')
    files = {event: count for event, count in counts.items() if event == "open" or event.startswith(("os.", "shutil."))}
    assert files == {"os.mkdir": 1, "open": 1, "os.remove": 1, "os.rmdir": 1}
    assert not {event for event in counts if event.startswith(("tempfile.", "glob.", "socket."))}


def test_a_python_task_makes_one_folder_and_its_three_files(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(): pass\n")
    counts = a_task(tmp_path, f"py>: m.f, python: {sys.executable}")
    assert counts["os.mkdir"] == counts["os.rmdir"] == 1
    assert counts["os.remove"] == 3
    assert counts["open"] == 3, "two are written, one is read"
    assert "subprocess.Popen" not in counts, "a server forks it"
