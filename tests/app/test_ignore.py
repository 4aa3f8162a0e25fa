from __future__ import annotations

import pytest

from skydag.app.ignore import Ignore

# rules, path, whether it is a folder, whether it is out: as git does it
CASES = [
    ("*.log", "a.log", False, True),
    ("*.log", "d/a.log", False, True),
    ("*.log", "a.log.gz", False, False),
    ("/a.log", "a.log", False, True),
    ("/a.log", "d/a.log", False, False),
    ("d/a", "d/a", False, True),
    ("d/a", "x/d/a", False, False),
    ("tmp/", "tmp", True, True),
    ("tmp/", "x/tmp", True, True),
    ("tmp/", "tmp", False, False),
    ("/tmp/", "x/tmp", True, False),
    ("**/cache", "a/b/cache", True, True),
    ("**/cache", "cache", True, True),
    ("a/**/b", "a/b", False, True),
    ("a/**/b", "a/x/y/b", False, True),
    ("a/**", "a/x/y", False, True),
    ("a/**", "a", True, False),
    ("d/*.csv", "d/x/a.csv", False, False),
    ("file?.txt", "file1.txt", False, True),
    ("file?.txt", "file/.txt", False, False),
    ("[a-c].txt", "b.txt", False, True),
    ("[!a-c].txt", "b.txt", False, False),
    ("[!a-c].txt", "d.txt", False, True),
    ("a.b", "axb", False, False),
    ("\\#x", "#x", False, True),
    ("#x", "#x", False, False),
    ("\\!x", "!x", False, True),
    ("x  ", "x", False, True),
    ("x\\ ", "x ", False, True),
    ("", "x", False, False),
    ("/", "x", True, False),
    ("[z-a]", "z", False, False),
    ("*\n!keep", "keep", False, False),
    ("!keep\n*", "keep", False, True),
    ("a/*\n!a/b", "a/b", True, False),
    ("日本*", "日本語.txt", False, True),
]


@pytest.mark.parametrize(("rules", "path", "is_folder", "is_out"), CASES)
def test_c62_rules_are_gitignores(rules: str, path: str, is_folder: bool, is_out: bool) -> None:
    assert Ignore(rules.splitlines()).excludes(path, is_folder=is_folder) is is_out
