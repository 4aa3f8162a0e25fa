"""From files to task trees (L-30 to L-63, L-114 to L-118)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.language.sources import cases, reader

from skydag.errors import WorkflowError
from skydag.language.bodies import check_exports, compile_tasks
from skydag.language.compile import compile_file, compile_project, load_body
from skydag.model.workflow import Task, Workflow


def workflow(text: str) -> Workflow:
    return compile_file("w.dig", reader({"w.dig": text}))


def waits_for(text: str) -> dict[str, list[str]]:
    """Full name -> full names of its upstreams."""
    tasks = workflow(text).tasks
    return {task.full_name: [tasks[index].full_name for index in task.upstreams] for task in tasks}


def errors(text: str) -> list[str]:
    return [str(problem) for problem in compile_project(["w.dig"], reader({"w.dig": text})).errors]


@pytest.mark.parametrize("case", cases("workflows/refused.json"), ids=lambda case: case["id"])
def test_a_push_is_refused_or_accepted_as_digdag_does(case: dict[str, Any]) -> None:
    project = compile_project(case["files"], reader(case["files"]))
    expected = case["expect"]["push"]
    messages = "\n".join(map(str, project.errors))
    if expected == "ok":
        assert messages == ""
    else:
        assert project.errors
        assert [word for word in expected["message_contains"] if word not in messages] == []


def test_tasks_come_depth_first_in_file_order_e_10() -> None:
    tasks = workflow("+a:\n  +b: {echo>: 1}\n  +c: {}\n+d: {echo>: 2}\n").tasks
    assert [(task.index, task.parent, task.full_name, task.is_group) for task in tasks] == [
        (0, None, "+w", True), (1, 0, "+w+a", True), (2, 1, "+w+a+b", False), (3, 1, "+w+a+c", True),
        (4, 0, "+w+d", False)]


def test_a_sequence_waits_for_the_task_before_l_59() -> None:
    assert waits_for("+a: {}\n+b: {}\n+c: {}\n") == {
        "+w": [], "+w+a": [], "+w+b": ["+w+a"], "+w+c": ["+w+b"]}


def test_a_background_task_waits_for_nothing_and_the_next_for_both_l_62() -> None:
    assert waits_for("+a: {}\n+b: {}\n+c: {_background: true}\n+d: {}\n") == {
        "+w": [], "+w+a": [], "+w+b": ["+w+a"], "+w+c": [], "+w+d": ["+w+b", "+w+c"]}


def test_batches_wait_for_the_whole_batch_before_l_60() -> None:
    found = waits_for("_parallel: {limit: 2}\n" + "".join(f"+{name}: {{}}\n" for name in "abcde"))
    assert found["+w+b"] == []
    assert found["+w+c"] == found["+w+d"] == ["+w+a", "+w+b"]
    assert found["+w+e"] == ["+w+c", "+w+d"]


def test_after_adds_to_the_batch_and_names_no_task_twice_l_61() -> None:
    found = waits_for("_parallel: {limit: 2}\n+a: {}\n+b: {}\n+c: {_after: [+b]}\n+d: {_after: [+a, +c]}\n")
    assert found["+w+c"] == ["+w+a", "+w+b"]
    assert found["+w+d"] == ["+w+a", "+w+b", "+w+c"]


@pytest.mark.parametrize("limit", [0, -1, "0"])
def test_a_limit_of_nothing_is_no_limit_l_60(limit: object) -> None:
    found = waits_for(f"_parallel: {{limit: {limit!r}}}\n+a: {{}}\n+b: {{}}\n")
    assert found["+w+b"] == []


def test_parallel_may_be_a_text_l_60() -> None:
    assert waits_for("_parallel: 'true'\n+a: {}\n+b: {}\n")["+w+b"] == []


def test_a_disabled_task_is_an_empty_group_whose_content_is_not_looked_at_l_41() -> None:
    tasks = workflow("+a: {_disable: true, echo>: 1, sh>: 2, '+bad name': {}, foo: 1, _export: {x: 1}}\n+b: {}\n").tasks
    assert [task.full_name for task in tasks] == ["+w", "+w+a", "+w+b"]
    assert (tasks[1].is_group, tasks[1].config, tasks[1].export) == (True, {"_disable": True}, {})
    assert tasks[2].upstreams == (1,)


def test_a_disabled_task_drops_what_it_would_wait_for_l_63() -> None:
    found = waits_for("_parallel: true\n+a: {}\n+b: {_disable: true, _after: [+a]}\n+c: {_after: [+b]}\n")
    assert (found["+w+b"], found["+w+c"]) == ([], ["+w+b"])


def test_a_list_of_mappings_is_one_task_l_40() -> None:
    tasks = workflow("+t:\n  - {_export: {a: 1}}\n  - +x: {echo>: x1}\n  - +y: {}\n  - +x: {echo>: x2}\n").tasks
    assert [task.full_name for task in tasks] == ["+w", "+w+t", "+w+t+x", "+w+t+y"]
    assert tasks[2].config == {"echo>": "x2"}


def test_type_and_one_operator_make_a_leaf_l_42() -> None:
    assert workflow("+a: {_type: echo, sh>: x}\n").tasks[1].is_group is False


def test_a_leaf_keeps_its_other_keys_and_a_group_its_settings() -> None:
    tasks = workflow("_retry: 1\n_export: {g: 1}\n+a: {x: 1, _export: {y: 2}, sh>: z, _check: {}, _retry: 2}\n").tasks
    assert (tasks[0].config, tasks[0].export) == ({"_retry": 1}, {"g": 1})
    assert (list(tasks[1].config.items()), tasks[1].export) == (
        [("x", 1), ("sh>", "z"), ("_check", {}), ("_retry", 2)], {"y": 2})


def test_a_broken_check_is_found_at_run_time_only_l_116() -> None:
    assert errors("+a: {echo>: 1, _check: {echo>: 1, sh>: 2}}\n") == []


def test_an_empty_error_block_counts_as_absent_l_115() -> None:
    assert errors("+a: {echo>: 1, _error: {}}\n") == []


def test_the_definition_has_its_stored_order_l_33() -> None:
    text = "+a: {}\n_parallel: true\nschedule: {daily>: '07:00:00'}\ntimezone: Asia/Tokyo\n_export: {x: 1}\n_retry: 1\n"
    found = workflow(text)
    assert list(found.definition) == ["_export", "schedule", "_retry", "_parallel", "+a"]
    assert (found.timezone, found.schedule) == ("Asia/Tokyo", {"daily>": "07:00:00"})


@pytest.mark.parametrize("name", ["Asia/Tokyo", "UTC", "Z", "+09:00", "UTC+9", "GMT-03:30", "US/Eastern", "CET"])
def test_time_zones_of_every_kind_are_accepted_l_31(name: str) -> None:
    assert workflow(f"timezone: '{name}'\n").timezone == name


@pytest.mark.parametrize("name", ["PST", "JST", "EST", "asia/Tokyo/", "Asia", "../etc/passwd", "", "+19:00", "+9:60"])
def test_what_is_no_zone_is_refused_by_name_l_31(name: str) -> None:
    assert errors(f"timezone: '{name}'\n")[0].startswith(f"w.dig:1:1: Unknown time zone name: {name};")


@pytest.mark.parametrize(("file", "word"), [
    ("1wf.dig", "digit"), ("my wf.dig", "' '"), ("日本.dig", "日"), ("a+b.dig", "'+'"), ("@x.dig", "'@'"),
    ("x.dig.dig", ".dig"),
])
def test_a_file_name_that_makes_no_workflow_name_is_refused_l_52(file: str, word: str) -> None:
    problems = compile_project([file], reader({file: "+a: {echo>: 1}\n"})).errors
    assert word in problems[0].message
    assert problems[0].place.file == file


def test_only_dig_files_of_the_top_folder_are_workflows_l_1() -> None:
    files = {"b.dig": "+x: {}\n", "a.dig": "+x: {}\n", "sub/c.dig": "foo: 1\n", ".d.dig": "foo: 1\n", "e.yml": "[]"}
    project = compile_project(files, reader(files))
    assert ([each.name for each in project.workflows], project.problems) == (["a", "b"], ())


def test_one_bad_file_keeps_the_others_compiled_and_is_reported_in_full() -> None:
    files = {"a.dig": "foo: 1\n+x:\n", "b.dig": "+x: {}\n", "c.dig": "- 1\n"}
    project = compile_project(files, reader(files))
    assert [each.name for each in project.workflows] == ["b"]
    assert [f"{problem.place}" for problem in project.errors] == ["a.dig:1:1", "a.dig:2:1", "c.dig:1:1"]


def test_compile_file_raises_all_errors_one_a_line() -> None:
    with pytest.raises(WorkflowError) as caught:
        workflow("foo: 1\nbar: 2\n")
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["1", "2"]


def test_a_called_file_brings_its_folder_as_workdir_l_34() -> None:
    files = {"sub/x.dig": "timezone: Asia/Tokyo\nschedule: {daily>: '07:00:00'}\n_check: {echo>: 1}\n_retry: 2\n"
                          "_export: {a: 1}\n+t: {echo>: 1}\n",
             "sub/y.dig": "_export: {_workdir: deep}\n+t: {echo>: 1}\n", "z.dig": "+t: {echo>: 1}\n"}
    assert load_body("sub/x.dig", reader(files)) == {
        "_export": {"a": 1, "_workdir": "sub"}, "_retry": 2, "+t": {"echo>": 1}}
    assert load_body("sub/y.dig", reader(files))["_export"] == {"_workdir": "sub/deep"}
    assert load_body("z.dig", reader(files)) == {"+t": {"echo>": 1}}
    with pytest.raises(FileNotFoundError):
        load_body("nothere.dig", reader(files))


def test_a_called_file_with_mistakes_says_all_of_them_with_their_places() -> None:
    with pytest.raises(WorkflowError, match=r"(?s)sub/x.dig:1:1: .*foo.*\nsub/x.dig:3:3: "):
        load_body("sub/x.dig", reader({"sub/x.dig": "foo: 1\n+a:\n  +b: 1\n"}))


def test_a_broken_export_of_a_task_is_found_at_the_start_l_122() -> None:
    files = {"w.dig": "+g:\n  +a: {_export: [1], echo>: a}\n  +b: {_export: 1, _disable: true}\n"}
    project = compile_project(files, reader(files))
    assert [str(problem) for problem in project.problems] == [
        "w.dig:2:8: Parameter '_export' must be an object; no start of this workflow will be accepted"]
    with pytest.raises(WorkflowError, match=r"^\+w\+g\+a: Parameter '_export' must be an object$"):
        check_exports("w", project.workflows[0].definition)
    check_exports("w", {"_export": {}, "+a": {"_export": None}, "+b": [{"_export": {}}]})
    with pytest.raises(WorkflowError, match="_export"):
        compiled({"_export": [1], "echo>": "a"})


def compiled(body: dict[str, object]) -> list[Task]:
    return list(compile_tasks("^sub", "+w+a", body))


def test_a_generated_body_is_a_leaf_or_a_group_of_that_name_e_12() -> None:
    leaf = compiled({"echo>": "x", "_export": {"i": 0}})
    assert [(task.full_name, task.is_group, task.export) for task in leaf] == [("+w+a^sub", False, {"i": 0})]
    group = compiled({"_parallel": True, "+loop-0": {"echo>": "a"}, "+loop-1": {"+x": {}}})
    assert [(task.full_name, task.parent, task.upstreams) for task in group] == [
        ("+w+a^sub", None, ()), ("+w+a^sub+loop-0", 0, ()), ("+w+a^sub+loop-1", 0, ()), ("+w+a^sub+loop-1+x", 2, ())]


def test_a_broken_generated_body_says_where_it_is_broken() -> None:
    with pytest.raises(WorkflowError, match=r"^A task can't have more than one operator: \+w\+a\^sub\+x has"):
        compiled({"+x": {"echo>": 1, "sh>": 2}})
    with pytest.raises(WorkflowError, match=r"^\+w\+a\^sub: Invalid _parallel format: 3"):
        compiled({"_parallel": 3, "+x": {"echo>": 1}})


def test_nesting_is_limited_to_100_levels() -> None:
    def nested(levels: int) -> str:
        return "".join(f"{' ' * at}+t:\n" for at in range(levels)) + " " * levels + "+leaf: {echo>: x}\n"

    assert errors(nested(99)) == []
    assert errors(nested(100))[0].startswith("w.dig:100:100: tasks are nested deeper than 100 levels")


def test_a_thousand_tasks_compile_in_a_fifth_of_a_second() -> None:
    import time

    text = "".join(f"+t{n}:\n  _export: {{x: {n}}}\n  +a:\n    sh>: run ${{x}}\n    _retry: 2\n" for n in range(500))
    times = []
    for _ in range(5):              # the best of five: the machine has other things to do
        start = time.process_time()
        assert len(workflow(text).tasks) == 1001
        times.append(time.process_time() - start)
    assert min(times) < 0.2
