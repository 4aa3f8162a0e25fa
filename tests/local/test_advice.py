"""What is said about a failure is true of it: a hint that does not fit is worse than none."""

from __future__ import annotations

import pytest

from skydag.local.advice import advice

RUNNER = ".digdag/tmp/digdag-sh-1000002-x1/runner.sh"
SHELL = "Command failed with code {} (runtime)"


@pytest.mark.parametrize(("message", "output", "words"), [
    (SHELL.format(126), f"{RUNNER}: 1: ./load.sh: Permission denied", "chmod +x ./load.sh"),
    (SHELL.format(126), f"/bin/sh: 1: {RUNNER}: Permission denied", "leave '-c'"),
    ("Command failed with code 126: cannot run ./tool: Permission denied (runtime)", "", "chmod +x ./tool"),
    (SHELL.format(2), f"{RUNNER}: 3: Syntax error: end of file unexpected", "counts from the first of 'sh>'"),
    (SHELL.format(2), f"{RUNNER}: line 3: syntax error near unexpected token", "counts from the first of 'sh>'"),
    (SHELL.format(2), "load.sh: 3: Syntax error: end of file unexpected", "does not understand load.sh"),
    ("Command failed with code 127: command not found: bash -e (runtime)", "", "an item of its own: [bash, -e]"),
    ("Command failed with code 127: command not found: bsah (runtime)", "", "there is no command bsah on the PATH"),
    ("Command failed with code 127: command not found: /opt/sh (runtime)", "", "there is no /opt/sh;"),
])
def test_a_failure_of_the_shell_is_told_with_what_to_do(message: str, output: str, words: str) -> None:
    assert words in (advice(message, "sh>: x", output, ()) or "")


def test_a_secret_that_is_not_there_is_told_with_where_it_goes_c_32() -> None:
    told = advice("Secret not found for key: 'db.password' (config)", "sh>: x", "", ())
    assert told == ("write its value into the file ~/.config/skydag/secrets/db.password, or give it as "
                    "'-X secrets.db.password=...'")


@pytest.mark.parametrize(("message", "output"), [
    (SHELL.format(1), "cat: /etc/shadow: Permission denied"),       # a file that cannot be read is no script
    (SHELL.format(2), f"{RUNNER}: 1: cannot create /x: Permission denied"),
    (SHELL.format(1), 'Error: in prepare, near "selec": syntax error'),         # of SQL, not of the shell
    (SHELL.format(1), "psql:q.sql:3: ERROR:  syntax error at or near"),
])
def test_what_only_looks_like_a_failure_of_the_shell_gets_no_advice(message: str, output: str) -> None:
    assert advice(message, "sh>: x", output, ()) is None
