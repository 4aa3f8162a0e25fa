from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from tests.app.archives import Member, file, other, packed, symlink

from skydag.app import archive
from skydag.app.archive import Limits
from skydag.errors import ArchiveError

DIG = "+a:\n  echo>: hi\n"


def test_r36_files_are_read_by_their_path_with_their_mode() -> None:
    files = archive.read(packed(
        other("./", tarfile.DIRTYPE), file("./daily.dig", DIG), file("bin/load", "#!/bin/sh", 0o4755),
        file("data/" + "x" * 150 + ".csv", "1,2")))
    assert files.paths == ("bin/load", "daily.dig", "data/" + "x" * 150 + ".csv")
    assert files.entries["bin/load"].mode == 0o755, "permission bits only"
    assert files.read("daily.dig") == DIG.encode()
    assert files.read("./bin/../bin/load") == b"#!/bin/sh", "not kept, so looked up in the archive"
    for missing in ("daily", "bin", "../daily.dig", "none.dig"):
        with pytest.raises(FileNotFoundError):
            files.read(missing)


def test_an_archive_may_hold_nothing() -> None:
    assert archive.read(packed()).paths == ()


def test_r36_links_inside_of_the_project_are_followed(tmp_path: Path) -> None:
    data = packed(file("lib/common.dig", DIG), symlink("daily.dig", "lib/common.dig"), symlink("bin/lib", "../lib"),
                  symlink("dangling", "lib/none"))
    files = archive.read(data)
    assert files.paths == ("daily.dig", "lib/common.dig")
    assert files.read("daily.dig") == files.read("bin/lib/common.dig") == DIG.encode()
    archive.unpack(data, tmp_path / "p")
    assert (tmp_path / "p/daily.dig").read_text() == DIG
    assert (tmp_path / "p/bin/lib").readlink() == Path("../lib")


def test_a_hard_link_is_another_copy_of_its_file(tmp_path: Path) -> None:
    data = packed(file("a.csv", "1,2", 0o640), other("b.csv", tarfile.LNKTYPE, "a.csv"),
                  other("c.dig", tarfile.LNKTYPE, "b.csv"))
    files = archive.read(data)
    assert files.read("b.csv") == files.read("c.dig") == b"1,2"
    archive.unpack(data, tmp_path / "p")
    assert (tmp_path / "p/c.dig").read_bytes() == b"1,2"
    assert (tmp_path / "p/c.dig").stat().st_mode & 0o777 == 0o640


HOSTILE: list[tuple[str, list[Member], str]] = [
    ("up", [file("../evil", "x")], r"^\.\./evil leaves the project"),
    ("up later", [file("a/../../evil", "x")], r"^a/\.\./\.\./evil leaves the project"),
    ("absolute", [file("/etc/passwd", "x")], "/etc/passwd leaves the project"),
    ("folder up", [other("../d", tarfile.DIRTYPE)], r"^\.\./d leaves"),
    ("link up", [symlink("l", "../x")], r"^l -> \.\./x leaves the project"),
    ("link absolute", [symlink("l", "/etc")], "^l -> /etc leaves the project"),
    ("through links", [symlink("a/b/up", "../.."), symlink("out", "a/b/up/../x"), file("a/f", "")],
     r"^out -> a/b/up/\.\./x leaves the project"),
    ("circle", [symlink("a", "b"), symlink("b", "a")], "leads in a circle"),
    ("below a link", [file("d/x", ""), symlink("l", "d"), file("l/y", "")], "^l/y lies below l, which is no folder"),
    ("below a link, link last", [file("l/y", ""), symlink("l", "d")], "^l/y lies below l"),
    ("below a file", [file("a", ""), file("a/b", "")], "a/b"),
    ("twice", [file("a", "1"), file("./a", "2")], r"^\./a is in the archive twice"),
    ("device", [other("dev", tarfile.CHRTYPE)], "^dev is a device"),
    ("pipe", [other("pipe", tarfile.FIFOTYPE)], "^pipe is a pipe"),
    ("hard link out", [other("h", tarfile.LNKTYPE, "../x")], "leaves the project"),
    ("hard link to nothing", [other("h", tarfile.LNKTYPE, "x")], "^h is a hard link to x, which is no file before it"),
    ("long name", [file("x" * 256, "")], "too long a name"),
    ("no name", [file(".", "")], "is no name"),
]


@pytest.mark.parametrize(("members", "reason"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_what_is_hostile_is_refused_by_name_and_leaves_nothing(
    members: list[Member], reason: str, tmp_path: Path,
) -> None:
    data = packed(file("good.dig", DIG), *members)
    with pytest.raises(ArchiveError, match=reason):
        archive.read(data)
    with pytest.raises(ArchiveError):
        archive.unpack(data, tmp_path / "in/p")
    assert [path for path in tmp_path.rglob("*") if path.name != "in"] == []


def spoiled(raw: bytes) -> bytes:
    """The header of the second member no longer sums up."""
    return raw[:1024 + 5] + b"X" + raw[1024 + 6:]


SOUND = packed(file("a", "x" * 100_000), file("b", "y"))
BROKEN = {
    "empty": b"",
    "text": b"this is no archive",
    "cut": SOUND[:len(SOUND) // 2],
    "checksum": SOUND[:-8] + b"\0\0\0\0" + SOUND[-4:],
    "a zip": b"PK\3\4" + b"\0" * 100,
    "gzip of text": packed(change=lambda raw: b"hello" * 1000),
    "cut tar": packed(file("a", "x" * 5000), change=lambda raw: raw[:2000]),
    "bad header": packed(file("a", "x"), file("b", "y"), change=spoiled),
    "trailing text": SOUND + b"more",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"no whole tar\.gz archive"):
        archive.read(data)
    with pytest.raises(ArchiveError):
        archive.unpack(data, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    small = Limits(bytes_max=10_000, files_max=3)
    with pytest.raises(ArchiveError, match=r"^big: the archive has more than 10,000 bytes unpacked"):
        archive.read(packed(file("big", b"\0" * 10_001)), small)
    with pytest.raises(ArchiveError, match="more than 10,000 bytes"):
        archive.read(packed(file("a", b"\0" * 6_000), file("b", b"\0" * 6_000)), small)
    with pytest.raises(ArchiveError, match="more than 10,000 bytes"):
        archive.read(packed(file("a", b"\0" * 6_000), other("b", tarfile.LNKTYPE, "a")), small)
    with pytest.raises(ArchiveError, match="more than 3 files"):
        archive.read(packed(*(file(f"f{n}", "") for n in range(4))), small)
    with pytest.raises(ArchiveError, match="more than 3 files"):
        archive.read(packed(*(other(f"d{n}", tarfile.DIRTYPE) for n in range(7))), small)
    with pytest.raises(ArchiveError, match="larger unpacked than a project may be"):
        archive.read(packed(change=lambda raw: raw + b"\0" * 1_000_000), small)


def test_a_bomb_in_a_header_is_refused() -> None:
    entry, data = file("x")
    entry.pax_headers = {"comment": "y" * 300_000}
    with pytest.raises(ArchiveError, match="larger unpacked"):
        archive.read(packed((entry, data)), Limits(bytes_max=1_000, files_max=3))


def test_the_limits_are_those_of_the_issue() -> None:
    assert Limits() == Limits(bytes_max=200_000_000, files_max=10_000)
    many = packed(*(file(f"f{n}", "") for n in range(10_001)))
    with pytest.raises(ArchiveError, match="more than 10,000 files"):
        archive.read(many)


def test_unpacking_restores_bytes_and_modes_into_a_new_or_empty_folder(tmp_path: Path) -> None:
    data = packed(file("a/b.sh", "#!/bin/sh", 0o755), file("c.csv", b"\xff\0", 0o600))
    (tmp_path / "p").mkdir()
    archive.unpack(data, tmp_path / "p")
    assert (tmp_path / "p/a/b.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "p/c.csv").read_bytes() == b"\xff\0"
    with pytest.raises(FileExistsError):
        archive.unpack(data, tmp_path / "p")
    assert (tmp_path / "p/c.csv").exists()


def test_the_content_hash_knows_paths_modes_bytes_and_links_and_nothing_else() -> None:
    def of(*members: Member, mtime: int = 0) -> str:
        return archive.content_hash(archive.read(packed(*members, mtime=mtime)))

    base = of(file("a", "1"), file("b", "2"), symlink("l", "a"))
    assert base == of(file("b", "2"), symlink("l", "a"), other("d", tarfile.DIRTYPE), file("./a", "1"), mtime=99)
    others = {
        of(file("a", "1"), file("b", "2", 0o755), symlink("l", "a")),
        of(file("a", "2"), file("b", "1"), symlink("l", "a")),
        of(file("a", "1"), file("c", "2"), symlink("l", "a")), of(file("a", "1"), file("b", "2"), symlink("l", "b")),
        of(file("a", "1"), file("b", "2"), file("l", "1")),
    }
    assert len(others) == 5
    assert base not in others


# --- packing

def made(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_c61_dot_files_and_ignored_files_stay_out(tmp_path: Path) -> None:
    made(tmp_path, {
        ".digdagignore": "*.log\n/tmp/\n!keep.log\n", "daily.dig": DIG, ".env": "", ".git/config": "", "a/.hidden": "",
        "a/x.log": "", "a/keep.log": "", "tmp/x": "", "a/tmp/x": "", "__pycache__/x.pyc": ""})
    (tmp_path / "empty").mkdir()
    wanted = ["__pycache__/x.pyc", "a/keep.log", "a/tmp/x", "daily.dig"]
    assert archive.listed(tmp_path) == wanted
    assert list(archive.read(archive.pack(tmp_path)).paths) == wanted


def test_c63_packing_keeps_modes_and_gives_the_same_bytes_again(tmp_path: Path) -> None:
    made(tmp_path, {"bin/load": "#!/bin/sh", "daily.dig": DIG, "x" * 150: ""})
    (tmp_path / "bin/load").chmod(0o755)
    first = archive.pack(tmp_path)
    os.utime(tmp_path / "daily.dig", (1, 1))
    assert archive.pack(tmp_path) == first
    files = archive.read(first)
    assert files.entries["bin/load"].mode == 0o755
    assert "x" * 150 in files.paths


def test_c64_links_inside_stay_links_and_those_that_leave_are_refused_or_copied(tmp_path: Path) -> None:
    outside = made(tmp_path / "outside", {"data/x.csv": "1"})
    folder = made(tmp_path / "p", {"lib/a": "1"})
    (folder / "d").mkdir()
    (folder / "d/relative").symlink_to("../lib/a")
    (folder / "d/absolute").symlink_to(folder / "lib")
    (folder / "d/dangling").symlink_to("none")
    told: list[tuple[str, str | None]] = []
    files = archive.read(archive.pack(folder, lambda name, target: told.append((name, target))))
    assert told == [("d/absolute", "../lib"), ("d/dangling", "none"), ("d/relative", "../lib/a"), ("lib/a", None)]
    assert files.read("d/absolute/a") == b"1"

    (folder / "out").symlink_to(outside / "data")
    with pytest.raises(ArchiveError, match=r"^Invalid symbolic link: out -> .* is outside of project directory"):
        archive.pack(folder)
    copied = archive.read(archive.pack(folder, copy_outgoing_symlinks=True))
    assert copied.read("out/x.csv") == b"1"
    assert copied.entries["out/x.csv"].link is None


def test_a_circle_of_links_outside_ends_in_an_error(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/again").symlink_to(tmp_path / "outside")
    (tmp_path / "p").mkdir()
    (tmp_path / "p/out").symlink_to(tmp_path / "outside")
    with pytest.raises(ArchiveError, match="circle"):
        archive.pack(tmp_path / "p", copy_outgoing_symlinks=True)
