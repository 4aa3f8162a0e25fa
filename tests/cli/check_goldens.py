"""What `check` says on a terminal about the mistyped files of tests/cli/check, without the colours.

    python -m tests.cli.check_goldens       writes it beside each file: look at it as somebody who is tired, at night
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from pathlib import Path

from skydag.cli.check_text import print_excerpts
from skydag.cli.findings import find

FOLDER = Path(__file__).parent / "check"
FILES = sorted(FOLDER.glob("*.dig"))


def told(file: Path) -> str:
    """A project of that file alone, checked."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as err:
        shutil.copy(file, folder)
        findings = find(Path(folder), {}, (), is_strict=False, with_places=False)
        print_excerpts(findings, has_colour=False)
    return err.getvalue()


if __name__ == "__main__":
    for path in FILES:
        path.with_suffix(".txt").write_text(told(path), encoding="utf-8")
