"""The exam that every kind of Objects sits: memory, a folder, S3 (moto), S3 below a prefix."""

from __future__ import annotations

from pathlib import Path

import pytest

from skydag.errors import InvalidError, NotFoundError
from skydag.local.objects import FolderObjects, MemoryObjects
from skydag.ports import Objects


@pytest.fixture(params=["memory", "folder", "s3", "s3 below a prefix"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return MemoryObjects()
    if request.param == "folder":
        return FolderObjects(tmp_path / "objects")
    region = request.getfixturevalue("aws")
    from skydag.aws.client import client
    from skydag.aws.objects import S3Objects

    s3 = client("s3", region_name=region)
    bucket = f"bucket-{abs(hash(tmp_path)):x}"
    s3.create_bucket(Bucket=bucket)
    if request.param == "s3":
        return S3Objects(s3, bucket)
    s3.put_object(Bucket=bucket, Key="data/elsewhere", Body=b"not ours")
    return S3Objects(s3, bucket, prefix="installation/")


def test_what_was_put_is_got_back(objects: Objects) -> None:
    objects.put("data/a b+ü%.txt", b"\x00one", content_type="text/plain")
    objects.put("data/a b+ü%.txt", b"two")
    objects.put("empty", b"")
    assert objects.get("data/a b+ü%.txt") == b"two"
    assert objects.get("empty") == b""


def test_what_is_not_there_is_not_found(objects: Objects) -> None:
    objects.put("data/x", b"1")
    for key in ("nothing", "data", "data/x/y"):
        with pytest.raises(NotFoundError, match="there is no object"):
            objects.get(key)


def test_a_list_is_by_key_and_by_prefix_which_need_not_end_a_folder(objects: Objects) -> None:
    for key, size in [("logs/1/b", 2), ("logs/1/a", 1), ("logs/12/a", 3), ("logs/1/c/d", 4), ("data/x", 5)]:
        objects.put(key, b"x" * size)
    assert list(objects.list("logs/1/")) == [("logs/1/a", 1), ("logs/1/b", 2), ("logs/1/c/d", 4)]
    assert [key for key, _ in objects.list("logs/1")] == ["logs/1/a", "logs/1/b", "logs/1/c/d", "logs/12/a"]
    assert [key for key, _ in objects.list("")] == ["data/x", "logs/1/a", "logs/1/b", "logs/1/c/d", "logs/12/a"]
    assert list(objects.list("nowhere/")) == []


def test_what_was_deleted_is_gone_and_deleting_it_again_is_fine(objects: Objects) -> None:
    objects.put("data/x", b"1")
    for _ in range(2):
        objects.delete("data/x")
    with pytest.raises(NotFoundError):
        objects.get("data/x")
    assert list(objects.list("data/")) == []


def test_more_objects_than_one_answer_of_s3_holds_are_all_listed(objects: Objects) -> None:
    for number in range(1001):
        objects.put(f"many/{number:04d}", b"")
    assert len(list(objects.list("many/"))) == 1001


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "a\\..\\b", "a\0"])
def test_no_key_leaves_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidError, match="would leave its folder"):
        FolderObjects(tmp_path / "objects").put(key, b"x")


def test_only_s3_has_addresses_and_they_read_that_very_object(aws: str) -> None:
    from skydag.aws.client import client
    from skydag.aws.objects import S3Objects

    address = S3Objects(client("s3", region_name=aws), "some-bucket", prefix="p/").url("logs/x.gz", for_s=60)
    assert address is not None
    assert "p/logs/x.gz?" in address
    assert MemoryObjects().url("x") is None


def test_what_an_uploader_wrote_beside_an_object_is_read_and_no_object_has_nothing(aws: str) -> None:
    from skydag.aws.client import client
    from skydag.aws.objects import S3Objects

    s3 = client("s3", region_name=aws)
    s3.create_bucket(Bucket="uploads-with-metadata")
    s3.put_object(Bucket="uploads-with-metadata", Key="p/a.tar.gz", Body=b"x", Metadata={"revision": "r1"})
    objects = S3Objects(s3, "uploads-with-metadata", prefix="p/")
    assert objects.metadata("a.tar.gz") == {"revision": "r1"}
    assert objects.metadata("b.tar.gz") == {}
