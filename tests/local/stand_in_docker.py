"""A stand-in for docker: runs what the container would run, as a plain process, and writes down its calls."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SCRIPT: Final = """#!/bin/sh
# docker run [OPTIONS] --rm -v A:A:rw -w FOLDER -e K ... [--env-file FILE] IMAGE COMMAND ...
# docker images, docker build: nothing is there, and everything can be built.
# -e K: the variable of the client, which this process has already.
echo "$*" >> "$(dirname "$0")/docker.calls"
[ "$1" = run ] || exit 0
shift
while :; do
  case "$1" in
    -v) shift 2 ;;
    -w) cd "$2" || exit 125; shift 2 ;;
    -e | --cpus) shift 2 ;;
    --env-file) set -a; . "$2"; set +a; shift 2 ;;
    -*) shift ;;
    *) shift; exec "$@" ;;
  esac
done
"""


def install(folder: Path) -> Path:
    """Puts `docker` into the folder, which belongs in front of PATH; the file with its calls, a line each."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docker").write_text(SCRIPT)
    (folder / "docker").chmod(0o755)
    return folder / "docker.calls"
