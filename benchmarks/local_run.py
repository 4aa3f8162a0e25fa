"""What `skydag run` costs: start-up, many small tasks, commands, memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final

from benchmarks.measure import TRIES, Row, bare_s, best, folder, memory_mb, python
from skydag.local.pool import FIRST

BARE: Final = "x python -c pass"
FIBO: Final = "def fibo(n):\n    return n if n < 2 else fibo(n - 1) + fibo(n - 2)\n\n\ndef f(n):\n    print(fibo(n))\n"
SIDE_BY_SIDE: Final = "_parallel: true\n"


def tasks(count: int, body: str) -> str:
    """`count` tasks; N in the body is their number."""
    return "".join(f"+t{n}: {{{body.replace('N', str(n))}}}\n" for n in range(count))


def project(name: str, text: str) -> Path:
    """A folder of its own: a run loads all workflows of its folder."""
    made = folder() / name
    made.mkdir(exist_ok=True)
    (made / "w.dig").write_text(text)
    (made / "m.py").write_text(FIBO)
    return made


def run(where: Path, *options: str) -> Callable[[], object]:
    return lambda: python("-m", "skydag", "run", "w", *options, cwd=where)


def one_task() -> object:
    return run(project("one", tasks(1, "echo>: hello N")), "--no-save")()


@cache
def one_s() -> float:
    return best(one_task, 2 * TRIES)


def in_turns(*calls: Callable[[], object], tries: int) -> list[float]:
    """Seconds of the best of each; they take turns, since the machine is not always as fast."""
    times = [[best(call, 1) for call in calls] for _ in range(tries)]
    return [min(column) for column in zip(*times, strict=True)]


def beyond_start(name: str, text: str, *options: str, tries: int = TRIES) -> float:
    """Seconds of a run beyond those of a run of one task."""
    long, short = in_turns(run(project(name, text), *options), one_task, tries=tries)
    return long - short


@cache
def wide_s(count: int) -> float:
    tries = 5 if count < 5_000 else 2
    return beyond_start(f"wide{count}", SIDE_BY_SIDE + tasks(count, "echo>: hello N"), "--rerun", tries=tries)


def bare_files_s(count: int = 1_000) -> float:
    """As states are written: whole, or not at all."""
    where = folder() / "files"

    def write() -> None:
        where.mkdir()
        for number in range(count):
            part = where / f"+w+t{number}.part"
            part.write_text(f"fullName: +w+t{number}\n" + "x" * 180)
            part.rename(where / f"+w+t{number}.yml")
        shutil.rmtree(where)

    return best(write)


def commands_ms() -> float:
    """Milliseconds a task of `sh>` beyond the same processes without skydag."""
    count = 1_000
    environment_of_commands()
    long, short, bare = in_turns(
        run(project("sh", SIDE_BY_SIDE + tasks(count, 'sh>: "true"')), "--no-save"), one_task,
        lambda: bare_commands(count), tries=4)
    return (long - short - bare) / count * 1e3


@cache
def environment_of_commands() -> dict[str, str]:
    """What a command of `sh>` finds: the variables of the run, and the parameters of its task."""
    where = project("environment", f"+t: {{sh>: '\"{sys.executable}\" tell.py'}}\n")
    (where / "tell.py").write_text("import json, os\njson.dump(dict(os.environ), open('environment.json', 'w'))\n")
    run(where, "--no-save")()
    found: dict[str, str] = json.loads((where / "environment.json").read_text())
    return found


def bare_commands(count: int) -> None:
    """As `sh>` starts them: a file for the shell, a directory, the same environment, the output captured."""
    where = folder() / "bare"
    where.mkdir(exist_ok=True)
    (where / "runner.sh").write_text("true")
    env = environment_of_commands()

    def one(_: int) -> None:
        with subprocess.Popen(["/bin/sh", "runner.sh"], cwd=where, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as child:
            child.communicate()

    with ThreadPoolExecutor(FIRST) as pool:
        list(pool.map(one, range(count)))


def python_tasks_s() -> float:
    return beyond_start("py", SIDE_BY_SIDE + tasks(40, "py>: m.f, n: 10"), "--no-save")


def bare_python_tasks() -> None:
    """The same functions, each in an interpreter that is started for it."""
    where = project("py", SIDE_BY_SIDE + tasks(40, "py>: m.f, n: 10"))
    with ThreadPoolExecutor(FIRST) as pool:
        list(pool.map(lambda _: python("-c", "import m; m.f(10)", cwd=where), range(40)))


MOMENT: Final = "echo>: \"${moment(session_time).add(N, 'days').format('YYYY-MM-DD')}\""

ROWS: Final = (
    Row(name="skydag --version", unit=BARE, limit=3, digits=1,
        measure=lambda: best(lambda: python("-m", "skydag", "--version"), 2 * TRIES) / bare_s()),
    Row(name="a run of one task", unit=BARE, limit=10, digits=1, digdag="1.9 s",
        measure=lambda: one_s() / bare_s()),
    Row(name="a chain of 100 echo>, beyond start-up", unit="ms", limit=60, digdag="26 s",
        measure=lambda: beyond_start("chain", tasks(100, "echo>: hello N"), "--no-save") * 1e3),
    Row(name="1,000 echo> in parallel, states written, beyond start-up", unit="s", limit=0.4, digits=2,
        digdag="5.9 s for 900", measure=lambda: wide_s(1_000)),
    Row(name="10,000 of them", unit="x 1,000 of them", limit=12, digits=1,
        measure=lambda: wide_s(10_000) / wide_s(1_000)),
    Row(name="1,000 files as large as states, written whole by Python alone", unit="s", digits=2, measure=bare_files_s),
    Row(name="300 tasks with Moment expressions in parallel, beyond start-up", unit="s", limit=0.5, digits=2,
        measure=lambda: beyond_start("moment", SIDE_BY_SIDE + tasks(300, MOMENT), "--no-save")),
    Row(name="the same one after another", unit="s", limit=0.5, digits=2,
        measure=lambda: beyond_start("moments", tasks(300, MOMENT), "--no-save")),
    Row(name="1,000 sh>: \"true\" in parallel, beyond the bare commands", unit="ms a task", limit=0.6, digits=2,
        digdag="6.6 s for 900", measure=commands_ms),
    Row(name="40 py> of fibo(10) in parallel, beyond start-up", unit="s", limit=0.25, digits=2, digdag="4.4 s",
        measure=python_tasks_s),
    Row(name="40 interpreters started for fibo(10), eight at a time", unit="s", digits=2,
        measure=lambda: best(bare_python_tasks, 3)),
    Row(name="memory of a run of 10,000 echo> in parallel", unit="MB", limit=150,
        measure=lambda: memory_mb("-m", "skydag", "run", "w", "--no-save", cwd=project(
            "wide10000", SIDE_BY_SIDE + tasks(10_000, "echo>: hello N")))),
)
