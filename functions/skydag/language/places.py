"""Where every task of a workflow stands: one walk along the nodes of its file, made only when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from skydag.language.source import Document
from skydag.model.workflow import Place, Task

Standing = list[tuple[Document, yaml.Node | None, yaml.Node]]      # in which file, its key, its body


def task_places(document: Document, tasks: Sequence[Task]) -> tuple[Place, ...]:
    """The place of each task's key, in order of the tasks; the root stands at the beginning of the file.

    A task that several mappings make together (by includes) stands where the last of them does, as for
    `Document.place`.
    """
    if document.root is None:
        return (Place(file=document.file),) * len(tasks)
    standing: list[Standing] = [[(document, None, document.root)]]
    below: dict[int, dict[str, Standing]] = {}
    out = [Place(file=document.file)]
    for task in tasks[1:]:
        assert task.parent is not None
        children = below.get(task.parent)
        if children is None:
            children = below[task.parent] = _children(standing[task.parent])
        here = children[task.name]
        standing.append(here)
        file, key, _ = here[-1]
        out.append(file.place_of(key) if key is not None else Place(file=file.file))
    return tuple(out)


def _children(above: Standing) -> dict[str, Standing]:
    out: dict[str, Standing] = {}
    for document, _, body in above:
        for name, file, key, value in document.entries(body):
            if name.startswith("+"):
                out.setdefault(name, []).append((file, key, value))
    return out
