"""Usage, exit codes, and what the command line says when something is wrong (C-2, C-3)."""

from __future__ import annotations

import pytest

from skydag import __version__
from skydag.cli import command
from skydag.cli.catalog import COMMANDS, GROUPS
from skydag.cli.command import Command, _command, help_of
from skydag.cli.main import main
from skydag.cli.options import COMMON
from skydag.errors import IllegalStepError


def test_the_first_line_on_standard_error_tells_time_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[0].endswith(f": skydag v{__version__}")        # C-2
    assert "Usage: skydag <command>" in told.err


def test_version_anywhere_prints_only_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "x", "--version"]) == 0
    assert capsys.readouterr() == (f"{__version__}\n", "")


@pytest.mark.parametrize(("argv", "last"), [
    (["chek"], "error: Unknown command: chek; did you mean 'check'?"),
    (["backfill", "1"], "error: Command backfill is not supported yet; `skydag --help` lists what there is"),
    (["retry", "x", "--all"], "error: 'x' is no attempt id: ids are numbers"),
    (["retry", "1", "--all"],
     "error: retry needs one of --latest-revision, --keep-revision, --revision NAME (which definition)"),
    (["retry", "1", "--keep-revision"],
     "error: retry needs one of --all, --resume, --resume-from +NAME (which tasks run)"),
    (["retry", "1"], "error: retry needs one of --latest-revision, --keep-revision, --revision NAME (which definition) "
                     "and one of --all, --resume, --resume-from +NAME (which tasks run)"),
    (["retry", "1", "--keep-revision", "--all", "--resume"],
     "error: Options --all and --resume can't be used together"),
    (["retry", "1", "--keep-revision", "--revision", "r", "--all"],
     "error: Options --keep-revision and --revision can't be used together"),
    (["retry", "1", "--keep-revision", "--resume-from="], "error: Option --resume-from must not be empty"),
    (["kill"], "error: kill takes <attempt-id>, but 0 given"),
    (["heal", "abc"], "error: 'abc' is no attempt id: ids are numbers"),
    (["kill", "abc"], "error: 'abc' is no attempt id: ids are numbers"),
    (["check", "-l", "loud"], "error: Unknown log level 'loud': use error, warn, info, debug, trace"),
    (["run", "w", "--start", "+a", "--goal", "+b"], "error: Options --start and --goal can't be used together"),
    (["run", "w", "--goal", "+a", "--end", "+b"], "error: Options --goal and --end can't be used together"),
    (["run", "w", "-a", "-s", "+a"], "error: Options --rerun and --start can't be used together"),
    (["run", "w", "--format", "xml"], "error: Option --format takes text or json, not 'xml'"),
    (["check", "--project", "/nowhere"], "error: No such directory: /nowhere"),
    (["start", "p", "w"],
     "error: Option --session is needed: hourly, daily, now, yyyy-MM-dd or 'yyyy-MM-dd HH:mm:ss'"),
])
def test_a_mistake_is_one_line_that_says_what_is_wrong_and_exit_1(
    argv: list[str], last: str, capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(argv) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[-1] == last                            # C-3


def test_a_wrong_number_of_arguments_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kill", "1", "2"]) == 1
    assert "Usage: skydag kill <attempt-id> [options]" in capsys.readouterr().err


def test_common_options_may_stand_before_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-l", "info", "-Xa=b", "kill", "--help"]) == 0
    assert "Usage: skydag kill" in capsys.readouterr().err              # C-6


@pytest.mark.parametrize(("raised", "code", "words"), [
    (ZeroDivisionError("bug"), 70, "This is a bug of skydag"),
    (IllegalStepError("done twice"), 70, "error: done twice"),
    (KeyboardInterrupt(), 130, "error: interrupted"),
])
def test_bugs_exit_70_and_an_interrupt_130(
    raised: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(_: object) -> int:
        raise raised

    monkeypatch.setattr(command, "_command", lambda _: Command("x", "", range(1), "", (), failing))
    assert main(["x"]) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_one_screen_that_names_all_its_options(name: str) -> None:
    found = _command(name)
    assert found.name == name
    text = help_of(found)
    assert len(text.splitlines()) <= 50
    assert max(map(len, text.splitlines())) <= 120
    assert all(spelling in text for option in found.options for spelling in option.names)


def test_every_command_is_in_the_usage_once_and_no_name_means_two() -> None:
    assert sorted(name for _, names in GROUPS for name in names) == sorted(COMMANDS)
    names = [*COMMANDS, *(alias for _, aliases, _ in COMMANDS.values() for alias in aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_two_options_of_a_command_share_a_spelling(name: str) -> None:
    options = (*_command(name).options, *COMMON)
    spellings = [spelling for option in options for spelling in option.names]
    assert len(spellings) == len(set(spellings))
