"""Makes the environments that the journey needs, once: python -m tests.deploy.prepare FOLDER

FOLDER/sam    the SAM CLI, unmodified
FOLDER/ms     MiniStack. Functions run on its interpreter, so it holds as little as possible.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

SAM = ("aws-sam-cli>=1.170,<2",)
MINISTACK = ("ministack==1.5.33", "aws-sam-translator", "cryptography", "docker")


def make(folder: Path, requirements: tuple[str, ...]) -> None:
    """One virtual environment; nothing when it is there with these requirements."""
    done = folder / "requirements"
    if done.is_file() and done.read_text() == "\n".join(requirements):
        return
    venv.create(folder, with_pip=True, clear=True)
    subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements],
        check=True,
    )
    done.write_text("\n".join(requirements))


def main(argv: list[str]) -> None:
    folder = Path(argv[0]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    make(folder / "sam", SAM)
    make(folder / "ms", MINISTACK)


if __name__ == "__main__":
    main(sys.argv[1:])
