"""Where tasks stand: the fast walk agrees with the place that errors show, and costs little."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.language.sources import reader

from skydag.language.compile import compile_project, compile_with_places
from skydag.language.include import load
from skydag.language.places import task_places
from skydag.model.workflow import Task, Workflow

CASES = Path(__file__).parents[1] / "conformance" / "workflows"
FILES = {
    "w.dig": (
        "_export: {x: 1}\n"                     # 1
        "+a:\n"                                 # 2
        "  +b: {echo>: 1}\n"                    # 3
        "!include : more.yml\n"                 # 4
        "+list:\n"                              # 5
        "- +c: {echo>: 1}\n"                    # 6
        "- !include : sub/part.yml\n"           # 7
        "+again: &again\n"                      # 8
        "  +e: {echo>: 1}\n"                    # 9
        "+alias: *again\n"                      # 10
        "+merged: {<<: *again, +f: {echo>: 2}}\n"
    ),
    "more.yml": "+m:\n  +n: {echo>: 1}\n+a:\n  +o: {echo>: 1}\n",
    "sub/part.yml": "\n+d: {echo>: 1}\n",
}


def path_of(tasks: tuple[Task, ...], task: Task) -> list[str]:
    return [] if task.parent is None else [*path_of(tasks, tasks[task.parent]), task.name]


def placed(files: dict[str, str]) -> dict[str, str]:
    project, places = compile_with_places(files, reader(files))
    assert project.errors == ()
    return {task.full_name: str(place) for task, place in zip(project.workflows[0].tasks, places["w"], strict=True)}


def test_every_task_has_the_place_of_its_key_in_the_file_it_stands_in() -> None:
    assert placed(FILES) == {
        "+w": "w.dig:1:1", "+w+a": "more.yml:3:1", "+w+a+b": "w.dig:3:3", "+w+a+o": "more.yml:4:3",
        "+w+m": "more.yml:1:1", "+w+m+n": "more.yml:2:3", "+w+list": "w.dig:5:1", "+w+list+c": "w.dig:6:3",
        "+w+list+d": "sub/part.yml:2:1", "+w+again": "w.dig:8:1", "+w+again+e": "w.dig:9:3",
        "+w+alias": "w.dig:10:1", "+w+alias+e": "w.dig:9:3", "+w+merged": "w.dig:11:1", "+w+merged+e": "w.dig:9:3",
        "+w+merged+f": "w.dig:11:23",
    }


def test_a_file_without_tasks_has_a_place_for_its_root() -> None:
    assert placed({"w.dig": "{}\n"}) == {"+w": "w.dig:1:1"}


def workflows() -> Iterator[tuple[dict[str, str], Workflow]]:
    for path in sorted(CASES.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            files = {name: text for name, text in case.get("files", {}).items() if isinstance(text, str)}
            for workflow in compile_project(files, reader(files)).workflows:
                yield files, workflow


def test_the_walk_gives_what_a_search_by_path_gives_for_every_task_of_the_recorded_projects() -> None:
    count = 0
    for files, workflow in workflows():
        document = load(workflow.file, reader(files))
        places = task_places(document, workflow.tasks)
        assert list(places) == [document.place(path_of(workflow.tasks, task)) for task in workflow.tasks]
        count += len(places)
    assert count > 500


@pytest.mark.parametrize("text", [
    "".join(f"+t{n}: {{echo>: hello {n}}}\n" for n in range(2000)),
    "".join(f"+g{n}:\n" + "".join(f"  +t{m}:\n    echo>: hello {m}\n" for m in range(10)) for n in range(200)),
], ids=["flat", "groups"])
def test_places_cost_at_most_a_quarter_of_the_load(text: str) -> None:
    files = {"w.dig": text}
    read = reader(files)
    document = load("w.dig", read)
    tasks = compile_project(files, read).workflows[0].tasks
    loading = best(lambda: compile_project(files, read))
    walking = best(lambda: task_places(document, tasks))
    assert walking <= 0.25 * loading, f"{walking * 1000:.1f} ms beside {loading * 1000:.1f} ms"


def best(call: Callable[[], object], tries: int = 5) -> float:
    """CPU seconds of the fastest of some tries."""
    times = []
    gc.disable()
    try:
        for _ in range(tries):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
    finally:
        gc.enable()
    return min(times)
