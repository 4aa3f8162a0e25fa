"""`!include : path` (L-20 to L-24)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.language.sources import reader

from skydag.language.include import load
from skydag.language.problems import Refused


def read(**files: str) -> Any:
    """w.dig with the other files beside it: its value, or its errors."""
    named = {name.replace("__", "/").replace("_yml", ".yml").replace("w_dig", "w.dig"): text
             for name, text in files.items()}
    try:
        document = load("w.dig", reader(named))
    except Refused as refused:
        return [str(problem) for problem in refused.problems]
    return [str(problem) for problem in document.problems] or document.value


def test_a_key_above_merges_with_the_included_one_and_a_key_below_replaces_it_l_21() -> None:
    found = read(w_dig="a: {x: 1}\n!include : f_yml\nb: {x: 1}\n".replace("f_yml", "f.yml"),
                 f_yml="a: {y: 2}\nb: {y: 2}\nc: 1\n")
    assert found == {"a": {"x": 1, "y": 2}, "b": {"x": 1}, "c": 1}
    assert list(found) == ["a", "b", "c"]


def test_an_include_works_inside_mappings_inside_lists_l_20() -> None:
    assert read(w_dig="l: [{!include : f.yml, z: 1}]\n", f_yml="x: 1\n") == {"l": [{"x": 1, "z": 1}]}


def test_paths_are_relative_to_the_including_file_l_22() -> None:
    assert read(w_dig="!include : sub/a.yml\n", sub__a_yml="!include : b.yml\n", sub__b_yml="x: 1\n") == {"x": 1}


@pytest.mark.parametrize("path", ["../x.yml", "sub/../../x.yml", "/etc/passwd", "..", "a\\..\\b"])
def test_an_include_that_leads_out_of_its_folder_is_refused_l_22(path: str) -> None:
    found = read(w_dig=f"!include : '{path}'\n", x_yml="a: 1\n")
    assert found == [f"w.dig:1:12: File name must not include ..: {path}; an include stays in the folder of its file"]


def test_a_file_below_cannot_include_one_above_l_22() -> None:
    found = read(w_dig="!include : sub/a.yml\n", sub__a_yml="!include : ../b.yml\n", b_yml="x: 1\n")
    assert found[0].startswith("sub/a.yml:1:12: File name must not include ..")


def test_a_missing_file_is_named_with_the_line_that_wants_it_l_36() -> None:
    found = read(w_dig="x: 1\n_export:\n  !include : nothere.yml\n")
    assert found == ["w.dig:3:14: '!include' names a file that does not exist: nothere.yml; "
                     "looked for nothere.yml in the project"]


def test_a_folder_cannot_be_included() -> None:
    def read_folder(path: str) -> bytes:
        if path == "w.dig":
            return b"!include : sub\n"
        raise IsADirectoryError(21, "Is a directory", path)

    assert [str(problem) for problem in load("w.dig", read_folder).problems] == [
        "w.dig:1:12: '!include' names a file that cannot be read: sub; Is a directory"]


def test_a_cycle_of_includes_is_an_error_l_22() -> None:
    found = read(w_dig="!include : a.yml\n", a_yml="!include : b.yml\n", b_yml="!include : a.yml\n")
    assert found == ["b.yml:1:12: include cycle: a.yml includes b.yml includes a.yml"]


def test_includes_that_multiply_are_bounded() -> None:
    files = {f"f{n}_yml": "\n".join(f"k{i}: {{!include : f{n + 1}.yml}}" for i in range(10)) for n in range(12)}
    found = read(w_dig="!include : f0.yml\n", **files, f12_yml="x: 1\n")
    assert found == ["f6.yml:1:1: with its aliases and includes expanded the file is larger than 16,777,216 bytes"]


def test_the_tag_on_a_value_says_how_to_write_it_l_23() -> None:
    found = read(w_dig="a: !include f.yml\n", f_yml="x: 1\n")
    assert found == ["w.dig:1:4: '!include' stands before a value; it works as a key only: write "
                     "'!include : path/file.yml', with a blank before the colon"]


def test_a_text_that_begins_like_an_include_is_a_text_l_23() -> None:
    assert read(w_dig="a: '!include:x'\n") == {"a": "!include:x"}


def test_a_mistake_in_an_included_file_is_placed_there() -> None:
    found = read(w_dig="!include : a.yml\n", a_yml="x: 1\nx: 2\n")
    assert found[0].startswith("a.yml:2:1: Duplicated keys: [x]")
