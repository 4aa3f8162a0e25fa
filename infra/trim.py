"""Makes the Lambda artifact small, and checks it.

    python infra/trim.py ARTIFACT                            drops what no function needs, strips native libraries
    python infra/trim.py --check .aws-sam/build ARCH PYTHON  every function's artifact is for this, and small

Standard library only: it runs before anything is installed, on whatever Python builds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

#: design.md section 6: an artifact is at most this big, unzipped.
LIMIT_BYTES = 20_000_000

#: What installers need and nobody at run time. METADATA (the version) and entry_points.txt (the operators) stay.
INSTALLER_FILES = ("RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json", "top_level.txt", "zip-safe")

#: Folders and files of the dependencies that no function imports: scripts, tests, and pages that only a browser reads.
UNUSED = (
    "bin",
    "**/__pycache__",
    "**/tests",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.js",  # only enable_swagger() reads it
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.css",
)


def size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove_unused(artifact: Path) -> None:
    for pattern in UNUSED:
        for path in list(artifact.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for info in artifact.glob("*.dist-info"):
        for name in INSTALLER_FILES:
            (info / name).unlink(missing_ok=True)


def strip_native(artifact: Path) -> None:
    """Debug symbols go: llvm-strip knows every architecture, GNU strip its own; else they stay, and it is said."""
    libraries = [*artifact.rglob("*.so"), *artifact.rglob("*.so.*")]
    versioned = [f"llvm-strip-{number}" for number in range(22, 12, -1)]
    tools = [found for name in ("llvm-strip", *versioned, "strip") if (found := shutil.which(name))]
    for library in libraries:
        if not any(_run([tool, "--strip-unneeded", str(library)]) for tool in tools):
            print(f"trim: {library.name} keeps its symbols: no llvm-strip, and strip does not know its architecture")


def _run(argv: list[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def trim(artifact: Path) -> None:
    before = size_bytes(artifact)
    remove_unused(artifact)
    strip_native(artifact)
    print(f"trim: {before / 1e6:.1f} MB -> {size_bytes(artifact) / 1e6:.1f} MB unzipped")


def check(build: Path, architecture: str, python: str) -> list[str]:
    """What is wrong with what `sam build` made, one sentence each."""
    wrong: list[str] = []
    wanted = {"architecture": architecture, "python": python}
    artifacts = sorted(build.glob("*/artifact.json"))
    if not artifacts:
        wrong.append(f"{build}: no artifact: has sam build run?")
    for path in artifacts:
        made_for = json.loads(path.read_text())
        if made_for != wanted:
            wrong.append(
                f"{path.parent}: built for {made_for}, to be deployed as {wanted}: run make build ARCH={architecture} "
                f"PYTHON={python.removeprefix('python')}"
            )
        if (size := size_bytes(path.parent)) > LIMIT_BYTES:
            wrong.append(f"{path.parent}: {size / 1e6:.1f} MB unzipped, more than {LIMIT_BYTES / 1e6:.0f}")
    return wrong


def main(argv: list[str]) -> int:
    if len(argv) == 1:
        trim(Path(argv[0]))
        return 0
    if len(argv) == 4 and argv[0] == "--check":
        wrong = check(Path(argv[1]), argv[2], argv[3])
        for line in wrong:
            print(line, file=sys.stderr)
        return 1 if wrong else 0
    print(__doc__, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
