"""Rules of the language that only show where workflows are pushed, run and stored (language.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.app.registry_world import World as Registry
from tests.digdag.workflow_cases import World

from skydag.app.archive_entries import LIMITS
from skydag.app.evaluate import with_section
from skydag.app.names import check_revision_name
from skydag.app.tasks import TaskRow
from skydag.cli.main import main
from skydag.engine.variables import variables
from skydag.errors import InvalidError
from skydag.model.ids import AttemptId
from skydag.model.session import Attempt

AT = datetime(2025, 1, 1, tzinfo=UTC)


class Ran:
    """A workflow w, run to its end on the local world."""

    def __init__(self, folder: Path, text: str, params: Mapping[str, Any] | None = None, **more: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.world = World(folder, {"w.dig": text}, is_direct=True, **more)
        self.id = self.world.start("w", AT, params or {})
        self.world.settle()

    @property
    def printed(self) -> list[str]:
        return self.world.printed

    @property
    def rows(self) -> Sequence[TaskRow]:
        return self.world.rows(self.id)

    @property
    def attempt(self) -> Attempt:
        found = self.world.local.application.attempts.get(AttemptId(self.id))
        assert found is not None
        return found

    def error(self, name: str) -> str:
        return next(str(row.error["message"]) for row in self.rows if row.full_name == name)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda text, params=None, **more: Ran(tmp_path / "p", text, params, **more)


def test_the_root_task_is_a_group_of_the_workflows_name_l_35(run: Run) -> None:
    root = run("+a: {echo>: x}\n").rows[0]
    assert (root.full_name, root.is_group, root.parent_id) == ("+w", True, None)


@pytest.mark.parametrize("length", [1, 255])
def test_a_revision_name_has_up_to_255_characters_l_53(length: int) -> None:
    check_revision_name("r" * length)
    for wrong in ("", "r" * 256):
        with pytest.raises(InvalidError, match="Validating revision failed"):
            check_revision_name(wrong)


def test_names_are_refused_at_a_push_by_the_task_and_the_character_l_54() -> None:
    with pytest.raises(Exception, match=r"task name must not contain character ' ': \"\+a b\"") as caught:
        Registry().push({"w.dig": "+a b: {echo>: x}\n+g: {+x*: {echo>: x}}\n"})
    assert "must not contain character '*'" in str(caught.value)
    assert "com.treasuredata" not in str(caught.value)


def test_a_local_key_wins_over_stores_and_exports_in_its_own_task_only_l_70_l_76(run: Run) -> None:
    ran = run("_export: {x: exported}\n+a: {x: local, echo>: '${x}'}\n+b: {echo>: '${x}'}\n"
              "+c: {task_name: mine, echo>: '${task_name}'}\n+d: {_export: {task_name: mine}, echo>: '${task_name}'}\n")
    assert ran.printed == ["local", "exported", "mine", "+w+d"]


def test_minus_p_is_weaker_than_an_export_of_the_root_l_75(run: Run) -> None:
    assert run("_export: {x: exported}\n+a: {echo>: '${x} ${y}'}\n", {"x": "p", "y": "p"}).printed == ["exported p"]


def test_all_is_evaluated_once_a_run_just_before_the_operator_v_1_l_103(run: Run) -> None:
    ran = run("+a:\n  _retry: 5\n  sh>: 'echo ${nope}'\n  _error: {echo>: '${error.message}'}\n")
    assert ran.printed == [ran.error("+w+a")]
    assert ran.printed[0].startswith('Failed to evaluate a variable echo ${nope} (ReferenceError: "nope"')
    assert [row.state_params for row in ran.rows if row.full_name == "+w+a"] == [{}]        # no retry


def test_what_a_task_stored_with_a_template_in_it_is_evaluated_later_v_5_l_94(run: Run) -> None:
    assert run("+a:\n  for_each>: {k: ['${q}']}\n  _do: {echo>: '${k}'}\n", {"q": 1}).printed == ["1"]


def test_built_in_variables_hold_against_parameters_and_retry_name_is_undefined_v_13(run: Run) -> None:
    ran = run("_export: {session_date: x}\n+a:\n  echo>: \"${session_date} ${typeof retry_attempt_name} "
              "${typeof last_session_time} ${last_executed_session_time}|\"\n", {"session_id": "mine"})
    assert ran.printed == ["2025-01-01 undefined undefined |"]


def test_there_is_no_variable_of_project_workflow_or_revision_l_106(run: Run) -> None:
    ran = run("+a: {echo>: '${typeof project_name} ${typeof workflow_name} ${typeof revision}'}\n")
    assert ran.printed == ["undefined undefined undefined"]
    assert set(variables(replace(ran.attempt, retry_attempt_name="r"), "+w+a", {})) == {
        "timezone", "session_uuid", "session_id", "session_time", "session_date", "session_date_compact",
        "session_local_time", "session_tz_offset", "session_unixtime", "project_id", "attempt_id", "task_name",
        "retry_attempt_name", *(f"last_executed_session_{what}" for what in (
            "time", "date", "date_compact", "local_time", "unixtime", "tz_offset"))}


def test_a_section_of_the_operators_name_gives_defaults_below_all_else_l_144() -> None:
    config = {"mail": {"from": "a", "to": "b", "x": {"y": 1}}, "to": "c", "x": {"z": 2}}
    assert with_section(config, "mail") == {"from": "a", "to": "c", "x": {"y": 1, "z": 2}, "mail": config["mail"]}
    assert with_section({"mail": "text"}, "mail") == {"mail": "text"}


def test_an_inherited_parameter_works_as_an_option_l_144(run: Run) -> None:
    assert run("_export: {count: 2}\n+a: {loop>: 5, _do: {echo>: '${i}'}}\n").printed == ["0", "1"]


def test_errors_say_of_which_kind_they_are_but_for_those_raised_on_purpose_l_150_l_160(run: Run) -> None:
    ran = run("_parallel: true\n+a: {fail>: bare words}\n+b: {echo>: [1]}\n+c: {nothere>: x}\n+d: {sh>: exit 3}\n")
    assert ran.error("+w+a") == "bare words"
    assert ran.error("+w+b").startswith("Expected string type for key '_command' but got")
    assert ran.error("+w+b").endswith(" (config)")
    assert ran.error("+w+c") == "Unknown task type: nothere (config)"
    assert ran.error("+w+d") == "Command failed with code 3 (runtime)"


def test_an_attempt_has_a_limit_of_tasks_l_166_o_21(run: Run) -> None:
    ran = run("+a: {loop>: 9, _do: {echo>: x}}\n", task_limit=5)
    assert "Too many" in ran.error("+w+a")
    assert ran.printed == []


def test_order_and_types_of_parameters_survive_the_tables_l_174(run: Run) -> None:
    params = {"z": 1, "a": 1.0, "m": {"z": [1, 1.5, None, True], "2": "x", "a": 2**60}}
    ran = run("+a: {echo>: '${m}'}\n", params)
    stored = ran.attempt.params
    assert json.dumps(stored) == json.dumps(params)
    root = ran.world.project.workflows[0].definition
    assert list(root) == ["+a"]


def test_the_limits_of_an_archive_l_165() -> None:
    assert (LIMITS.bytes_max, LIMITS.files_max) == (200_000_000, 10_000)


def test_a_pushed_revision_has_no_parameters_of_its_own_l_156(run: Run) -> None:
    assert run("_export: {a: 1}\n+a: {echo>: '${b}'}\n", {"b": 2}).attempt.params == {"b": 2}


# --- the command line

def said(folder: Path, text: str, *options: str, monkeypatch: pytest.MonkeyPatch,
         capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of `run w.dig`."""
    (folder / "w.dig").write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder / "home"))
    code = main(["run", "w.dig", "--no-save", *options])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_leaf_that_starts_is_logged_with_its_evaluated_command_l_147_o_11(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    text = "_export: {n: 5}\n+a: {echo>: 'n is ${n}'}\n"
    code, out, err = said(tmp_path, text, monkeypatch=monkeypatch, capsys=capsys)
    assert (code, "echo>: n is 5" in err, "n is 5" in out) == (0, True, True)


def test_a_config_error_exits_1_with_its_text_l_150(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, err = said(tmp_path, "foo: 1\n", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 1
    assert "w.dig:1:1: Workflow 'w' includes unknown keys: [foo]" in err


def test_parameters_of_properties_a_file_and_the_line_in_this_order_l_153(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "p.yml").write_text("b: file\nc: file\nm: {y: file}\n")
    code, out, _ = said(tmp_path, "+a: {echo>: '${a} ${b} ${c} ${m}'}\n", "-X", "params.a=property", "-X",
                        "params.b=property", "-X", "params.m.x=property", "-P", "p.yml", "-p", "c=line",
                        monkeypatch=monkeypatch, capsys=capsys)
    assert (code, out.splitlines()) == (0, ['property file line {"x":"property","y":"file"}'])


def test_a_project_elsewhere_is_a_parameter_l_155(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "w.dig").write_text("+a: {echo>: '${_project_path}'}\n")
    monkeypatch.chdir(tmp_path)
    assert main(["run", "w.dig", "--no-save", "--project", str(other)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(other)]
