"""Pages of definitions, read through a cache: a revision's from the project bucket, generated ones from the table.

A group names its page: "<number>" of the attempt's workflow, or "<path>~<run>~<number>" of what a leaf's run generated.
Both never change, so every function keeps the bundles that it has parsed last, up to a size.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, Final

from skydag.engine import pages
from skydag.engine.pages import Page
from skydag.errors import IllegalStepError
from skydag.model.session import Attempt
from skydag.model.workflow import Task
from skydag.ports import Objects
from skydag.store.tasks import TaskStore

CACHE_CHARS_MAX: Final = 4_000_000       # of bundles as text; parsed they take some ten times as many bytes
Bundle = tuple[int, list[Page]]


def ref(source: str, number: int) -> str:
    """source: "" for the attempt's workflow, or what `generated_source` gives."""
    return f"{source}~{number}" if source else str(number)


def generated_source(path: str, run: int) -> str:
    return f"{path}~{run}"


def source_of(reference: str) -> str:
    return reference.rpartition("~")[0]


def keep(
    objects: Objects, workflow_id: int, tasks: Sequence[Task], sla: Mapping[str, Any] | None = None,
) -> str:
    """Builds and keeps the pages of a workflow; what StoredWorkflow.pages is to hold. Repeats write the same.

    sla: {"alert": bool, "fail": bool, "body": mapping} when the workflow has an `sla:` block."""
    texts = pages.bundles(pages.build(tasks, sla=sla))
    firsts = [json.loads(text[:text.index(',"pages"')] + "}")["first"] for text in texts]
    for number, text in enumerate(texts):
        objects.put(f"data/pages/{workflow_id}/{number}.json", text.encode(), content_type="application/json")
    return f"{workflow_id}:{'.'.join(map(str, firsts))}"


class Definitions:
    def __init__(self, objects: Objects, tasks: TaskStore, *, cache_chars_max: int = CACHE_CHARS_MAX) -> None:
        self._objects, self._tasks = objects, tasks
        self._known: OrderedDict[str, tuple[Any, int]] = OrderedDict()      # (what, characters of its text)
        self._chars, self._chars_max = 0, cache_chars_max
        self._lock = Lock()                             # a local run asks from several threads

    def keep(self, workflow_id: int, tasks: Sequence[Task], sla: Mapping[str, Any] | None = None) -> str:
        """As the function `keep`."""
        return keep(self._objects, workflow_id, tasks, sla)

    def page(self, attempt: Attempt, reference: str) -> Page:
        """Reads no more than the one bundle that holds the page."""
        source, _, number = reference.rpartition("~")
        wanted = int(number)
        first, held = self._generated(attempt.id, source, wanted) if source else self._stored(attempt, wanted)
        if wanted >= first + len(held):
            raise IllegalStepError(f"attempt {attempt.id} has no page {reference!r}")
        return held[wanted - first]

    def keep_generated(self, attempt_id: int, path: str, run: int, texts: Sequence[str]) -> None:
        """Keeps the bundles that this run of a leaf generated, also in this very process: they are needed next."""
        source = generated_source(path, run)
        index = self._tasks.keep_pages(attempt_id, path, run, texts)
        self._put_index(attempt_id, source, index)
        for number, text in enumerate(texts):
            self._put(f"{attempt_id}/{source}.{number}", pages.parse(text), len(text))

    def _stored(self, attempt: Attempt, wanted: int) -> Bundle:
        """The bundle of the attempt's workflow."""
        workflow_id, _, firsts = attempt.definition.partition(":")
        number = bisect_right([int(first) for first in firsts.split(".")], wanted) - 1
        return self._bundle(f"{workflow_id}.{number}", lambda: self._objects.get(
            f"data/pages/{workflow_id}/{number}.json").decode())

    def _generated(self, attempt_id: int, source: str, wanted: int) -> Bundle:
        index = self._get(f"{attempt_id}/{source}")
        if index is None:
            path, _, run = source.partition("~")
            index = self._put_index(attempt_id, source, self._tasks.page_index(attempt_id, path, int(run)))
        number = bisect_right(index, wanted, key=lambda one: one[0]) - 1
        return self._bundle(f"{attempt_id}/{source}.{number}", lambda: self._tasks.bundle(index[number][1]))

    def _put_index(self, attempt_id: int, source: str, index: Sequence[tuple[int, str]]) -> Any:
        return self._put(f"{attempt_id}/{source}", index, sum(len(pointer) for _, pointer in index))

    def _bundle(self, key: str, text_of: Callable[[], str]) -> Bundle:
        known: Bundle | None = self._get(key)
        if known is None:
            text = text_of()
            known = self._put(key, pages.parse(text), len(text))
        return known

    def _get(self, key: str) -> Any:
        with self._lock:
            if key not in self._known:
                return None
            self._known.move_to_end(key)
            return self._known[key][0]

    def _put(self, key: str, what: Any, chars: int) -> Any:
        with self._lock:
            self._chars += chars - self._known.pop(key, (None, 0))[1]
            self._known[key] = what, chars
            while self._chars > self._chars_max and len(self._known) > 1:
                self._chars -= self._known.popitem(last=False)[1][1]
        return what
