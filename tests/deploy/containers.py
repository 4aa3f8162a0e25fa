"""Container tasks for the emulator, without Docker: podman's Docker-compatible socket, and the worker's image, built by
buildah from a Debian that mmdebstrap makes. Needs root and the packages podman, buildah, crun, mmdebstrap; all that is
made stays in one folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ("podman", "buildah", "crun", "mmdebstrap", "unshare")
IMAGE = "localhost/skydag-worker:journey"
BASE = "localhost/debian-python:journey"
#: What examples/ ask for; no registry is asked here, the Debian stands for it.
STAND_INS = ("docker.io/library/python:3.13-slim",)
DEBIAN = "bookworm"
DEBIAN_PYTHON = "3.11"
START_S_MAX = 10

STORAGE = '[storage]\ndriver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n'
#: Host network, no cgroups, and a limit of files below what small machines allow.
CONTAINERS = """[containers]
netns = "host"
cgroups = "disabled"
cgroupns = "host"
utsns = "host"
log_driver = "k8s-file"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def missing() -> str | None:
    """Why there are no containers on this machine, None if there are."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    return None if os.geteuid() == 0 else "not root"


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
    }


def _run(argv: list[str], folder: Path) -> None:
    done = subprocess.run(argv, cwd=ROOT, env=_environment(folder), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )


@contextmanager
def containers(folder: Path, architecture: str) -> Iterator[str]:
    """DOCKER_HOST of a podman that has IMAGE."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    (folder / "containers.conf").write_text(CONTAINERS)
    (folder / "registries.conf").write_text("unqualified-search-registries = []\n")
    _make_image(folder, architecture)
    socket = folder / "podman.sock"
    socket.unlink(missing_ok=True)
    # crun refuses the hybrid layout of cgroups: the second hierarchy is hidden in a mount namespace of podman's own
    command = f"umount /sys/fs/cgroup/unified 2>/dev/null; exec podman system service --time=0 unix://{socket}"
    with (folder / "podman.log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", command],
            env=_environment(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_S_MAX
        while not socket.exists():
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"podman did not start: {(folder / 'podman.log').read_text()[-2000:]}")
            time.sleep(0.1)
        yield f"unix://{socket}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _make_image(folder: Path, architecture: str) -> None:
    tar = folder / f"{DEBIAN}.tar"
    if not tar.exists():
        half = folder / "half.tar"
        _run(
            [
                "mmdebstrap",
                "--variant=essential",
                "--include=python3-minimal,python3-distutils,python-is-python3,ca-certificates",
                DEBIAN,
                str(half),
            ],
            folder,
        )
        half.rename(tar)
    if subprocess.run(["podman", "image", "exists", BASE], env=_environment(folder), check=False).returncode != 0:
        _run(["podman", "import", str(tar), BASE], folder)
    for name in STAND_INS:
        _run(["podman", "tag", BASE, name], folder)
    _run(
        [
            "make",
            "worker-image",
            f"ARCH={architecture}",
            f"PYTHON={DEBIAN_PYTHON}",
            f"IMAGE={IMAGE}",
            "DOCKER=buildah",
            f"DOCKER_OPTIONS=--isolation chroot --network host --pull-never --build-arg BASE={BASE}",
        ],
        folder,
    )
