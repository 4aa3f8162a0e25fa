from __future__ import annotations

import pytest
from tests.store.builders import MemoryBucket

from skydag.errors import IllegalStepError, InvalidError, NotFoundError
from skydag.store.values import Blobs, dumps


def test_a_text_up_to_64_kb_stands_in_the_item_itself() -> None:
    bucket = MemoryBucket()
    text = "ü" * (32 * 1024)
    pointer = Blobs(bucket).keep(text, "attempt/1")
    assert pointer == "i:" + text
    assert bucket.keys == []


def test_a_longer_text_lies_in_the_bucket_and_comes_back_as_it_was() -> None:
    bucket = MemoryBucket()
    text = "ü" * (32 * 1024) + "x"
    pointer = Blobs(bucket).keep(text, "attempt/1")
    assert pointer.startswith("o:data/attempt/1/")
    assert len(pointer) < 120
    assert Blobs(bucket).text(pointer) == text


def test_keeping_the_same_text_again_writes_and_reads_nothing_more() -> None:
    bucket = MemoryBucket()
    blobs = Blobs(bucket)
    text = "x" * 100_000
    pointer = blobs.keep(text, "attempt/1")
    bucket.delete(pointer[2:])
    assert blobs.keep(text, "attempt/1") == pointer
    assert blobs.text(pointer) == text
    assert (bucket.keys, bucket.reads) == ([], 0)


def test_the_cache_forgets_the_oldest_first() -> None:
    bucket = MemoryBucket()
    blobs = Blobs(bucket, inline_bytes_max=1, cache_bytes_max=20)
    first, second, third = (blobs.keep(letter * 9, "x") for letter in "abc")
    assert blobs.text(third) == "c" * 9
    assert blobs.text(second) == "b" * 9
    assert bucket.reads == 0
    assert blobs.text(first) == "a" * 9
    assert bucket.reads == 1


def test_f9_above_32_mb_is_refused_with_its_size() -> None:
    with pytest.raises(InvalidError, match=r"33,554,433 bytes; the most is 33,554,432 \(32 MB\)"):
        Blobs(MemoryBucket()).keep("x" * (32 * 1024 * 1024 + 1), "x")


def test_what_is_no_pointer_is_a_bug_and_a_lost_object_is_not_found() -> None:
    with pytest.raises(IllegalStepError):
        Blobs(MemoryBucket()).text("whatever")
    with pytest.raises(NotFoundError):
        Blobs(MemoryBucket()).text("o:data/x/1")


def test_json_keeps_order_and_one_apart_from_one_point_zero_and_survives_half_a_surrogate() -> None:
    assert dumps({"b": 1, "a": 1.0, "ü": None}) == '{"b":1,"a":1.0,"ü":null}'
    blobs = Blobs(MemoryBucket())
    assert blobs.json(blobs.keep_json({"x": "\ud800"}, "x")) == {"x": "\ud800"}
    blobs.keep_json({"x": "\ud800"}, "x").encode()
