"""A local run: what it skips, what it saves, what it tells (cli.md section 4, engine.md section 18)."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from skydag.bootstrap import SystemChance, system_clock
from skydag.cli.options import COMMON
from skydag.cli.options import read as read_options
from skydag.cli.run import COMMAND, read
from skydag.errors import ConflictError, InvalidError
from skydag.local import saved
from skydag.local.left_over import at_work
from skydag.local.lock import RunLock
from skydag.local.run import run

SESSION = ("--session", "2024-01-01")
STATES = Path(".digdag/status/20240101T000000+0000")
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "run.schema.json").read_text())


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(text: str, *argv: str, env: Mapping[str, str] | None = None) -> Ran:
    """Runs w.dig with this text, in this process, in the current directory."""
    Path("w.dig").write_text(text)
    out, err = StringIO(), StringIO()
    session = () if "--session" in argv else SESSION
    options = read(read_options(["w.dig", *session, *argv], (*COMMAND.options, *COMMON)))
    code = run(options, now=system_clock, chance=SystemChance(), out=out, err=err,
               env={"PATH": os.environ["PATH"], "HOME": str(Path.cwd()), **(env or {})})
    return Ran(code, out.getvalue(), err.getvalue())


def files() -> list[str]:
    return sorted(path.name for path in STATES.glob("*")) if STATES.is_dir() else []


SEQUENCE = "+a:\n  echo>: a\n+b:\n  echo>: b\n+c:\n  echo>: c\n"


def test_what_was_passed_over_is_not_saved_and_runs_next_time_C_27(project: Path) -> None:
    assert ran(SEQUENCE, "--goal", "+b").out == "a\nb\n"
    assert files() == ["+w+a.yml", "+w+b.yml"]                  # neither +c, nor the root that it lies in
    assert ran(SEQUENCE).out == "c\n"


def test_what_an_allowed_task_generates_runs_and_goal_needs_no_states_C_27_K_12(project: Path) -> None:
    text = "+a:\n  loop>: 2\n  _do:\n    echo>: a${i}\n+b:\n  echo>: b\n"
    assert ran(text, "--goal", "+a", "--no-save").out == "a0\na1\n"
    assert ran(text, "--end", "+b", "--no-save").out == "a0\na1\n"
    assert not Path(".digdag/status").exists()


def test_a_failed_run_goes_on_where_it_stopped_with_what_was_stored_before(project: Path) -> None:
    Path("tasks.py").write_text("import digdag\ndef keep():\n    digdag.env.store({'rows': 12})\n")
    first = "+a:\n  py>: tasks.keep\n  python: python3\n+b:\n  fail>: broken\n"
    assert ran(first).code == 1
    assert "storeParams: {\"rows\": 12}" in (STATES / "+w+a.yml").read_text()
    mended = ran(first.replace("fail>: broken", "echo>: ${rows} rows"))
    assert mended.out == "12 rows\n"
    assert "(+w+a): Skipped" in mended.err


def test_a_skipped_task_generates_its_tasks_again_and_their_stores_are_seen_E_143_D_99(project: Path) -> None:
    Path("tasks.py").write_text("import digdag\ndef keep():\n    digdag.env.store({'v': 7})\n")
    text = "+a:\n  if>: true\n  _do:\n    py>: tasks.keep\n    python: python3\n+b:\n  echo>: ${v}\n"
    assert ran(text).out == "7\n"
    (STATES / "+w+b.yml").unlink()
    again = ran(text)
    assert again.out == "7\n"
    assert again.err.count("Skipped") == 2                      # +a, and what it generated


def test_a_task_that_fails_loses_the_file_of_an_earlier_success(project: Path) -> None:
    assert ran(SEQUENCE).code == 0
    assert ran(SEQUENCE.replace("echo>: b", "fail>: no"), "--rerun").code == 1
    assert "+w+b.yml" not in files()
    assert ran(SEQUENCE).out == "b\n"


def test_a_task_is_saved_when_its_check_has_passed_not_before(project: Path) -> None:
    text = "+a:\n  echo>: a\n  _check:\n    fail>: no\n"
    assert ran(text).code == 1
    assert "+w+a.yml" not in files()
    assert ran(text.replace("fail>: no", "echo>: fine")).out == "a\nfine\n"
    assert {"+w+a.yml", "+w+a^check.yml"} <= set(files())


def test_nothing_is_left_of_a_run_that_saved_nothing_but_its_folder(project: Path) -> None:
    assert ran("+a:\n  fail>: no\n").code == 1
    assert files() == []
    done = ran(SEQUENCE)
    assert files() == ["+w+a.yml", "+w+b.yml", "+w+c.yml", "+w.yml"]           # and no lock, nothing half written
    assert done.err.endswith("--goal +NAME argument to rerun skipped tasks.\n")
    assert f"Success. Task state is saved at {STATES} directory." in done.err


# --- state files -----------------------------------------------------------------------------------------------------

def test_a_state_file_is_yaml_as_digdag_writes_it_C_25(project: Path) -> None:
    import yaml

    ran(SEQUENCE)
    assert yaml.safe_load((STATES / "+w+a.yml").read_text()) == {
        "fullName": "+w+a", "state": "success", "result": {
            "subtaskConfig": {}, "exportParams": {}, "resetStoreParams": [], "storeParams": {},
            "report": {"inputs": [], "outputs": []}}}


@pytest.mark.parametrize("value", [
    {"a": [1, 1.5, True, None, "x"]}, {"big": 1e300, "small": 1e-7}, {"text": "a\nb: \"c\" '\t\x85\u2028é😀\ufeff"},
    {"key: with colon": {"-": "#"}}, {"half": "\ud800"}, {},
])
def test_what_is_stored_comes_back_as_it_was(value: dict[str, Any]) -> None:
    from skydag.model.outcome import OK, Ended
    from skydag.model.params import Store

    store = Store(resets=("a.b",), params=value)
    ended = Ended(kind=OK, store=store, export=value, subtasks={"+x": value})
    text = saved.text_of("+w+a", ended)
    assert saved.parsed(text) == ("+w+a", ended)
    if "half" not in value:
        assert saved.parsed("# another writer's\n" + text.replace("1e-07", "1.0e-07").replace("1e+300", "1.0e+300")) \
            == ("+w+a", ended)


@pytest.mark.parametrize("content", [
    b"", b"\0" * 100, b"fullName: \"+w+a\"\nstate: \"success\"\nresult:\n  subtaskConfig: {}\n  storePar", b"[1, 2]\n",
    b"fullName: {\n", b"\xff\xfe", b"fullName: \"+w+a\"\nstate: success\nresult: 7\n",
])
def test_a_broken_state_file_is_told_and_its_task_runs_again(content: bytes, project: Path) -> None:
    ran(SEQUENCE)
    (STATES / "+w+a.yml").write_bytes(content)
    again = ran(SEQUENCE)
    assert again.out == "a\n"
    assert again.err.count("warning: the saved state +w+a.yml cannot be read and is ignored, its task runs again") == 1
    assert again.code == 0


def test_states_of_other_workflows_in_the_folder_are_neither_read_nor_told(project: Path) -> None:
    ran(SEQUENCE)
    (STATES / "+wide+a.yml").write_bytes(b"\0")
    assert "warning" not in ran(SEQUENCE).err


def test_a_full_disk_is_told_once_and_the_next_run_repeats_what_was_not_saved(
    project: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = saved._write

    def full(path: str, data: bytes, *, is_flushed: bool) -> None:
        if "+b" in path or "+c" in path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, data, is_flushed=is_flushed)

    with monkeypatch.context() as patched:
        patched.setattr(saved, "_write", full)
        done = ran(SEQUENCE)
    assert done.code == 0                                       # the attempt succeeded (C-31)
    assert re.findall("warning: .*", done.err) == [
        f"warning: the states of 3 tasks could not be saved in {STATES}: No space left on device; those tasks run "
        "again next time. Free some space or choose another folder with -o DIR"]
    assert ran(SEQUENCE).out == "b\nc\n"


def test_a_file_half_written_leaves_the_old_one_whole_and_no_rest(
    project: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran(SEQUENCE)
    before = (STATES / "+w+a.yml").read_bytes()

    def broken(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("skydag.local.saved.os.write", broken)
    with pytest.raises(OSError):
        saved._write(str(STATES / "+w+a.yml"), b"new", is_flushed=False)
    assert (STATES / "+w+a.yml").read_bytes() == before
    assert files() == ["+w+a.yml", "+w+b.yml", "+w+c.yml", "+w.yml"]


def test_a_task_that_removes_the_state_folder_loses_what_was_saved_not_the_run(project: Path) -> None:
    done = ran("+a:\n  echo>: a\n+clean:\n  sh>: rm -rf .digdag\n+c:\n  echo>: c\n")
    assert done.code == 0 and "Success." in done.err
    assert "+w+c.yml" in files()


@pytest.mark.parametrize(("zone", "session"), [
    ("UTC", "9999-12-31 23:59:59"), ("UTC", "0001-01-01"), ("UTC", ""), ("UTC", "2024-02-30"),
])
def test_a_session_time_that_is_none_is_refused_with_what_to_write_S_90(zone: str, session: str, project: Path) -> None:
    with pytest.raises(InvalidError, match=f"--session {session}: write last, hourly, daily"):
        ran(f"timezone: {zone}\n{SEQUENCE}", "--session", session)


def test_a_session_of_long_ago_is_found_again_C_25_C_28(project: Path) -> None:
    ran(SEQUENCE, "--session", "0987-06-05")
    assert ran(SEQUENCE, "--session", "last").out == ""
    assert [path.name for path in Path(".digdag/status").iterdir()] == ["09870605T000000+0000"]


# --- one at a time ---------------------------------------------------------------------------------------------------

def test_two_runs_of_one_session_at_once_are_refused_and_told_who_has_it(project: Path) -> None:
    ran(SEQUENCE)
    lock = RunLock(STATES / ".w.lock", "'w'")
    lock.take(datetime(2024, 1, 1, tzinfo=UTC))
    with pytest.raises(ConflictError, match=rf"another run of 'w' for 2024-01-01T00:00:00\+00:00 is going on "
                                            rf"\(process {os.getpid()} on .*, since 20"):
        ran(SEQUENCE)
    assert ran(SEQUENCE, "--session", "2024-01-02").code == 0   # another session is another matter
    assert ran(SEQUENCE, "--no-save").code == 0
    assert ran(SEQUENCE, "--dry-run").code == 0
    lock.release()
    assert ran(SEQUENCE).code == 0


def test_a_lock_file_that_a_crash_left_locks_nobody_out(project: Path) -> None:
    STATES.mkdir(parents=True)
    (STATES / ".w.lock").write_text('{"pid": 1, "host": "gone", "since": "ever"}')
    assert ran(SEQUENCE).code == 0
    assert not (STATES / ".w.lock").exists()


# --- what is told ----------------------------------------------------------------------------------------------------

def test_a_failure_shows_the_task_its_command_its_last_lines_its_log_and_how_to_go_on(project: Path) -> None:
    text = "+a:\n  echo>: a\n+b:\n  sh>: for i in $(seq 1 30); do echo line $i; done; exit 3\n+c:\n  echo>: c\n"
    done = ran(text, "-p", "x=a b", "--rerun", "--max-task-threads", "2")
    told = done.err[done.err.index("\nerror: "):].splitlines()[1:]
    assert told == [
        "error: ", "  * +w+b:", "    Command failed with code 3 (runtime)",
        "      sh>: for i in $(seq 1 30); do echo line $i; done; exit 3   (w.dig:3:1)",
        *(f"      | line {n}" for n in range(11, 31)),
        f"      its whole output: {STATES}/.log/+w+b.log",
        "",
        f"Task state is saved at {STATES} directory.",
        "To go on from here: skydag run w.dig --param 'x=a b' --max-task-threads 2 --session 2024-01-01",
        "  * Use --session <daily | hourly | \"yyyy-MM-dd[ HH:mm:ss]\"> to not reuse the last session time.",
        "  * Use --rerun, --start +NAME, or --goal +NAME argument to rerun skipped tasks.",
    ]
    whole = (STATES / ".log" / "+w+b.log").read_text()
    assert whole == "".join(f"line {n}\n" for n in range(1, 31))


def test_secrets_are_found_where_digdag_kept_them_too_C_8_C_32(project: Path) -> None:
    for home, secrets in (("skydag", {"one": "own"}), ("digdag", {"one": "old", "two": "digdags"})):
        folder = Path(".config") / home / "secrets"
        folder.mkdir(parents=True)
        for key, value in secrets.items():
            (folder / key).write_text(value)
    text = "+a:\n  sh>: echo ${secret:one} ${secret:two} ${secret:three} > told\n"
    assert ran(text, "-X", "secrets.three=given").code == 0
    assert Path("told").read_text() == "own digdags given\n"


def test_the_command_that_goes_on_tells_no_secret_F_7(project: Path) -> None:
    told = ran("+a:\n  sh>: exit 1\n", "-X", "secrets.db.password=hunter2hunter2", "-X", "config.x=secrets.y=1").err
    assert "--property 'secrets.db.password=***' --property config.x=secrets.y=1" in told and "hunter2" not in told


def test_what_failed_in_a_required_workflow_is_shown_too_it_is_the_reason_C_31(project: Path) -> None:
    Path("load.dig").write_text("+get:\n  sh>: echo no such shop; exit 4\n")
    told = ran("+r:\n  require>: load\n").err
    assert told[told.index("\nerror: "):].splitlines()[1:10] == [
        "error: ", "  * +w+r:", "    Dependent workflow failed. Session id: 2, attempt id: 2",
        "      require>: load   (w.dig:1:1)",
        "  * +load+get:", "    Command failed with code 4 (runtime)",
        "      sh>: echo no such shop; exit 4   (load.dig:1:1)", "      | no such shop", ""]


def test_a_failure_is_logged_when_it_happens_and_an_old_try_is_no_failure_of_the_end_O_37(project: Path) -> None:
    Path("try.sh").write_text("echo x >> tries; test $(wc -l < tries) -ge $1\n")
    done = ran("+g:\n  _retry: 1\n  +b:\n    sh>: sh try.sh 2\n+r:\n  _retry: 1\n  sh>: sh try.sh 4\n"
               "+z:\n  fail>: the end\n")
    log = [line.partition(" +0000 ")[2] for line in done.err.splitlines() if "ERROR" in line or "retry" in line]
    assert log == ["[ERROR] (+w+g+b): failed: Command failed with code 1 (runtime)",
                   "[WARN] (+w+r): failed, runs again (retry 1)", "[ERROR] (+w+z): failed: the end"]
    assert "[INFO] (+w+r): Task +w+r failed.\n  Command failed with code 1 (runtime)\n" in done.err
    assert re.findall(r"  \* (\S+):", done.err) == ["+w+z"]
    Path("t.py").write_text("def f(): raise ValueError('no shop')\n")
    said = "failed: Python command failed with code 1; Error messages from python: no shop (ValueError)"
    assert f"[ERROR] (+w+p): {said}\n" in ran("+p:\n  py>: t.f\n").err


def test_every_event_is_a_line_that_keeps_the_schema(project: Path) -> None:
    Path("try.sh").write_text("test -e once || { touch once; exit 1; }\n")
    text = ("+a:\n  echo>: a\n+l:\n  loop>: 1\n  _do:\n    echo>: ${i}\n+r:\n  _retry: 1\n  sh>: sh try.sh\n"
            "+n:\n  notify>: news\n+f:\n  fail>: no\n")
    done = ran(text, "--format", "json", "-E")
    events = [json.loads(line) for line in done.out.splitlines()]
    for event in events:
        jsonschema.validate(event, SCHEMA)
    assert done.err == ""
    kinds = [event["event"] for event in events]
    assert kinds[0] == "run_started" and kinds[-1] == "run_ended"
    assert {"task_started", "params", "output", "task_retries", "task_ended", "group_ended", "alert"} <= set(kinds)
    assert events[-1]["state"] == "error" and events[-1]["failures"][0]["task"] == "+w+f"
    assert [event["first"] for event in events if event.get("task") == "+w+r" and "first" in event] == [True, False]
    again = [json.loads(line) for line in ran(text, "--format", "json", "--goal", "+l").out.splitlines()]
    assert [e["reason"] for e in again if e["event"] == "task_skipped"] == ["saved", "not_chosen", "not_chosen",
                                                                         "not_chosen"]


def test_what_an_operator_says_by_itself_is_shown_and_is_no_output_of_the_task(project: Path) -> None:
    text = f"+a:\n  sh>: echo ok\n  big: {'x' * 130_000}\n"
    said = "Parameter 'big' is too large for an environment variable (130005 bytes); left out"
    done = ran(text)
    assert done.out == "ok\n" and f"[INFO] (+w+a): {said}\n" in done.err
    events = [json.loads(line) for line in ran(text, "--format", "json", "--rerun").out.splitlines()]
    note = next(event for event in events if event["event"] == "note")
    jsonschema.validate(note, SCHEMA)
    assert (note["task"], note["text"]) == ("+w+a", said)


def test_task_logs_are_gzip_files_below_day_session_and_task_C_34(project: Path) -> None:
    done = ran("timezone: Asia/Tokyo\n+a:\n  echo>: hello\n+b:\n  sh>: echo there\n", "-O", "logs")
    assert done.code == 0
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    folder = Path("logs") / day / "0.1w@20240101T000000+0900"
    logs = {path.name.partition("@")[0]: gzip.decompress(path.read_bytes()).decode() for path in folder.iterdir()}
    assert logs == {"+w+a": "hello\n", "+w+b": "there\n"}
    assert all(re.fullmatch(r"\+w\+[ab]@[0-9a-f]{16}\.local-\S+\.log\.gz", path.name) for path in folder.iterdir())


def test_log_lines_go_to_the_file_of_the_option_log_C_6(project: Path) -> None:
    done = ran(SEQUENCE, "-L", "run.log")
    assert "echo>: a" not in done.err and "Success." in done.err
    assert "[INFO] (+w+a): echo>: a" in Path("run.log").read_text()
    with pytest.raises(InvalidError, match=r"nowhere/run\.log cannot be written: No such file"):
        ran(SEQUENCE, "-L", "nowhere/run.log")


def test_all_tasks_run_at_once_where_nothing_limits_them_C_20(project: Path) -> None:
    """Each waits until all are there, so fewer threads than tasks would never end."""
    Path("wait.sh").write_text("touch here.$1; while [ $(ls here.* | wc -l) -lt 20 ]; do sleep 0.05; done\n")
    tasks = "".join(f"+t{n}:\n  sh>: sh wait.sh {n}\n" for n in range(20))
    assert ran("_parallel: true\n" + tasks, "--no-save").code == 0


def test_start_without_states_says_that_everything_runs_E_146(project: Path) -> None:
    done = ran(SEQUENCE, "--no-save", "--start", "+c")
    assert done.out == "a\nb\nc\n"
    assert "warning: --start needs the saved states" in done.err


def test_a_task_picked_by_name_runs_without_the_exports_of_groups_between_C_24(project: Path) -> None:
    text = "_export:\n  x: root\n+g:\n  _export:\n    x: group\n  +a:\n    echo>: no\n  +b:\n    echo>: ${x}\n"
    assert ran(text, "+b").out == "root\n"
    assert ran(text, "+w").out == "no\ngroup\n"                  # the root: everything


def test_a_workflow_with_a_long_name_keeps_and_finds_its_states_L_50(project: Path) -> None:
    name, task = "w" * 250, "t" * 250
    Path(f"{name}.dig").write_text(f"+{task}:\n  echo>: x\n")
    options = read(read_options([name, *SESSION], (*COMMAND.options, *COMMON)))
    outputs = []
    for _ in range(2):
        out = StringIO()
        assert run(options, now=system_clock, chance=SystemChance(), out=out, err=StringIO(), env={}) == 0
        outputs.append(out.getvalue())
    assert outputs == ["x\n", ""]


def test_a_command_that_is_no_text_is_told_as_json_L_147(project: Path) -> None:
    done = ran("+a: {for_each>: {x: [1, ü]}, _do: {echo>: '${x}'}}\n+b: {if>: true, _do: {echo>: b}}\n", "--no-save")
    assert ' for_each>: {"x":[1,"ü"]}\n' in done.err
    assert " if>: true\n" in done.err


def test_g8_files_that_a_killed_run_left_are_removed_by_the_next_unless_another_works_there(project: Path) -> None:
    left = project / ".digdag" / "tmp" / "digdag-sh-1000002-0123456789ab"
    mine = left.parent / "notes"
    with at_work(project):                          # it may be whose files these are
        for folder in (left, mine):
            folder.mkdir(parents=True)
            (folder / "runner.sh").write_text("psql --password=hunter22")
        assert ran("+a: {sh>: 'true'}\n").code == 0
        assert left.exists()
    assert ran("+a: {sh>: 'ls .digdag/tmp | wc -l'}\n", "--rerun").out.strip() == "2"      # notes, and its own
    assert not left.exists() and mine.exists()


def test_c24_a_failed_task_that_was_run_alone_is_shown_where_it_stands(project: Path) -> None:
    text = "+a:\n  +b:\n    +c:\n      sh>: exit 3\n"
    for argv in ((), ("+c",), ("+b",), ("+a+b+c",)):
        assert "(w.dig:3:5)" in ran(text, *argv, "--no-save").err, argv


def test_a_folder_of_states_has_a_name(project: Path) -> None:
    with pytest.raises(InvalidError, match="Option --save needs a folder"):
        ran("+a: {echo>: x}\n", "-o", "")
