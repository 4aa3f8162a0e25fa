"""Commands as child processes: output, end, kill."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from skydag.local.commands import Children, LocalCommands
from skydag.spi import Outcome


def run(tmp_path: Path, script: str, **env: str) -> tuple[Outcome, str]:
    written: list[str] = []
    outcome = LocalCommands(written.append, os.environ)(["/bin/sh", "-c", script], cwd=tmp_path, env=env)
    return outcome, "\n".join(written)


def test_the_exit_code_is_handed_back_and_a_signal_is_128_more(tmp_path: Path) -> None:
    assert run(tmp_path, "exit 7")[0] == Outcome(code=7)
    assert run(tmp_path, "kill -9 $$")[0] == Outcome(
        code=137, reason="killed by signal 9 (out of memory?)")
    assert run(tmp_path, "kill -15 $$")[0] == Outcome(code=143, reason="killed by signal 15")


def test_a_command_that_cannot_be_started_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("no program")
    commands = LocalCommands(print, os.environ)
    assert commands(["nosuch"], cwd=tmp_path, env={}) == Outcome(code=127, reason="command not found: nosuch")
    refused = commands([str(tmp_path / "plain.txt")], cwd=tmp_path, env={})
    assert (refused.code, refused.reason) == (126, f"cannot run {tmp_path}/plain.txt: Permission denied")


def test_standard_error_is_merged_in_order_and_the_last_line_needs_no_end(tmp_path: Path) -> None:
    assert run(tmp_path, "echo a; echo b >&2; printf c")[1] == "a\nb\nc"


def test_blank_lines_are_kept(tmp_path: Path) -> None:
    assert run(tmp_path, "printf 'a\\n\\nb\\n'")[1] == "a\n\nb"


@pytest.mark.parametrize("printed", ["a\n\nb\n", "a\n\n", "\n", "\n\n\n", "a\n\n\nb\n\n", "\na\n"])
def test_blank_lines_are_kept_wherever_a_piece_of_the_output_ends(printed: str, tmp_path: Path) -> None:
    written: list[str] = []
    LocalCommands(written.append, {})([sys.executable, "-c", f"print({printed!r}, end='')"], cwd=tmp_path, env={})
    assert "".join(text if text.endswith("\n") else text + "\n" for text in written) == printed


def test_bytes_that_are_no_utf8_are_replaced_and_a_letter_cut_in_two_is_not(tmp_path: Path) -> None:
    assert run(tmp_path, "printf 'a\\377b\\n'")[1] == "a\ufffdb"
    written: list[str] = []
    program = "import os\nfor b in 'schön 日本'.encode(): os.write(1, bytes([b]))"
    LocalCommands(written.append, os.environ)([sys.executable, "-c", program], cwd=tmp_path, env={})
    assert written == ["schön 日本"]


def test_huge_output_and_a_huge_line_arrive_whole(tmp_path: Path) -> None:
    written: list[str] = []
    program = ("import sys\nfor n in range(1_000_000): sys.stdout.write('%07d\\n' % n)\n"
               "sys.stdout.write('x' * 3_000_000)\n")
    outcome = LocalCommands(written.append, {})([sys.executable, "-c", program], cwd=tmp_path, env={})
    assert outcome.code == 0
    lines = "\n".join(written).split("\n")
    assert lines[:1_000_000] == [f"{n:07d}" for n in range(1_000_000)]
    assert "".join(lines[1_000_000:]) == "x" * 3_000_000
    assert max(len(text) for text in written) < 200_000


def test_the_environment_is_the_commands_over_ours_or_the_commands_alone(tmp_path: Path) -> None:
    written: list[str] = []
    commands = LocalCommands(written.append, {"PATH": os.environ["PATH"], "A": "ours", "B": "ours"})
    script = ["/bin/sh", "-c", 'echo "${A-none} ${B-none}"']
    commands(script, cwd=tmp_path, env={"B": "its"})
    commands(script, cwd=tmp_path, env={"B": "its"}, inherit_env=False)
    assert written == ["ours its", "none its"]


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert run(tmp_path, "cat; echo end") == (Outcome(code=0), "end")


def test_a_process_left_behind_with_the_output_open_holds_nobody_up(tmp_path: Path) -> None:
    outcome, text = run(tmp_path, "sleep 600 & echo $!")
    os.kill(int(text), 9)
    assert outcome == Outcome(code=0)


def test_a_command_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    assert run(tmp_path, "exec >&- 2>&-; for i in 1 2 3; do /bin/true; done; exit 5")[0] == Outcome(code=5)


def is_gone(pid: int, within_s: float = 10) -> bool:
    """Ended, or ends within that time: a signal that was sent may still be on its way to a grandchild."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        return bool(poller.poll(within_s * 1000))
    finally:
        os.close(descriptor)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
@pytest.mark.parametrize("script", [
    "sleep 600 & echo $!; wait", "sleep 600 & echo $!; exec >&- 2>&-; wait",
    "sleep 600 & echo $!; trap '' TERM; exec cat /dev/zero",
])
def test_o43_a_kill_ends_the_whole_tree_and_says_so(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("skydag.local.commands.STOP_GRACE_S", 0.05)
    written: list[str] = []
    should_stop: Callable[[], bool] = lambda: bool(written)     # noqa: E731 - once the first line was seen
    commands = LocalCommands(written.append, os.environ, should_stop=should_stop, stop_poll_s=0.02)
    outcome = commands(["/bin/sh", "-c", script], cwd=tmp_path, env={})
    assert outcome.code in (137, 143)
    assert outcome.reason == "stopped, because the attempt was killed"
    assert is_gone(int(written[0].split("\n")[0]))


def test_an_error_of_the_log_ends_the_command(tmp_path: Path) -> None:
    def refuse(text: str) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        LocalCommands(refuse, os.environ)(["/bin/sh", "-c", "echo x; exec sleep 600"], cwd=tmp_path, env={})


def test_all_commands_can_be_ended_together_from_another_thread(tmp_path: Path) -> None:
    children, started, outcomes = Children(), Queue[str](), list[Outcome]()
    commands = LocalCommands(started.put, os.environ, children=children)

    def run_one() -> None:
        outcomes.append(commands(["/bin/sh", "-c", "echo started; sleep 600"], cwd=tmp_path, env={}))

    threads = [Thread(target=run_one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert started.get(timeout=30) == "started"
    children.end_all()
    for thread in threads:
        thread.join(30)
    run_one()
    assert [outcome.code for outcome in outcomes] == [143, 143, 137], "one that comes later is ended at once"
