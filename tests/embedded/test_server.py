"""`skydag server` as a process: ready line, REST API, tasks by themselves, a clean end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.embedded.test_journey import CHAIN, archive

from skydag import __version__

WAIT_S = 30
BANNER = f"skydag v{__version__}"           # every command begins with it


def server(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [sys.executable, "-m", "skydag", "server", *arguments], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ready(process: subprocess.Popen[str]) -> str:
    """The address that the ready line names."""
    assert process.stdout is not None
    for line in process.stdout:
        found = re.fullmatch(r"skydag server ready on (http://127\.0\.0\.1:\d+)\n", line)
        if found:
            return found[1]
    assert process.stderr is not None
    raise AssertionError(f"never ready: {process.stderr.read()}")


@pytest.fixture
def running() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = server("-n", "0")
    try:
        yield process, ready(process)
    finally:
        process.kill()
        process.communicate()


def ask(address: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
    request = urllib.request.Request(
        address + path, data=body, method="GET" if body is None else "PUT", headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return json.load(answer)


def test_tasks_progress_by_themselves_and_sigterm_ends_it_cleanly(
    running: tuple[subprocess.Popen[str], str],
) -> None:
    process, address = running
    ask(address, "/api/projects?project=p&revision=r", archive({"chain.dig": CHAIN}), "application/gzip")
    (workflow,) = ask(address, "/api/workflows")["workflows"]
    body = {"workflowId": workflow["id"], "sessionTime": "2025-03-01T00:00:00Z", "params": {}}
    attempt = ask(address, "/api/attempts", json.dumps(body).encode())["id"]
    until = time.monotonic() + WAIT_S
    while not (found := ask(address, f"/api/attempts/{attempt}"))["done"]:
        assert time.monotonic() < until, ask(address, f"/api/attempts/{attempt}/tasks")
    assert found["status"] == "success"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=WAIT_S)
    said = [line for line in err.splitlines() if not line.endswith(BANNER)]
    assert (process.returncode, out, said) == (0, "", [])


def test_sigterm_does_not_wait_for_a_long_script(running: tuple[subprocess.Popen[str], str]) -> None:
    process, address = running
    project = archive({"long.dig": "+a: {sh>: sleep 600}\n"})
    ask(address, "/api/projects?project=p&revision=r", project, "application/gzip")
    (workflow,) = ask(address, "/api/workflows")["workflows"]
    body = {"workflowId": workflow["id"], "sessionTime": "2025-03-01T00:00:00Z", "params": {}}
    attempt = ask(address, "/api/attempts", json.dumps(body).encode())["id"]
    until = time.monotonic() + WAIT_S
    while ask(address, f"/api/attempts/{attempt}/tasks")["tasks"][1]["state"] != "running":
        assert time.monotonic() < until
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 0


def test_a_port_in_use_is_refused_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = server("-n", str(port))
        _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in err
    assert "-n" in err and "Traceback" not in err
