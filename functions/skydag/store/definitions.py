"""Pages of definitions, read through a cache: a revision's from the project bucket, generated ones from the table.

A group names its page: "<number>" of the attempt's workflow, or "<path>~<run>~<number>" of what a leaf's run generated.
Both never change, so every function keeps the bundles it has parsed.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Final

from skydag.engine import pages
from skydag.engine.pages import Page
from skydag.errors import IllegalStepError
from skydag.model.session import Attempt
from skydag.model.workflow import Task
from skydag.ports import Objects
from skydag.store.tasks import TaskStore

BUNDLES_MAX: Final = 200
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
    def __init__(self, objects: Objects, tasks: TaskStore) -> None:
        self._objects, self._tasks = objects, tasks
        self._bundles: OrderedDict[str, list[Bundle]] = OrderedDict()
        self._lock = Lock()                             # a local run asks from several threads

    def keep(self, workflow_id: int, tasks: Sequence[Task], sla: Mapping[str, Any] | None = None) -> str:
        """As the function `keep`."""
        return keep(self._objects, workflow_id, tasks, sla)

    def page(self, attempt: Attempt, reference: str) -> Page:
        source, _, number = reference.rpartition("~")
        wanted = int(number)
        found = pages.find(self._parsed(attempt, source, wanted), wanted)
        if found is None:
            raise IllegalStepError(f"attempt {attempt.id} has no page {reference!r}")
        return found

    def remember(self, attempt_id: int, source: str, texts: Sequence[str]) -> None:
        """What this very process has generated need not be read again."""
        self._put(f"{attempt_id}/{source}", texts)

    def _parsed(self, attempt: Attempt, source: str, wanted: int) -> list[Bundle]:
        if source:
            key = f"{attempt.id}/{source}"
            if (known := self._get(key)) is not None:
                return known
            path, _, run = source.partition("~")
            return self._put(key, self._tasks.pages(attempt.id, path, int(run)))
        workflow_id, _, firsts = attempt.definition.partition(":")
        starts = [int(first) for first in firsts.split(".")]
        number = max(n for n, start in enumerate(starts) if start <= wanted)
        key = f"{workflow_id}.{number}"
        if (known := self._get(key)) is not None:
            return known
        return self._put(key, [self._objects.get(f"data/pages/{workflow_id}/{number}.json").decode()])

    def _get(self, key: str) -> list[Bundle] | None:
        with self._lock:
            if key in self._bundles:
                self._bundles.move_to_end(key)
            return self._bundles.get(key)

    def _put(self, key: str, texts: Sequence[str]) -> list[Bundle]:
        bundles = [pages.parse(text) for text in texts]
        with self._lock:
            self._bundles[key] = bundles
            while len(self._bundles) > BUNDLES_MAX:
                self._bundles.popitem(last=False)
        return bundles
