"""Configuration files, environment, params (C-8 .. C-12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from skydag.cli.config import configuration, nested, params
from skydag.cli.options import COMMON, PARAMS, Given, read
from skydag.errors import InvalidError
from skydag.model.properties import parse


def given(*argv: str) -> Given:
    return read(argv, (*PARAMS, *COMMON))


@pytest.mark.parametrize(("text", "wanted"), [
    ("a = b\n# c = d\n! e\n\n", {"a": "b"}),
    ("a:b", {"a": "b"}),
    ("a b c", {"a": "b c"}),
    ("a", {"a": ""}),
    ("a = one\\\n    two", {"a": "onetwo"}),
    ("a = x\\\\\nb = y", {"a": "x\\", "b": "y"}),
    ("a\\ b = \\u00fc\\n", {"a b": "ü\n"}),
    ("a=b=c", {"a": "b=c"}),
    ("a = last \\", {"a": "last "}),
])
def test_properties_are_read_as_java_reads_them(text: str, wanted: dict[str, str]) -> None:
    assert parse(text) == wanted                                        # C-8


def test_the_file_given_with_c_wins_then_x_then_the_variable_then_the_default_file(tmp_path: Path) -> None:
    home = tmp_path / ".config" / "digdag"
    home.mkdir(parents=True)
    (home / "config").write_text("k = file\nonly.file = 1\n")
    env = {"HOME": str(tmp_path)}
    assert configuration(given(), env)["k"] == "file"
    env["DIGDAG_CONFIG"] = "k = variable\n"
    assert configuration(given(), env)["k"] == "variable"
    assert configuration(given("-X", "k=x"), env)["k"] == "x"
    chosen = tmp_path / "own"
    chosen.write_text("k = chosen\n")
    assert configuration(given("-X", "k=x", "-c", str(chosen)), env) == {"k": "chosen"}     # C-9


def test_skydags_own_config_home_comes_before_digdags(tmp_path: Path) -> None:
    for name in ("skydag", "digdag"):
        (tmp_path / ".config" / name).mkdir(parents=True)
        (tmp_path / ".config" / name / "config").write_text(f"k = {name}\n")
    env = {"HOME": str(tmp_path)}
    assert configuration(given(), env) == {"k": "skydag"}
    (tmp_path / ".config" / "skydag" / "config").unlink()
    assert configuration(given(), env) == {"k": "digdag"}
    own = {**env, "SKYDAG_CONFIG_HOME": str(tmp_path / ".config" / "digdag")}
    assert configuration(given(), own) == {"k": "digdag"}


def test_a_configuration_file_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(InvalidError, match=r"Configuration file /nowhere/x: No such file"):
        configuration(given("-c", "/nowhere/x"), {"HOME": "/nowhere"})


def test_params_merge_deeply_and_the_command_line_wins(tmp_path: Path) -> None:
    file = tmp_path / "p.yml"
    file.write_text("db: {host: h, port: 1}\nt: 10:30\nflag: yes\n")
    config = {"params.db.host": "c", "params.db.user": "u", "other": "x"}
    assert params(given("-P", str(file), "-p", "db.port=2"), config) == {       # C-12
        "db": {"host": "h", "user": "u", "port": "2"}, "t": "10:30", "flag": "yes"}


@pytest.mark.parametrize("content", ["- 1\n", "a: [\n", "a: 1\na: 2\n"])
def test_a_params_file_that_is_no_mapping_is_refused_by_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "p.yml"
    file.write_text(content)
    with pytest.raises(InvalidError, match=r"p\.yml"):
        params(given("-P", str(file)), {})


def test_a_params_file_may_include_another(tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("b: 2\n")
    (tmp_path / "p.yml").write_text("a: 1\n!include : more.yml\n")
    assert params(given("-P", str(tmp_path / "p.yml")), {}) == {"a": 1, "b": 2}


def test_dots_nest_and_a_value_cannot_be_an_object_as_well() -> None:
    assert nested({"a.b.c": "1", "a.d": "2"}) == {"a": {"b": {"c": "1"}, "d": "2"}}
    with pytest.raises(InvalidError, match=r"Parameter 'a\.b' is set but 'a' is not a object \(\"1\"\)"):
        nested({"a": "1", "a.b": "2"})
