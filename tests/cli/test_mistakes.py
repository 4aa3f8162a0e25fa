"""A newcomer's mistakes: each is one message that says what is wrong and what to do, never a traceback of ours.

Lines of log are left out of what is compared; `<sh>` stands for the temporary script of an `sh>` task.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.goldens.cli_player import SOURCES

ECHO = {"w.dig": "+load:\n  echo>: x\n"}
RESUME = "\nTo go on from here: skydag run w.dig --session 2024-01-01"
HEAD = "\nerror: \n  * +w+load:\n"


def run(folder: Path, files: Mapping[str, str], *argv: str) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "skydag", "run", *argv], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": SOURCES, "HOME": str(folder)})


def told(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines()[1:] if not re.match(r"\d{4}-\d\d-\d\d .* \[", line)]
    text = "\n".join(lines)
    text = text[max(0, text.find("\nerror: \n")):]             # a command of several lines is logged before
    return re.sub(r"\.digdag/tmp/digdag-\w+-\S+?/runner\.sh", "<sh>", text).rstrip()


CASES: Sequence[tuple[str, Mapping[str, str], tuple[str, ...], str]] = (
    ("no such file", ECHO, ("v.dig",), "error: there is no file v.dig; did you mean w.dig?"),
    ("an empty folder", {}, ("w.dig",),
     "error: there is no file w.dig; there is no .dig file in <folder>: 'skydag init' makes an example"),
    ("wrong task name", ECHO, ("w.dig", "+laod"),
     "error: Task pattern '+laod' doesn't match with any tasks; did you mean '+load'?"),
    ("two operators", {"w.dig": "+load:\n  sh>: echo 1\n  py>: a.b\n"}, ("w.dig",),
     "error: w.dig:3:3: A task can't have more than one operator: +w+load has 'sh>' and 'py>'; "
     "move 'py>' into a task of its own"),
    ("bad -p", ECHO, ("w.dig", "-p", "name"), "error: Parameter -p expected a value of the form a=b but got:name"),
    ("a file in a folder", {**ECHO, "sub/x.dig": "+a:\n  echo>: x\n"}, ("sub/x.dig",),
     "error: sub/x.dig is not at the top of the project <folder>: 'cd sub' first, or write 'x.dig --project sub'"),
    ("a file of the project named from here", {**ECHO, "sub/x.dig": "+a:\n  echo>: x\n"},
     ("sub/x.dig", "--project", "sub"),
     "error: there is no file sub/x.dig in the project <folder>/sub, where it is looked for: write 'x.dig'"),
    ("unknown zone", {"w.dig": "timezone: Europe/Berlni\n+load:\n  echo>: x\n"}, ("w.dig",),
     "error: w.dig:1:1: Unknown time zone name: Europe/Berlni; "
     "write a name such as Asia/Tokyo, Europe/Berlin or UTC"),
    ("state folder that cannot be", {**ECHO, "file": ""}, ("w.dig", "-o", "file"),
     "error: task states cannot be kept in <folder>/file/20240101T000000+0000: Not a directory; "
     "choose another folder with -o DIR, or keep none with --no-save"),
    ("missing variable", {"w.dig": "_export:\n  name: x\n+load:\n  echo>: ${nmae}\n"}, ("w.dig",),
     HEAD + "    Failed to evaluate a variable ${nmae} (ReferenceError: \"nmae\" is not defined; "
     "did you mean 'name'?) (config)\n"
     "      (w.dig:3:1)\n"
     "      -> give it a value: '-p nmae=...' or 'nmae: ...' under _export; or correct the name\n" + RESUME),
    ("wrong operator", {"w.dig": "+load:\n  ehco>: hi\n"}, ("w.dig",),
     HEAD + "    Unknown task type: ehco (config)\n      (w.dig:1:1)\n      -> did you mean 'echo>'?\n" + RESUME),
    ("no such module of the project", {"w.dig": "+load:\n  py>: tasks.load.shop\n"}, ("w.dig",),
     HEAD + "    Python command failed with code 1\n"
     "    Error messages from python: No module named 'tasks' (ModuleNotFoundError)\n"
     "    \tfrom ModuleNotFoundError: No module named 'tasks'\n"
     "    \tfrom there is no tasks.py in <folder>; if it is a package, '<python> -m pip install tasks' installs it "
     "(runtime)\n"
     "      py>: tasks.load.shop   (w.dig:1:1)\n"
     "      -> there is no tasks.py (nor tasks/__init__.py) where the task runs: write it, or correct the name\n"
     + RESUME),
    ("script not executable", {"w.dig": "+load:\n  sh>: ./load.sh 1\n", "load.sh": "echo hi\n"}, ("w.dig",),
     HEAD + "    Command failed with code 126 (runtime)\n"
     "      sh>: ./load.sh 1   (w.dig:1:1)\n"
     "      | <sh>: 1: ./load.sh: Permission denied\n"
     "      -> make it executable ('chmod +x ./load.sh'), or run it by its interpreter ('sh ./load.sh', "
     "'python ./load.sh')\n" + RESUME),
    ("no such command", {"w.dig": "+load:\n  sh>: laod.sh 1\n"}, ("w.dig",),
     HEAD + "    Command failed with code 127 (runtime)\n"
     "      sh>: laod.sh 1   (w.dig:1:1)\n"
     "      | <sh>: 1: laod.sh: not found\n"
     "      -> there is no command laod.sh on the PATH; a script of the project is written './laod.sh'\n" + RESUME),
    ("syntax error of the shell", {"w.dig": "+load:\n  sh>: |\n    if true; then\n      echo hi\n"}, ("w.dig",),
     HEAD + "    Command failed with code 2 (runtime)\n"
     "      sh>: if true; then ...   (w.dig:1:1)\n"
     "      | <sh>: 3: Syntax error: end of file unexpected (expecting \"fi\")\n"
     "      -> the shell does not understand the script: the line it names counts from the first of 'sh>'\n" + RESUME),
)


@pytest.mark.parametrize(("name", "files", "argv", "words"), CASES, ids=[case[0] for case in CASES])
def test_a_mistake_is_told_with_what_to_do(
    name: str, files: Mapping[str, str], argv: tuple[str, ...], words: str, tmp_path: Path,
) -> None:
    done = run(tmp_path, files, *argv, "--session", "2024-01-01")
    assert done.returncode == 1
    assert told(done) == words.replace("<folder>", str(tmp_path)).replace("<python>", sys.executable)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("where", ["-L /dev/full", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1",
                                   "--format json >/dev/full"])
def test_a_run_whose_output_goes_to_a_full_disk_does_its_work_and_saves_it(where: str, tmp_path: Path) -> None:
    (tmp_path / "w.dig").write_text("+a:\n  sh>: echo a >> done\n+b:\n  echo>: b\n+c:\n  py>: t.f\n")
    (tmp_path / "t.py").write_text("def f(): print('py')\n")
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m skydag run w.dig --session 2024-01-01 {where}"], cwd=tmp_path,
        capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": SOURCES, "HOME": str(tmp_path)})
    assert (done.returncode, (tmp_path / "done").read_text()) == (0, "a\n"), done.stderr
    assert (tmp_path / ".digdag/status/20240101T000000+0000/+w+c.yml").is_file()
    assert ("warning: not all that was told could be written: No space left on device" in done.stderr) == (
        where in ("-L /dev/full", ">/dev/full"))


def test_a_workflow_may_be_a_link_within_the_project_and_one_that_leads_out_is_named(tmp_path: Path) -> None:
    project = tmp_path / "project"
    files = {"shared/x.dig": "+a:\n  echo>: linked\n"}
    project.mkdir()
    (project / "in.dig").symlink_to("shared/x.dig")
    assert run(project, files, "in.dig", "--no-save").stdout == "linked\n"
    (tmp_path / "x.dig").write_text(files["shared/x.dig"])
    (project / "out.dig").symlink_to("../x.dig")
    assert told(run(project, {}, "in.dig", "--no-save")) == (
        f"error: out.dig in {project} is a link that leads out of the project: put the file itself there")


@pytest.mark.parametrize(("module", "words"), [
    ("import pandaz\n", "-> install it for the Python that runs the task ('python -m pip install pandaz'), or name "
                        "that Python with 'python: PATH'"),
    ("def shop(:\n  pass\n", "Error messages from python: invalid syntax (tasks.py, line 1) (SyntaxError)"),
    ("def shup():\n  pass\n", "-> 'shop' is not defined in tasks.py: look at the names there"),
])
def test_a_mistake_in_python_names_the_users_file_and_no_frame_of_ours(module: str, words: str, tmp_path: Path) -> None:
    done = run(tmp_path, {"w.dig": "+load:\n  py>: tasks.shop\n", "tasks.py": module}, "w.dig", "--no-save")
    assert done.returncode == 1
    assert words in done.stderr
    assert "skydag_operators" not in done.stderr and os.fspath(Path(SOURCES.split(os.pathsep)[0])) not in done.stderr


@pytest.mark.parametrize(("shell", "out"), [
    ("skydag run w.dig --no-save >&-", ""), ("skydag run w.dig --no-save 2>&-", "a\nb\n"),
    ("skydag run w.dig --no-save <&- 2>&-", "a\nb\n"), ("skydag run w.dig --no-save | true; exit $PIPESTATUS", ""),
])
def test_a_run_whose_output_nobody_reads_goes_on_to_its_end(shell: str, out: str, tmp_path: Path) -> None:
    (tmp_path / "w.dig").write_text("+a:\n  sh>: sleep 0.1; echo a\n+b:\n  echo>: b\n")
    program = f"skydag() {{ {sys.executable} -m skydag \"$@\"; }}; {shell}"
    done = subprocess.run(["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "PYTHONPATH": SOURCES, "HOME": str(tmp_path)})
    assert (done.returncode, done.stdout) == (0, out)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
