"""Pages of definitions are read a bundle at a time, and no process keeps more of them than a size (F-6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from skydag.engine import pages
from skydag.language.compile import compile_file
from skydag.local.objects import MemoryObjects
from skydag.local.table import MemoryTable
from skydag.model.session import Attempt
from skydag.store.definitions import Definitions, generated_source, ref
from skydag.store.tasks import TaskStore
from skydag.store.values import Blobs

PATH, RUN = "0000003", 2


class _Objects(MemoryObjects):
    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def get(self, key: str) -> bytes:
        self.read.append(key)
        return super().get(key)


@pytest.fixture
def built() -> list[pages.Page]:
    """Of a root and thirty groups; a text of 20 KB beside each task."""
    body = "x" * 20_000
    text = "".join(f"+g{n}: {{+t: {{echo>: {body}}}}}\n" for n in range(30))
    return pages.build(compile_file("w.dig", lambda _: text.encode()).tasks)


def _attempt(**more: Any) -> Attempt:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    base: dict[str, Any] = {
        "id": 1, "index": 1, "session_id": 1, "session_uuid": "", "session_time": at, "project_id": 1, "revision": "r",
        "project_name": "p", "workflow_id": 1, "workflow_name": "w", "timezone": "UTC", "created_at": at}
    return Attempt(**{**base, **more})


def _definitions(table: MemoryTable, objects: _Objects, **more: Any) -> Definitions:
    """As a process that has read nothing yet."""
    return Definitions(objects, TaskStore(table, Blobs(objects, cache_bytes_max=0)), **more)


@pytest.mark.parametrize("source", ["", generated_source(PATH, RUN)], ids=["of a workflow", "generated"])
def test_who_wants_a_page_reads_the_bundle_that_holds_it_and_no_other(source: str, built: list[pages.Page]) -> None:
    table, objects = MemoryTable(), _Objects()
    first = _definitions(table, objects)
    texts = pages.bundles(built)
    assert len(texts) > 2
    if source:
        first.keep_generated(1, PATH, RUN, texts)
        attempt = _attempt()
    else:
        for number, text in enumerate(texts):
            objects.put(f"data/pages/1/{number}.json", text.encode())
        attempt = _attempt(definition="1:" + ".".join(str(pages.first_of(text)) for text in texts))
    other = _definitions(table, objects)
    for number, page in list(enumerate(built))[::-1]:
        objects.read.clear()
        assert other.page(attempt, ref(source, number)) == page
        assert len(objects.read) <= 1
    objects.read.clear()
    assert [other.page(attempt, ref(source, number)) for number in range(len(built))] == built
    assert not objects.read, "they are known now"


def test_what_this_process_generated_is_not_read_again(built: list[pages.Page]) -> None:
    objects = _Objects()
    definitions = _definitions(MemoryTable(), objects)
    definitions.keep_generated(1, PATH, RUN, pages.bundles(built))
    assert definitions.page(_attempt(), ref(generated_source(PATH, RUN), 30)) == built[30]
    assert not objects.read


def test_no_more_is_kept_than_a_size(built: list[pages.Page]) -> None:
    """A function that serves many large workflows for days."""
    objects = _Objects()
    definitions = _definitions(MemoryTable(), objects, cache_chars_max=1_500_000)
    for path in ("0000001", "0000002", "0000003", "0000004"):
        definitions.keep_generated(1, path, RUN, pages.bundles(built))
    assert definitions._chars <= 1_500_000
    assert definitions._chars == sum(chars for _, chars in definitions._known.values())
    assert definitions.page(_attempt(), ref(generated_source("0000001", RUN), 30)) == built[30], "it is read again"
    assert objects.read


def test_a_page_that_is_not_there_is_said_to_be_missing(built: list[pages.Page]) -> None:
    definitions = _definitions(MemoryTable(), _Objects())
    definitions.keep_generated(1, PATH, RUN, pages.bundles(built))
    with pytest.raises(Exception, match="attempt 1 has no page '0000003~2~31'"):
        definitions.page(_attempt(), ref(generated_source(PATH, RUN), 31))
