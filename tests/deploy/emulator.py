"""MiniStack as a context: started on a free port of loopback, ended with everything it started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REGION = "us-east-1"
ACCOUNT = "000000000000"
START_S_MAX = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    url: str
    folder: Path
    log: Path
    docker_host: str | None  # socket for container tasks, None where there is no podman

    @property
    def environment(self) -> dict[str, str]:
        """For clients and the SAM CLI: everything goes to the emulator, nothing of the user's is read."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
            "SAM_CLI_TELEMETRY": "0",
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def emulator(folder: Path, python: Path, docker_host: str | None) -> Iterator[Emulator]:
    """Runs shims.py on `python`, with IAM enforced. Its log stays in `folder` afterwards."""
    work = folder / "run"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    port, log = free_port(), folder / "emulator.log"
    settings = {
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(work),
        "STATE_DIR": str(work / "state"),
        "S3_DATA_DIR": str(work / "s3"),
        **({"DOCKER_HOST": docker_host} if docker_host else {}),
    }
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SKYDAG_", "PYTHON"))
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [python, HERE / "shims.py"],
            cwd=work,
            env={**inherited, **settings},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, f"{url}/_ministack/health", log)
        yield Emulator(url=url, folder=folder, log=log, docker_host=docker_host)
    finally:
        _end_group(process)  # its Lambda workers outlive a plain SIGTERM
        shutil.rmtree(work, ignore_errors=True)


def _wait_until_ready(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the emulator did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def run(argv: list[str | Path], *, cwd: Path, env: Mapping[str, str]) -> str:
    """Output of a command; its failure shows all of it."""
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout
