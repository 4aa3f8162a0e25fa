"""A stand-in for ruby that speaks the runner's protocol: it runs no Ruby, but does what a test gives it, in Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_PROGRAM = """#!{python}
import json, os, sys
argv = sys.argv[1:]
program, *names, given, left = argv[argv.index("--") + 1:]
params = json.load(open(given, encoding="utf-8"))["params"]
record = {{"argv": argv, "cwd": os.getcwd(), "program": open(program, encoding="utf-8").read(), "params": params,
          "env": dict(os.environ)}}
json.dump(record, open({record!r}, "w", encoding="utf-8"))


def leaves(code=0, error=None, **maps):
    output = {{"subtask_config": {{}}, "export_params": {{}}, "store_params": {{}}, **maps}}
    json.dump(output if error is None else {{**output, "error": error}}, open(left, "w", encoding="utf-8"))
    sys.exit(code)


{act}
"""


class StandIn:
    """folder: belongs in front of PATH. act: Python; `params` is there, and `leaves(code, error, store_params=...)`."""

    def __init__(self, folder: Path, act: str = "leaves()") -> None:
        self.folder, self._record = folder, folder / "ruby.json"
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "ruby"
        self.file.write_text(_PROGRAM.format(python=sys.executable, record=str(self._record), act=act))
        self.file.chmod(0o755)

    @property
    def called(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._record.read_text(encoding="utf-8"))
        return found
