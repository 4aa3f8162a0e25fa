"""A command's process is the same whichever way it was started, and its end is known to all who wait for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from tests.goldens.cli_player import SOURCES

from skydag.local import processes
from skydag.local.processes import Started, start

PORTRAIT = """\
import json, os, signal, sys
print(json.dumps({
    "argv": sys.orig_argv, "cwd": os.getcwd(), "environment": dict(os.environ), "umask": os.umask(0o22),
    "session": [os.getsid(0), os.getpgid(0)] == [os.getpid()] * 2,
    "stdin": os.readlink("/proc/self/fd/0"), "is_one_output": os.fstat(1) == os.fstat(2),
    "files": [n for n in os.listdir("/proc/self/fd") if int(n) > 2 and os.path.exists("/proc/self/fd/" + n)],
    "ignored": [s for s in signal.valid_signals() if signal.getsignal(s) is signal.SIG_IGN],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
}))
"""


@pytest.fixture(params=["as usual", "by subprocess"])
def begin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Started]:
    if request.param == "by subprocess":
        monkeypatch.setattr(processes, "_quickly", lambda *_: None)
    return start


@pytest.fixture
def handed_on() -> Iterator[int]:
    """A descriptor that any child would inherit."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


def children() -> set[str]:
    """Of this process, ended ones that nobody has waited for among them; other tests may have some."""
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def output(process: Started) -> str:
    with os.fdopen(process.output) as file:
        return file.read()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_o87_a_process_finds_the_same_however_it_was_started(
    tmp_path: Path, handed_on: int, monkeypatch: pytest.MonkeyPatch,
) -> None:
    argv = [sys.executable, "-c", PORTRAIT, "a b", "ö", "\udcff"]
    env = {"A": "b c", "ö": "\udcff", "EMPTY": "", "LANG": "C.UTF-8"}
    seen = []
    for quickly in (processes._quickly, lambda *_: None):
        monkeypatch.setattr(processes, "_quickly", quickly)
        process = start(argv, cwd=tmp_path, env=env)
        seen.append(json.loads(output(process)))
        assert process.wait() == 0
    assert seen[0] == seen[1]
    assert (seen[0]["cwd"], seen[0]["files"], seen[0]["session"]) == (str(tmp_path), [], True)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="subprocess does it all there")
def test_a_program_with_a_path_needs_no_subprocess(tmp_path: Path) -> None:
    code = ("import os, sys\nfrom pathlib import Path\nfrom skydag.local.processes import start\n"
            "assert start(['/bin/sh', '-c', 'exit 3'], cwd=Path.cwd(), env={}).wait() == 3\n"
            "assert 'subprocess' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": SOURCES}, check=True)


@pytest.mark.parametrize(("program", "error"), [
    ("{0}/none", FileNotFoundError), ("none", FileNotFoundError), ("{0}/text", PermissionError),
    ("{0}/no_program", OSError),
])
def test_what_cannot_be_started_is_an_error_and_leaves_nothing(
    program: str, error: type[OSError], begin: Callable[..., Started], tmp_path: Path,
) -> None:
    (tmp_path / "text").write_text("x")
    (tmp_path / "no_program").write_text("x")
    (tmp_path / "no_program").chmod(0o700)
    processes._nothing()
    others, before = children(), os.dup(0)
    with pytest.raises(error):
        begin([program.format(tmp_path)], cwd=tmp_path, env={"PATH": "/bin"})
    with pytest.raises(FileNotFoundError):
        begin(["/bin/sh"], cwd=tmp_path / "nowhere", env={})
    after = os.dup(0)
    os.close(before)
    os.close(after)
    assert after == before + 1, "no descriptor is left"
    assert children() <= others


def test_a_process_of_ours_whose_standard_streams_are_closed_starts_commands_as_any_other(tmp_path: Path) -> None:
    code = ("import os, sys\nfrom pathlib import Path\nfrom skydag.local.processes import start\n"
            "for n in range(3): os.close(n)\n"
            "process = start(['/bin/sh', '-c', 'cat; echo out; echo err >&2'], cwd=Path.cwd(), env={})\n"
            "text = b''.join(iter(lambda: os.read(process.output, 100), b''))\nprocess.wait()\n"
            "os._exit(text != b'out\\nerr\\n')")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": SOURCES}, check=True)


def test_the_end_is_known_to_each_who_waits_and_nobody_waits_longer_than_he_wants(
    begin: Callable[..., Started], tmp_path: Path,
) -> None:
    process = begin(["/bin/sh", "-c", "exec sleep 600"], cwd=tmp_path, env={"PATH": "/bin:/usr/bin"})
    assert (process.poll(), process.wait(0), process.wait(0.001)) == (None, None, None)
    codes: list[int | None] = []
    threads = [Thread(target=lambda wait_s=wait_s: codes.append(process.wait(wait_s))) for wait_s in (None, None, 60)]
    for thread in threads:
        thread.start()
    os.killpg(process.pid, signal.SIGTERM)
    for thread in threads:
        thread.join(30)
    os.close(process.output)
    assert codes == [-signal.SIGTERM] * 3
    assert (process.poll(), process.wait()) == (-signal.SIGTERM, -signal.SIGTERM)


def test_an_end_that_somebody_else_has_taken_note_of_is_an_end(begin: Callable[..., Started], tmp_path: Path) -> None:
    process = begin(["/bin/sh", "-c", "exit 3"], cwd=tmp_path, env={})
    os.waitpid(process.pid, 0)
    os.close(process.output)
    assert process.wait() == 0                      # as subprocess says: nobody knows any better


def test_a_python_whose_call_wants_other_arguments_starts_processes_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def other(*_: object) -> int:
        raise TypeError("fork_exec expected 22 arguments")

    monkeypatch.setattr("_posixsubprocess.fork_exec", other)
    monkeypatch.setattr(processes, "_by_subprocess", lambda *_: subprocess.Popen(["/bin/true"]).pid)
    process = start(["/bin/sh", "-c", "exit 7"], cwd=tmp_path, env={})
    os.close(process.output)
    assert process.wait() == 0
