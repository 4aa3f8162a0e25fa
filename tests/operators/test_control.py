"""if>, loop>, for_each>, for_range>, call>: the bodies they generate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.operators.doubles import Trial

from skydag.errors import ConfigError, WorkflowError
from skydag_operators.call import Call
from skydag_operators.for_each import ForEach, tag
from skydag_operators.for_range import ForRange
from skydag_operators.if_ import If
from skydag_operators.loop import Loop

SAY: dict[str, Any] = {"echo>": "${i}"}


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def subtasks(trial: Trial, operator: Any, config: Mapping[str, Any]) -> Mapping[str, Any]:
    return trial.run(operator, config).subtasks


@pytest.mark.parametrize(("condition", "chosen"), [
    (True, "do"), (5, "do"), ("true", "do"), ("True", "do"), (" true ", "do"),
    (False, "else"), (0, "else"), ("false", "else"), ("False", "else"), ("", "else"), ("null", "else"),
])
def test_e91_o72_if_takes_one_of_its_bodies(trial: Trial, condition: Any, chosen: str) -> None:
    config = {"_command": condition, "_do": {"echo>": "do"}, "_else_do": {"echo>": "else"}}
    assert subtasks(trial, If(), config) == {"echo>": chosen}


@pytest.mark.parametrize("condition", ["yes", "5", 1.5, [True], "TRUE"])
def test_l66_if_refuses_what_is_no_boolean_and_names_it(trial: Trial, condition: Any) -> None:
    with pytest.raises(ConfigError, match="Expected 'true' or 'false' for key '_command' but got"):
        subtasks(trial, If(), {"_command": condition, "_do": SAY})


def test_e91_a_missing_chosen_body_is_a_success_without_tasks(trial: Trial) -> None:
    assert subtasks(trial, If(), {"_command": False, "_do": SAY}) == {}


def test_e91_o72_if_without_any_body_fails_and_a_bad_condition_is_told_first(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="Both _do and _else_do are not specified"):
        subtasks(trial, If(), {"_command": True, "_do": {}})
    with pytest.raises(ConfigError, match="maybe"):
        subtasks(trial, If(), {"_command": "maybe"})
    with pytest.raises(ConfigError, match="Parameter '_command' is required but not set"):
        subtasks(trial, If(), {"_do": SAY})
    with pytest.raises(ConfigError, match="_do"):
        subtasks(trial, If(), {"_command": True, "_do": [1]})


def test_e92_o64_a_loop_exports_i_over_the_exports_of_its_body(trial: Trial) -> None:
    do = {"_export": {"i": "mine", "q": "q${i}"}, "+x": SAY}
    assert subtasks(trial, Loop(), {"_command": 2, "_do": do}) == {
        "+loop-0": {"_export": {"i": 0, "q": "q${i}"}, "+x": SAY},
        "+loop-1": {"_export": {"i": 1, "q": "q${i}"}, "+x": SAY},
    }


@pytest.mark.parametrize(("count", "parallel", "generated"), [
    (0, None, {}), (-3, None, {}), (0, True, {"_parallel": True}), ("0", "true", {"_parallel": "true"}),
    (0, False, {}), (0, {"limit": 2}, {"_parallel": {"limit": 2}}),
])
def test_e92_a_loop_of_none_generates_only_what_parallel_says(
    trial: Trial, count: Any, parallel: Any, generated: dict[str, Any],
) -> None:
    config = {"_command": count, "_do": SAY} | ({} if parallel is None else {"_parallel": parallel})
    assert subtasks(trial, Loop(), config) == generated


def test_k9_a_count_in_scope_wins_but_the_command_must_be_there(trial: Trial) -> None:
    assert list(subtasks(trial, Loop(), {"_command": 5, "count": "2", "_do": SAY})) == ["+loop-0", "+loop-1"]
    with pytest.raises(ConfigError, match="Parameter '_command' is required but null"):
        subtasks(trial, Loop(), {"_command": None, "count": 2, "_do": SAY})


def test_e92_a_loop_refuses_what_is_no_number_no_body_and_too_many(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="abc"):
        subtasks(trial, Loop(), {"_command": "abc", "_do": SAY})
    with pytest.raises(ConfigError, match="Parameter '_do' is required but not set"):
        subtasks(trial, Loop(), {"_command": 1})
    with pytest.raises(ConfigError, match=r"Too many loop subtasks\. Limit: 1000"):
        subtasks(trial, Loop(), {"_command": 1001, "_do": SAY})
    with pytest.raises(ConfigError, match="Invalid _parallel format: 3"):
        subtasks(trial, Loop(), {"_command": 1, "_do": SAY, "_parallel": 3})
    with pytest.raises(ConfigError, match="'limit' is required"):
        subtasks(trial, Loop(), {"_command": 1, "_do": SAY, "_parallel": {}})
    with pytest.raises(ConfigError, match="Parameter '_export' must be an object"):
        subtasks(trial, Loop(), {"_command": 1, "_do": {"_export": 3}})


def test_e93_o66_names_of_the_cross_product_the_first_key_slowest(trial: Trial) -> None:
    config = {"_command": {"fruit": ["apple pie long", "orange"], "n": [1, {"k": 2}]}, "_do": SAY}
    generated = subtasks(trial, ForEach(), config)
    assert list(generated) == [
        "+for-0=fruit=0=apple%20pi&1=n=0=1",
        "+for-0=fruit=0=apple%20pi&1=n=1=%7B%22k%22%3A2%7D",
        "+for-0=fruit=1=orange&1=n=0=1",
        "+for-0=fruit=1=orange&1=n=1=%7B%22k%22%3A2%7D",
    ]
    last = generated["+for-0=fruit=1=orange&1=n=1=%7B%22k%22%3A2%7D"]
    assert last == {**SAY, "_export": {"fruit": "orange", "n": {"k": 2}}}


@pytest.mark.parametrize(("value", "shown"), [
    (None, "null"), (True, "true"), (1.5, "1.5"), ([1, 2], "%5B1%2C2%5D"), ("", ""),
    ("ä/ö ü&=+", "%C3%A4%2F%C3%B6%20%C3%BC%26%3D%2B"),
    ("日本語日本語日本語", "%E6%97%A5%E6%9C%AC%E8%AA%9E%E6%97%A5%E6%9C%AC%E8%AA%9E%E6%97%A5%E6%9C%AC"),
    ("0123456789", "01234567"), ("a~b.c-d_", "a%7Eb.c-d_"),
    ("1234567😀", "1234567%3F"), ("123456😀x", "123456%F0%9F%98%80"),
])
def test_e93_tags_are_cut_to_eight_units_and_encoded_as_a_form(value: Any, shown: str) -> None:
    assert tag(value) == shown


def test_k8_a_star_is_encoded_so_that_the_name_is_a_task_name() -> None:
    assert tag("*.csv") == "%2A.csv"


@pytest.mark.parametrize("command", [{"x": []}, {"x": [1, 2], "y": []}, {"x": [], "y": [1, 2]}, {}])
def test_k7_any_empty_list_gives_no_tasks(trial: Trial, command: Any) -> None:
    assert subtasks(trial, ForEach(), {"_command": command, "_do": SAY}) == {}


def test_l65_o15_the_mapping_and_each_list_may_be_json_text(trial: Trial) -> None:
    whole = subtasks(trial, ForEach(), {"_command": json.dumps({"x": [1]}), "_do": SAY})
    assert whole == {"+for-0=x=0=1": {**SAY, "_export": {"x": 1}}}
    one = subtasks(trial, ForEach(), {"_command": {"y": '["u"]'}, "_do": SAY})
    assert one == {"+for-0=y=0=u": {**SAY, "_export": {"y": "u"}}}


@pytest.mark.parametrize(("command", "words"), [
    ({"x": "a,b"}, "x"), ({"x": 5}, "array type for key 'x' but got 5"), ([1, 2], "object type for key '_command'"),
    ({"x": None}, "Parameter 'x' is required but null"),
])
def test_e93_what_is_no_list_is_refused_by_name(trial: Trial, command: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        subtasks(trial, ForEach(), {"_command": command, "_do": SAY})


def test_o69_too_many_combinations_are_refused_before_any_is_made(trial: Trial) -> None:
    axes = {key: list(range(1000)) for key in "abcdef"}
    with pytest.raises(ConfigError, match=r"Too many for_each subtasks\. Limit: 1000"):
        subtasks(trial, ForEach(), {"_command": axes, "_do": SAY})


def test_e90_the_body_keeps_its_own_export_beside_the_variables(trial: Trial) -> None:
    generated = subtasks(trial, ForEach(), {"_command": {"x": [1]}, "_do": {"_export": {"y": 2}, "+t": SAY}})
    assert generated["+for-0=x=0=1"]["_export"] == {"y": 2, "x": 1}


@pytest.mark.parametrize(("command", "pieces"), [
    ({"from": 0, "to": 5, "step": 2}, [(0, 2), (2, 4), (4, 5)]),
    ({"from": "3", "to": "6", "slices": "2"}, [(3, 5), (5, 6)]),
    ({"from": 0, "to": 2, "slices": 5}, [(0, 1), (1, 2)]),
    ({"from": -3, "to": 1, "step": 2}, [(-3, -1), (-1, 1)]),
    ({"from": 0, "to": 4, "step": 3_000_000_000}, [(0, 4)]),
    ({"from": 4, "to": 4, "step": 1}, []), ({"from": 5, "to": 4, "slices": 2}, []),
    ('{"from": 1, "to": 2, "step": 1}', [(1, 2)]),
])
def test_e94_a_range_is_cut_into_pieces(trial: Trial, command: Any, pieces: list[tuple[int, int]]) -> None:
    assert subtasks(trial, ForRange(), {"_command": command, "_do": SAY}) == {
        f"+range-from={a}&to={b}": {**SAY, "_export": {"range": {"from": a, "to": b, "index": n}}}
        for n, (a, b) in enumerate(pieces)
    }


@pytest.mark.parametrize(("command", "words"), [
    ({"from": 0, "to": 4, "step": 1, "slices": 2}, "both step and slices"),
    ({"from": 0, "to": 4}, "step or slices option is required"),
    ({"from": 0, "step": 1}, "Parameter 'to' is required"),
    ({"from": 0, "to": 4, "step": 0}, "same or greater than 1 but got 0"),
    ({"from": 0, "to": 1001, "step": 1}, r"Too many for_range subtasks \(1001\)\. Limit: 1000"),
])
def test_o70_a_wrong_range_is_refused(trial: Trial, command: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        subtasks(trial, ForRange(), {"_command": command, "_do": SAY})


@pytest.mark.parametrize(("command", "workdir", "path"), [
    ("c", None, "c.dig"), ("c.dig", None, "c.dig"), ("d2/e", "d1", "d1/d2/e.dig"), ("../c", "d1", "c.dig"),
])
def test_e95_o55_call_finds_the_file_from_the_working_directory(
    tmp_path: Path, command: str, workdir: str | None, path: str,
) -> None:
    trial = Trial(tmp_path, compiled={path: {"+x": SAY}})
    config = {"_command": command} | ({} if workdir is None else {"_workdir": workdir})
    assert subtasks(trial, Call(), config) == {"+x": SAY}


@pytest.mark.parametrize(("command", "words"), [
    ("nope", r"File not found: nope\.dig"), ("../nope", "must not be outside of project path: ../nope"),
    ("/etc/nope", "must not be outside of project path"),
])
def test_o53_call_refuses_a_missing_file_and_one_outside(trial: Trial, command: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        subtasks(trial, Call(), {"_command": command})


def test_e95_a_broken_file_fails_the_calling_task_with_its_place(tmp_path: Path) -> None:
    trial = Trial(tmp_path, compiled={"c.dig": WorkflowError("c.dig:1:5: expected a mapping")})
    with pytest.raises(ConfigError, match=r"c\.dig:1:5: expected a mapping"):
        subtasks(trial, Call(), {"_command": "c"})


@pytest.mark.parametrize(("operator", "config"), [
    (Loop(), {"_command": 1}), (ForEach(), {"_command": {"a": [1]}}),
    (ForRange(), {"_command": {"from": 0, "to": 1, "step": 1}}),
])
def test_o65_parallel_is_true_or_a_mapping_with_a_limit_exported_or_not(
    trial: Trial, operator: Any, config: dict[str, Any],
) -> None:
    for value in (True, {"limit": 2}):
        found = trial.run(operator, {**config, "_do": SAY, "_parallel": value}, local={**config, "_do": SAY}).subtasks
        assert found["_parallel"] == value
    assert "_parallel" not in trial.run(operator, {**config, "_do": SAY, "_parallel": False}).subtasks
    for wrong in ([1], 1.5, None):
        with pytest.raises(ConfigError, match="Invalid _parallel format: "):
            trial.run(operator, {**config, "_do": SAY, "_parallel": wrong})
    with pytest.raises(ConfigError, match="'limit' is required"):
        trial.run(operator, {**config, "_do": SAY, "_parallel": {}})
