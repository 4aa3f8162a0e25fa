"""Python programs forked from an interpreter that has them loaded: to the program there is no difference."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.goldens.cli_player import SOURCES

from skydag.local.commands import Children, LocalCommands
from skydag.local.forks import PythonServers, interpreter
from skydag.spi import Outcome

PROGRAM = """\
import json, os, sys
sys.path[:] = [*sys.path[1:], os.getcwd()]
exec(json.loads(sys.argv[1]))
"""
PORTRAIT = """\
import __main__, signal, threading, resource
def shown(handler): return getattr(handler, "__name__", str(handler))
names = [n for n in os.environ if n != "_"]
print(json.dumps({
    "environment": {n: os.environ[n] for n in names}, "cwd": os.getcwd(), "path": sys.path, "argv": sys.argv[:1],
    "orig_argv": sys.orig_argv[:2], "flags": str(sys.flags), "warnings": sys.warnoptions, "xoptions": sys._xoptions,
    "signals": {int(s): shown(signal.getsignal(s)) for s in signal.valid_signals()},
    "wakeup": signal.set_wakeup_fd(-1), "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "leads": os.getsid(0) == os.getpid() == os.getpgid(0),
    "stdin": sys.stdin.read(), "stdin_is": os.readlink("/proc/self/fd/0"),
    "files": [n for n in os.listdir("/proc/self/fd") if int(n) > 2 and os.path.exists("/proc/self/fd/" + n)],
    "same": os.fstat(1) == os.fstat(2), "encoding": [sys.stdout.encoding, sys.stdout.errors], "umask": os.umask(0o22),
    "limits": [resource.getrlimit(n) for n in range(10)], "nice": os.nice(0),
    "main": [__main__.__name__, __main__.__spec__, __main__.__doc__, hasattr(__main__, "serve")],
    "threads": threading.active_count(), "user": os.getuid(), "executable": sys.executable, "prefix": sys.prefix,
}))
"""


class Runs:
    """Runs bits of Python by `argv` as `py>` does, in a folder of their own; `lines` is what they print."""

    def __init__(self, folder: Path, environment: dict[str, str], *, serves_from: int = 1) -> None:
        self.folder, self.lines = folder, list[str]()
        self.program = folder / "program.py"
        self.program.write_text(PROGRAM)
        self.children = Children()
        self.servers = PythonServers(environment, serves_from=serves_from)
        self.commands = LocalCommands(self._write, environment, children=self.children, forks=lambda: self.servers)
        self.write: Callable[[str], None] | None = None

    def _write(self, text: str) -> None:
        self.lines += text.split("\n")
        if self.write is not None:
            self.write(text)

    def __call__(self, text: str, *, python: tuple[str, ...] = (sys.executable,), env: dict[str, str] | None = None,
                 cwd: Path | None = None, forked: bool = True) -> Outcome:
        where = cwd or self.folder
        return self.commands([*python, os.path.relpath(self.program, where), json.dumps(text)], cwd=where,
                             env=env or {}, preload=self.program if forked else None)

    def said(self, text: str, **how: Any) -> str:
        """The last line that it prints."""
        outcome = self(text, **how)
        assert outcome == Outcome(code=0), (outcome, self.lines)
        return self.lines[-1]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path, dict(os.environ))
    yield made
    made.servers.close()


def parent(runs: Runs, **how: Any) -> int:
    return int(runs.said("print(os.getppid())", **how))


def test_a_forked_process_finds_what_a_started_one_finds(runs: Runs) -> None:
    python = (sys.executable, "-W", "error", "-B")
    started, forked = (json.loads(runs.said(PORTRAIT, forked=is_forked, env={"A": "b"}, python=python))
                       for is_forked in (False, True))
    assert forked == started


def test_the_first_of_a_kind_is_started_and_those_after_it_are_forked(tmp_path: Path) -> None:
    runs = Runs(tmp_path, dict(os.environ), serves_from=2)
    parents = [parent(runs) for _ in range(3)]
    runs.servers.close()
    assert parents[0] == os.getpid()
    assert parents[1] == parents[2] != os.getpid()


def test_nothing_of_a_task_is_left_for_the_next(runs: Runs) -> None:
    runs("import statistics, json\njson.mine = 1\nos.environ['X'] = '1'\nos.chdir('/')\nsys.path.append('x')\n"
         "os.umask(0)\nimport builtins, signal\nbuiltins.mine = 1\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)")
    assert runs.said("import signal\nprint(['statistics' in sys.modules, hasattr(json, 'mine'), 'X' in os.environ, "
                     "os.getcwd(), 'x' in sys.path, os.umask(0) == 0, 'mine' in dir(__builtins__), "
                     "signal.getsignal(signal.SIGTERM) == 0])") == str(
        [False, False, False, str(runs.folder), False, False, False, True])


def test_modules_that_changed_or_came_between_two_tasks_are_seen(runs: Runs) -> None:
    (runs.folder / "mine.py").write_text("x = 1")
    assert runs.said("import mine; print(mine.x)") == "1"
    (runs.folder / "mine.py").write_text("x = 22")
    (runs.folder / "other.py").write_text("y = 3")
    assert runs.said("import mine, other; print(mine.x, other.y)") == "22 3"


def test_variables_read_at_the_start_of_an_interpreter_start_one(runs: Runs) -> None:
    server = parent(runs)
    assert parent(runs, env={"TOKEN": "t"}) == server
    for name in ("PYTHONPATH", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "TZ", "LC_ALL", "HOME"):
        assert parent(runs, env={name: os.environ.get(name, "0")}) == os.getpid(), name


def test_each_interpreter_with_its_options_and_directory_has_a_server_of_its_own(runs: Runs) -> None:
    (runs.folder / "sub").mkdir()
    servers = [parent(runs), parent(runs, python=(sys.executable, "-B")), parent(runs, cwd=runs.folder / "sub")]
    assert len({*servers, os.getpid()}) == 4
    assert runs.said("print(os.getcwd(), sys.flags.dont_write_bytecode)", cwd=runs.folder / "sub",
                     python=(sys.executable, "-B")) == f"{runs.folder / 'sub'} 1"


@pytest.mark.parametrize(("text", "outcome"), [
    ("sys.exit(3)", Outcome(code=3)), ("sys.exit('why')", Outcome(code=1)), ("os._exit(4)", Outcome(code=4)),
    ("raise ValueError", Outcome(code=1)), ("sys.exit(-1)", Outcome(code=255)),
    ("os.kill(os.getpid(), 9)", Outcome(code=137, reason="killed by signal 9 (out of memory?)")),
    ("os.kill(os.getpid(), 15)", Outcome(code=143, reason="killed by signal 15")),
    ("os.kill(os.getpid(), 2)", Outcome(code=130, reason="killed by signal 2")),
])
def test_exit_codes_and_deaths_are_those_of_the_task(text: str, outcome: Outcome, runs: Runs) -> None:
    assert runs(text) == runs(text, forked=False) == outcome


def test_what_a_task_leaves_to_its_interpreters_end_is_done(runs: Runs) -> None:
    text = ("import atexit, threading, time, signal\n"
            "class Last:\n    def __del__(self): print('given up', flush=True)\n"
            "last = Last()\natexit.register(print, 'at exit')\nfile = open('left_open', 'w')\nfile.write('all')\n"
            "signal.signal(signal.SIGUSR1, lambda *_: last)\n"
            "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\nprint('end')")
    for forked in (False, True):
        runs.lines.clear()
        assert runs(text, forked=forked).code == 0
        assert runs.lines == ["end", "thread", "at exit", "given up"]
        assert (runs.folder / "left_open").read_text() == "all"
        (runs.folder / "left_open").unlink()


def test_lines_come_while_the_task_runs(runs: Runs) -> None:
    go_on = runs.folder / "go on"
    runs.write = lambda text: go_on.touch()
    assert runs.said("print('begun', flush=True)\nimport time\n"
                     "while not os.path.exists('go on'): time.sleep(0.01)\nprint('done')") == "done"


def test_forked_tasks_are_ended_with_all_below_them(runs: Runs) -> None:
    begun = threading.Event()
    runs.write = lambda text: begun.set()
    ended: list[Outcome] = []
    task = threading.Thread(target=lambda: ended.append(runs(
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nprint(child.pid, flush=True)\nchild.wait()")))
    task.start()
    assert begun.wait(30)
    runs.children.end_all()
    task.join(30)
    assert ended == [Outcome(code=143, reason="killed by signal 15")]
    assert is_gone(int(runs.lines[0]))


def test_a_task_whose_server_dies_is_ended_and_the_next_is_started(runs: Runs) -> None:
    assert runs("os.kill(os.getppid(), 9)\nimport time\ntime.sleep(600)") == Outcome(
        code=137, reason="killed by signal 9 (out of memory?)")
    assert runs.said("print('still')") == "still"


def test_an_interpreter_that_cannot_serve_is_started_each_time(runs: Runs) -> None:
    other = runs.folder / "python3"
    other.write_text(f"#!/bin/sh\necho from a script\nexec {sys.executable} \"$@\"\n")
    other.chmod(0o755)
    for _ in range(2):
        runs.lines.clear()
        assert runs.said("print('done')", python=(str(other),)) == "done"
        assert runs.lines[0] == "from a script"
    other.write_text(f"#!/bin/sh\ncase $1 in *server*) exit 1;; esac\nexec {sys.executable} \"$@\"\n")
    assert runs.said("print('done')", python=(str(other),)) == "done"


def test_what_an_interpreter_loads_at_its_start_is_loaded_anew_once_it_changed(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    runs = Runs(tmp_path, {**os.environ, "PYTHONPATH": str(tmp_path / "lib")})
    said = "print(getattr(sys, 'mine', None), os.getppid())"
    none, first = runs.said(said).split()
    customized = tmp_path / "lib" / "sitecustomize.py"
    customized.write_text("import sys\nsys.mine = 1")
    one, started = runs.said(said).split()
    again, second = runs.said(said).split()
    runs.servers.close()
    assert (none, one, again) == ("None", "1", "1")
    assert int(started) == os.getpid()
    assert len({first, started, second}) == 3


@pytest.mark.parametrize("age_s", [0, 1_000])
def test_o183_a_package_that_came_while_the_server_ran_is_found_whatever_was_looked_through_before(
    age_s: int, tmp_path: Path,
) -> None:
    """A folder whose last change is some time ago is looked through once, for all tasks."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    os.utime(packages, (time.time() - age_s,) * 2)
    runs = Runs(tmp_path, {**os.environ, "PYTHONPATH": str(packages)})
    look = ("try:\n import brought\n print(brought.x, os.getppid())\n"
            "except ImportError:\n print(None, os.getppid())")
    (before, server), (same, once_more) = runs.said(look).split(), runs.said(look).split()
    (packages / "brought.py").write_text("x = 1")
    after, _ = runs.said(look).split()
    runs.servers.close()
    assert (before, same, after) == ("None", "None", "1")
    assert server == once_more != str(os.getpid())


@pytest.mark.parametrize(("argv", "count"), [
    ("python x.py", 1), ("/usr/bin/python3.11 -B -W error -X dev x.py", 6), ("python -Wd -Xutf8 -uI x.py", 4),
    ("env python x.py", None), ("timeout 9 python x.py", None), ("python -m cProfile x.py", None), ("python", None),
    ("python -X importtime x.py", None), ("python -v x.py", None), ("pypy x.py", None), ("python -c pass x.py", None),
])
def test_only_what_is_an_interpreter_by_its_words_is_served(argv: str, count: int | None) -> None:
    assert interpreter(argv.split()) == count


WORKFLOW = "+one: {py>: m.f}\n+two: {py>: m.f}\n+three: {py>: m.f, wait: true}\n"
MODULE = """\
import os, time
def f(wait=False):
    print(os.getppid(), flush=True)
    print(os.getpid(), flush=True)
    while wait:
        time.sleep(0.01)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "w.dig").write_text(WORKFLOW.replace("py>: m.f", f"py>: m.f, python: {sys.executable}"))
    (tmp_path / "m.py").write_text(MODULE)
    return tmp_path


def skydag(*options: str) -> list[str]:
    return [sys.executable, "-m", "skydag", "run", "w", "--no-save", *options]


def is_gone(process: int) -> bool:
    """Whether there is no such process any more, after some time for its end."""
    wait = threading.Event()
    for _ in range(500):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{process}/stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        wait.wait(0.01)
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_ends_with_the_run_also_with_one_that_is_killed(number: signal.Signals, project: Path) -> None:
    run = subprocess.Popen(skydag(), cwd=project, env={**os.environ, "PYTHONPATH": SOURCES}, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with run:
        assert run.stdout is not None
        started, _, server, _, same, task = (int(run.stdout.readline()) for _ in range(6))
        assert started == run.pid != server == same
        run.send_signal(number)
        assert is_gone(server)
    if number == signal.SIGKILL:                # as with commands of any kind, nobody is there to end it
        os.kill(task, signal.SIGKILL)
    assert is_gone(task)


def test_a_setting_turns_it_off(project: Path) -> None:
    (project / "w.dig").write_text((project / "w.dig").read_text().replace(", wait: true", ""))
    done = subprocess.run(skydag("-X", "agent.py.fork=false"), cwd=project, env={**os.environ, "PYTHONPATH": SOURCES},
                          text=True, capture_output=True, check=True)
    assert len(set(done.stdout.split()[::2])) == 1
    refused = subprocess.run(skydag("-X", "agent.py.fork=maybe"), cwd=project, text=True, capture_output=True,
                             env={**os.environ, "PYTHONPATH": SOURCES}, check=False)
    assert refused.returncode == 1
    assert "Property agent.py.fork takes true or false, not 'maybe'" in refused.stderr
