"""rb>: the command line, the files and the errors (O-113 .. O-117). Ruby itself may not be on this machine; a stand-in
speaks for it. Where it is, the runner is asked in earnest."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.operators.doubles import Trial
from tests.operators.stand_in_ruby import StandIn

from skydag.errors import ConfigError, TaskError
from skydag.local.commands import LocalCommands
from skydag_operators.rb import RUNNER, Rb, ruby

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path / "project", secrets={"app.token": "t0k-t0k"})


def with_ruby(trial: Trial, act: str = "leaves()") -> StandIn:
    ruby = StandIn(trial.files.root.parent / "bin", act)
    trial.commands = LocalCommands(trial.logged.append, {**os.environ, "PATH": f"{ruby.folder}:{os.environ['PATH']}"})
    return ruby


def failure(trial: Trial, config: dict[str, Any], kind: type[TaskError] = TaskError) -> TaskError:
    with pytest.raises(TaskError) as failed:
        trial.run(Rb(), config)
    assert type(failed.value) is kind
    return failed.value


def test_o113_the_command_names_the_working_directory_the_feature_the_runner_and_its_files(trial: Trial) -> None:
    trial.file("sub/x.rb", "")
    ruby = with_ruby(trial)
    trial.run(Rb(), {"_command": "Shop::Daily.load", "require": "tasks/shop", "_workdir": "sub", "day": "ü"})
    folder = trial.files.root / "sub"
    *options, program, method, given, left = ruby.called["argv"]
    assert options == ["-I", str(folder), "-r", "tasks/shop", "--"]
    assert method == "Shop::Daily.load"
    assert ruby.called["cwd"] == str(folder)
    assert [Path(name).name for name in (program, given, left)] == ["runner.rb", "input.json", "output.json"]
    assert all(name.startswith("../.digdag/tmp/digdag-rb-") for name in (program, given, left))
    assert ruby.called["params"]["day"] == "ü"
    assert ruby.called["program"] == RUNNER.read_text(encoding="utf-8")
    assert list((trial.files.root / ".digdag" / "tmp").iterdir()) == []


def test_o113_without_a_feature_nothing_is_required_and_a_whole_program_may_be_given(trial: Trial) -> None:
    ruby = with_ruby(trial, "leaves(store_params={'a': 1})")
    result = trial.run(Rb(), {"script": "puts 1\n"})
    options = ruby.called["argv"][:-3]
    assert (options, ruby.called["program"]) == (["-I", str(trial.files.root), "--"], "puts 1\n")
    assert result.store == {"a": 1}


def test_o97_what_the_program_leaves_is_the_result(trial: Trial) -> None:
    with_ruby(trial, "leaves(store_params={'rows': params['n'] + 1}, export_params={'e': 'x'},"
                     "       subtask_config={'+subtask0': {'rb>': '::A.b'}})")
    result = trial.run(Rb(), {"_command": "f", "n": 1})
    assert (result.store, result.export, result.subtasks) == ({"rows": 2}, {"e": "x"}, {"+subtask0": {"rb>": "::A.b"}})


def test_o116_the_error_names_code_message_class_and_the_users_frames(trial: Trial) -> None:
    with_ruby(trial, "leaves(3, {'class': 'ArgumentError', 'message': 'bad day', 'backtrace': [\"t.rb:2:in `f'\"]})")
    error = failure(trial, {"_command": "f"})
    assert str(error) == ("Ruby command failed with code 3: bad day (ArgumentError)\n\tfrom t.rb:2:in `f' (runtime)")
    assert error.stacktrace == "t.rb:2:in `f'"


@pytest.mark.parametrize(("act", "words"), [
    ("sys.exit(1)", "Ruby command failed with code 1 (runtime)"),
    ("sys.exit(127)", "Ruby command failed with code 127 (runtime)"),       # its own, Ruby was there
    ("os.kill(os.getpid(), 9)", "Ruby command failed with code 137: killed by signal 9 (out of memory?) (runtime)"),
    ("sys.exit(0)", "output.json does not exist. The program ended without writing its result (runtime)"),
])
def test_o116_a_program_that_leaves_no_file_fails(trial: Trial, act: str, words: str) -> None:
    with_ruby(trial, act)
    assert str(failure(trial, {"_command": "f"})) == words


def test_what_ruby_prints_is_in_the_log(trial: Trial) -> None:
    with_ruby(trial, "print('out', flush=True)\nprint('err', file=sys.stderr, flush=True)\nleaves()")
    trial.run(Rb(), {"_command": "f"})
    assert trial.log == ["out", "err"]


def test_o50_only_env_becomes_variables(trial: Trial) -> None:
    ruby = with_ruby(trial)
    trial.run(Rb(), {"_command": "f", "p": "param", "_env": {"T": "${secret:app.token}"}})
    assert ruby.called["env"]["T"] == "t0k-t0k"
    assert "p" not in ruby.called["env"]


@pytest.mark.parametrize(("value", "argv"), [
    (None, ["ruby"]), ("ruby3.3", ["ruby3.3"]), (["bundle", "exec", "ruby"], ["bundle", "exec", "ruby"]),
])
def test_the_interpreter_is_the_tasks_choice(value: Any, argv: list[str]) -> None:
    assert ruby({"ruby": value}) == argv


def test_the_interpreter_may_come_from_the_block_rb_and_anything_else_is_refused(trial: Trial) -> None:
    mine = StandIn(trial.files.root.parent / "mine", "leaves(store_params={'by': 'mine'})")
    assert trial.run(Rb(), {"_command": "f", "rb": {"ruby": [str(mine.file), "-w"]}}).store == {"by": "mine"}
    assert mine.called["argv"][0] == "-w"
    refused: tuple[Any, ...] = (5, [], {}, "")
    for wrong in refused:
        assert str(failure(trial, {"_command": "f", "ruby": wrong}, ConfigError)).startswith("Invalid ruby: ")
    assert "Parameter '_command' is required" in str(failure(trial, {}, ConfigError))


def test_without_ruby_one_message_says_what_to_do(trial: Trial) -> None:
    error = failure(trial, {"_command": "f", "ruby": "no-such-ruby"}, ConfigError)
    assert str(error) == (
        "there is no command 'no-such-ruby' where this task runs: install Ruby, name another interpreter (ruby: "
        "/opt/ruby/bin/ruby), or name an image that has one (docker: {image: ...})")


def test_the_runner_is_part_of_the_distribution() -> None:
    """Everything below operators/skydag_operators is, but what git ignores; and `make build` looks at its date."""
    assert RUNNER.parent == ROOT / "operators" / "skydag_operators"
    assert "*.rb" not in (ROOT / ".gitignore").read_text()
    assert re.search(r"find functions operators .*-name '\*\.rb'", (ROOT / "Makefile").read_text())


RUBY = """
module Shop
  class Daily
    def initialize(day)
      @day = day
    end

    def load(rows, more = 5, limit: 10, **rest)
      puts "#{@day} #{rows} #{more} #{limit} #{rest[:deep][:inner]}"
      Digdag.env.store(rows: rows + 1, deep: {a: 1})
      Digdag.env.export(seen: true)
      Digdag.env.add_subtask(Shop::Daily, :other, n: 1)
      Digdag.env.add_subtask(:plain, 'n' => 2)
      Digdag.env.add_subtask('echo>' => 'x')
      :ignored
    end

    def other; end

    def self.load; raise 'the method of an object comes first'; end

    def self.alone(rows, *all); puts "alone #{rows} #{all.length}"; end

    def self.needs(nothing_like_it); end

    def self.fails; raise ArgumentError, 'bad day'; end
  end
end

def plain(day); puts "plain #{day}"; exit; end
"""


def test_o114_o115_the_runner_binds_by_name_and_gives_digdag_env(trial: Trial) -> None:
    trial.file("shop.rb", RUBY)
    params = {"require": "shop", "day": "2025-01-01", "rows": 1, "limit": 7, "deep": {"inner": "i"}}
    if shutil.which("ruby") is None:
        assert "install Ruby" in str(failure(trial, {"_command": "Shop::Daily.load", **params}, ConfigError))
        return
    result = trial.run(Rb(), {"_command": "Shop::Daily.load", **params})
    assert result.store == {"rows": 2, "deep": {"a": 1}}
    assert result.export == {"seen": True}
    assert result.subtasks == {"+subtask0": {"rb>": "::Shop::Daily.other", "n": 1},
                               "+subtask1": {"rb>": "plain", "n": 2}, "+subtask2": {"echo>": "x"}}
    trial.run(Rb(), {"_command": "::Shop::Daily.alone", **params})
    trial.run(Rb(), {"_command": "plain", **params})
    assert trial.log == ["2025-01-01 1 5 7 i", "alone 1 0", "plain 2025-01-01"]
    for command, words in (
        ("Shop::Daily.needs", "Method 'Shop::Daily.needs' requires parameter 'nothing_like_it' but not set (Argument"),
        ("Shop::Daily.fails", "Ruby command failed with code 1: bad day (ArgumentError)\n\tfrom shop.rb:"),
        ("Nowhere.f", "uninitialized constant Nowhere"), ("nowhere", "there is no method 'nowhere'"),
    ):
        assert words in str(failure(trial, {"_command": command, **params}))
