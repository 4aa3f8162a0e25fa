"""How a command line is read (C-4, C-5, C-6)."""

from __future__ import annotations

import pytest

from skydag.cli.options import COMMON, PARAMS, Option, pairs, read
from skydag.errors import InvalidError

OPTIONS = (
    Option(("-s", "--start"), "+NAME", ""), Option(("-d", "--dry-run"), None, ""), Option(("-E", "--show"), None, ""),
    Option(("-dE",), None, ""), *PARAMS, *COMMON,
)


@pytest.mark.parametrize(("argv", "arguments", "values"), [
    (["w", "--start", "+a", "-d"], ("w",), {"start": ["+a"], "dry-run": [""]}),
    (["-d", "w", "+t"], ("w", "+t"), {"dry-run": [""]}),
    (["--start=+a", "w"], ("w",), {"start": ["+a"]}),
    (["--start=", "w"], ("w",), {"start": [""]}),
    (["-p", "a=1", "--param=b=2"], (), {"param": ["a=1", "b=2"]}),
    (["-Xa=b", "-X", "c=d"], (), {"property": ["a=b", "c=d"]}),
    (["-s", "-x"], (), {"start": ["-x"]}),
    (["-dE"], (), {"dE": [""]}),
    (["-d", "-d"], (), {"dry-run": ["", ""]}),
    (["-"], ("-",), {}),
    (["--", "--start"], ("--start",), {}),
])
def test_arguments_and_options_come_in_any_order(
    argv: list[str], arguments: tuple[str, ...], values: dict[str, list[str]],
) -> None:
    assert read(argv, OPTIONS) == (arguments, values)


@pytest.mark.parametrize(("argv", "message"), [
    (["--fly"], "Unknown option: --fly"),
    (["--strat", "+a"], "Unknown option: --strat (did you mean --start?)"),
    (["--dry-run=true"], "Unknown option: --dry-run=true"),
    (["--start"], "Option --start needs a value: --start +NAME"),
    (["-s", "+a", "--start", "+b"], "Option --start can only be given once"),
    (["-x1"], "Unknown option: -x1"),
])
def test_what_cannot_be_read_is_refused_by_name(argv: list[str], message: str) -> None:
    with pytest.raises(InvalidError) as refused:
        read(argv, OPTIONS)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(("values", "wanted"), [
    (["a=1,b=2"], {"a": "1", "b": "2"}),
    (["list=1,2"], {"list": "1,2"}),
    (["a=1", "a=2"], {"a": "2"}),
    (["a=x=y"], {"a": "x=y"}),
    (["a="], {"a": ""}),
    (["a=1,,b=2"], {"a": "1,", "b": "2"}),
])
def test_a_comma_starts_a_new_pair_only_where_an_equals_sign_follows(values: list[str], wanted: dict[str, str]) -> None:
    assert pairs(values, "-p") == wanted                                # C-5, L-151


def test_a_pair_without_equals_sign_is_refused() -> None:
    with pytest.raises(InvalidError, match="Parameter -p expected a value of the form a=b but got:a"):
        pairs(["a"], "-p")
