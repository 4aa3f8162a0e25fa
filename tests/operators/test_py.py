"""py>: the runner's protocol, from binding arguments to the cut traceback."""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.operators.doubles import Trial

from skydag.errors import ConfigError, TaskError
from skydag.local.commands import LocalCommands
from skydag.local.forks import PythonServers
from skydag_operators._py_runner import signature
from skydag_operators.py import Py, python


@pytest.fixture(params=["started", "forked"])
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trial]:
    """Each claim holds for an interpreter that is started for the task, and for a fork of one (local/forks.py)."""
    trial = Trial(tmp_path, secrets={"app.token": "t0k"})
    servers = PythonServers(os.environ, serves_from=1)
    if request.param == "forked":
        trial.commands = LocalCommands(trial.logged.append, os.environ, forks=lambda: servers)
    yield trial
    servers.close()


def printed(trial: Trial, module: str, command: str = "m.f", **params: Any) -> list[str]:
    trial.file("m.py", module)
    trial.run(Py(), {"_command": command, **params})
    return trial.log


def failure(trial: Trial, module: str | None, command: str = "m.f", **params: Any) -> TaskError:
    if module is not None:
        trial.file("m.py", module)
    with pytest.raises(TaskError) as failed:
        trial.run(Py(), {"_command": command, **params})
    return failed.value


def test_o104_arguments_are_bound_by_name_and_defaults_may_be_missing(trial: Trial) -> None:
    module = 'def f(a, b, c="default"):\n    print(a, b["k"], c)\n'
    assert printed(trial, module, a=1, b={"k": [1]}, unused=2) == ["1 [1] default"]


def test_o104_a_missing_argument_is_named(trial: Trial) -> None:
    error = failure(trial, "def f(needed_one): pass\n")
    assert str(error).startswith("Python command failed with code 1\nError messages from python: "
                                 "Method 'f' requires parameter 'needed_one' but not set (TypeError)")
    assert str(error).endswith(" (runtime)")


def test_o105_keyword_arguments_receive_all_params(trial: Trial) -> None:
    module = "def f(a, *rest, key=0, **kw):\n    print(a, rest, key, kw['b'], '_command' in kw, 'a' in kw)\n"
    assert printed(trial, module, a=1, b=2, key=3) == ["1 () 3 2 True False"]


def test_o105_keyword_only_parameters_alone_are_not_filled(trial: Trial) -> None:
    assert printed(trial, "def f(*, key=0):\n    print(key)\n", key=3) == ["0"]
    assert "key" in str(failure(trial, "def f(*, key): pass\n", key=3))


def test_o106_a_method_and_its_constructor_are_bound_alike(trial: Trial) -> None:
    module = ("class Task(object):\n    def __init__(self, x):\n        self.x = x\n"
              "    def work(self, y):\n        print(self.x, y)\n"
              "class Plain:\n    def work(self, y, **kw):\n        print('plain', y, 'self' in kw)\n")
    printed(trial, module, "m.Task.work", x=1, y=2)
    assert printed(trial, module, "m.Plain.work", y=3, self="odd") == ["1 2", "plain 3 False"]


def test_o101_a_class_alone_runs_its_method_run_and_another_kind_of_class_is_only_made(trial: Trial) -> None:
    module = ("import abc\nclass Task:\n    def run(self, session_date):\n        print('run', session_date)\n"
              "class Other(abc.ABC):\n    def __init__(self, x):\n        print('made', x)\n"
              "    def run(self):\n        print('never')\n")
    printed(trial, module, "m.Task", session_date="2025-01-01")
    assert printed(trial, module, "m.Other", x=1) == ["run 2025-01-01", "made 1"]


def test_o99_modules_in_packages_and_classes_in_them(trial: Trial) -> None:
    trial.file("pkg/__init__.py", "class In:\n    def go(self):\n        print('in package')\n")
    trial.file("pkg/mod.py", "def f():\n    print('in module')\nclass C:\n"
               "    def go(self):\n        print('in class')\n")
    for command in ("pkg.mod.f", "pkg.mod.C.go", "pkg.In.go"):
        trial.run(Py(), {"_command": command})
    assert trial.log == ["in module", "in class", "in package"]


def test_o99_an_import_error_inside_the_users_module_is_the_error_shown(trial: Trial) -> None:
    error = failure(trial, "import nosuchthing\n\nclass T:\n    def f(self): pass\n", "m.T.f")
    assert "No module named 'nosuchthing' (ModuleNotFoundError)" in str(error)
    assert "No module named 'nosuchmodule'" in str(failure(trial, None, "nosuchmodule.f"))


@pytest.mark.parametrize(("command", "words"), [
    ("m.nofunction", "Module 'm' has no attribute 'nofunction' (AttributeError)"),
    ("m.NoClass.f", "Module 'm' has no attribute 'NoClass'"),
    ("m.T.nomethod", "Class 'm.T' has no attribute 'nomethod'"),
    ("m.T", "Class 'm.T' has no attribute 'run'"),
    ("alone", "py> needs <module>.<function>, such as tasks.load, not 'alone'"),
    ("m..f", "py> needs <module>.<function>, such as tasks.load, not 'm..f'"),
    ("m.f()", "py> needs <module>.<function>, such as tasks.load, not 'm.f()'"),
    ("m/f.g", "py> needs <module>.<function>, such as tasks.load, not 'm/f.g'"),
])
def test_o100_what_is_not_there_is_named(trial: Trial, command: str, words: str) -> None:
    assert words in str(failure(trial, "class T:\n    pass\n", command))


def test_o102_a_module_whose_name_python_has_taken_is_told_to_be_renamed(trial: Trial) -> None:
    trial.file("json.py", "def f(): pass\n")
    error = str(failure(trial, None, "json.f"))
    assert f"Module 'json' has no attribute 'f'; it is the one of {json.__file__}, which comes before json.py" in error
    trial.file("sys.py", "def f(): pass\n")
    error = str(failure(trial, None, "sys.f"))
    assert "it is the one of Python itself, which comes before sys.py of this folder" in error


def test_o108_env_params_hold_everything_and_numbers_keep_their_kind(trial: Trial) -> None:
    module = ("import digdag\nimport digdag_env\ndef f(i, e):\n    v = digdag.env.params\n"
              "    print(v['p'], v['o'], repr(i), repr(e), digdag_env.params is v)\n")
    assert printed(trial, module, p=1, o={"k": None}, i=3, e=3.0) == ["1 {'k': None} 3 3.0 True"]


def test_o97_stores_exports_and_subtasks_are_the_result(trial: Trial) -> None:
    trial.file("m.py", "import digdag\n"
               "def f(g):\n"
               "    digdag.env.store({'h': g + ' ✓', 'x': {'p': 1}}, k=1)\n"
               "    digdag.env.store({'x': {'q': 2}})\n"
               "    digdag.env.export(base=10)\n"
               "    digdag.env.set_state({'kept': 'nowhere'})\n"
               "    for n in (1, 2):\n        digdag.env.add_subtask(f, n=n)\n"
               "    digdag.env.add_subtask(C.m)\n"
               "    digdag.env.add_subtask({'echo>': '${late}'}, extra=1)\n"
               "    digdag.env.subtask_config['_parallel'] = True\n"
               "    return {'ignored': 1}\n"
               "class C:\n    def m(self): pass\n")
    result = trial.run(Py(), {"_command": "m.f", "g": "schöne 日本"})
    assert result.store == {"h": "schöne 日本 ✓", "x": {"q": 2}, "k": 1}
    assert result.export == {"base": 10}
    assert result.subtasks == {
        "+subtask0": {"py>": "m.f", "n": 1}, "+subtask1": {"py>": "m.f", "n": 2}, "+subtask2": {"py>": "m.C.m"},
        "+subtask3": {"echo>": "${late}", "extra": 1}, "_parallel": True,
    }


@pytest.mark.parametrize(("statement", "words"), [
    ("digdag.env.store({'x': object()})", "Parameters must be serializable using JSON"),
    ("digdag.env.export(x=float('nan'))", "Parameters must be serializable using JSON"),
    ("digdag.env.add_subtask(f, x=object())", "Parameters must be serializable using JSON"),
    ("digdag.env.add_subtask(lambda: 1)", "needs a function that can be imported by its name"),
])
def test_o109_o110_what_cannot_leave_the_process_fails_the_task(trial: Trial, statement: str, words: str) -> None:
    error = failure(trial, f"import digdag\ndef f():\n    {statement}\n")
    assert words in str(error)
    assert "(TypeError)" in str(error)


def test_o98_the_traceback_is_cut_to_the_users_frames_in_message_and_stacktrace(trial: Trial) -> None:
    error = failure(trial, "def f():\n    g()\ndef g():\n    raise ValueError('bad apples')\n")
    trace = error.stacktrace or ""
    assert [line.split(", ")[-1] for line in trace.split("\n") if line.startswith("  File ")] == ["in f", "in g"]
    assert trace.endswith("ValueError: bad apples")
    assert "runner.py" not in trace
    assert "runner.py" not in str(error)
    assert "Error messages from python: bad apples (ValueError)\n\tfrom Traceback" in str(error)
    assert '  File "m.py", line 4, in g' in trace.split("\n"), "a file of the project is named from its folder"


def test_o98_frames_of_the_standard_library_are_left_out(trial: Trial) -> None:
    trace = failure(trial, "import json\ndef f():\n    json.loads('{')\n").stacktrace or ""
    assert [line for line in trace.split("\n") if line.startswith("  File ")] == ['  File "m.py", line 3, in f']


def test_o98_a_chain_of_errors_is_cut_link_by_link(trial: Trial) -> None:
    module = ("def f():\n    try:\n        {}['k']\n    except KeyError as lost:\n"
              "        raise RuntimeError('no k') from lost\n")
    trace = failure(trial, module).stacktrace or ""
    assert "direct cause" in trace
    assert "runner.py" not in trace


def test_o112_a_syntax_error_points_at_the_users_line(trial: Trial) -> None:
    error = failure(trial, "def f(:\n    pass\n")
    assert "(SyntaxError)" in str(error)
    assert 'm.py", line 1' in (error.stacktrace or "")
    assert "importlib" not in (error.stacktrace or "")


@pytest.mark.parametrize("call", ["sys.exit(0)", "sys.exit()", "sys.exit(None)"])
def test_o103_leaving_with_success_is_success_and_keeps_what_was_stored(trial: Trial, call: str) -> None:
    trial.file("m.py", f"import digdag, sys\ndef f():\n    digdag.env.store(a=1)\n    {call}\n")
    assert trial.run(Py(), {"_command": "m.f"}).store == {"a": 1}


@pytest.mark.parametrize(("call", "code", "words"), [
    ("sys.exit(3)", 3, "sys.exit(3) was called"), ("sys.exit('no apples')", 1, "no apples (SystemExit)"),
    ("sys.exit(256)", 1, "sys.exit(256) was called"),
])
def test_o103_leaving_otherwise_is_a_failure_with_the_text(trial: Trial, call: str, code: int, words: str) -> None:
    error = str(failure(trial, f"import sys\ndef f():\n    {call}\n"))
    assert error.startswith(f"Python command failed with code {code}\n")
    assert words in error


@pytest.mark.parametrize("statement", ["os.chdir('/')", "sys.stdout.close()", "sys.stdout = None"])
def test_o97_the_result_is_written_wherever_the_users_code_went(trial: Trial, statement: str) -> None:
    trial.file("m.py", f"import digdag, os, sys\n\ndef f():\n    digdag.env.store(n=1)\n    {statement}\n")
    assert trial.run(Py(), {"_command": "m.f"}).store == {"n": 1}


def test_o98_an_error_without_words_is_told_all_the_same(trial: Trial) -> None:
    error = failure(trial, "class E(Exception):\n    def __str__(self): return 5\n\ndef f(): raise E()\n")
    assert "(its text cannot be told: TypeError in __str__) (E)" in str(error)
    assert '  File "m.py", line 4, in f' in str(error) and "_py_runner" not in "".join(trial.log)


def test_o97_the_errors_of_a_group_show_the_users_frames_alone(trial: Trial) -> None:
    error = failure(trial, "import json\n\ndef bad(text):\n    try:\n        json.loads(text)\n"
                    "    except ValueError as e:\n        return e\n\n"
                    "def f():\n    raise ExceptionGroup('two', [bad('{'), bad('[')])\n")
    assert '  File "m.py", line 5, in bad' in str(error) and "decoder.py" not in str(error)


def test_o101_a_class_within_a_class_runs_its_method_run(trial: Trial) -> None:
    module = "class A:\n    class B:\n        def run(self, x): print('ran', x)\n"
    assert printed(trial, module, "m.A.B", x=1) == ["ran 1"]


def test_o97_a_program_that_leaves_no_result_fails(trial: Trial) -> None:
    assert "output.json does not exist" in str(failure(trial, "import os\ndef f():\n    os._exit(0)\n"))
    error = failure(trial, "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    assert str(error) == ("Python command failed with code 137\n"
                          "Error messages from CommandExecutor: killed by signal 9 (out of memory?) (runtime)")


def test_o96_a_whole_program_as_script(trial: Trial) -> None:
    program = ("import json, sys\np = json.load(open(sys.argv[1]))['params']\nprint('script', p['p'])\n"
               "empty = {'subtask_config': {}, 'export_params': {}}\n"
               "json.dump({**empty, 'store_params': {'s': 1}}, open(sys.argv[2], 'w'))\n")
    assert trial.run(Py(), {"script": program, "p": 7}).store == {"s": 1}
    assert trial.log == ["script 7"]
    with pytest.raises(TaskError, match=r"output\.json is not JSON"):
        trial.run(Py(), {"script": "import sys\nopen(sys.argv[2], 'w').write('{')"})


def test_o50_only_env_becomes_variables(trial: Trial) -> None:
    module = "import os\ndef f():\n    print(os.environ.get('E'), os.environ.get('T'), os.environ.get('p'))\n"
    assert printed(trial, module, p="param", _env={"E": "e", "T": "${secret:app.token}"}) == ["e t0k None"]


def test_o102_modules_are_found_in_the_working_directory_after_the_standard_ones(trial: Trial) -> None:
    trial.file("m.py", "def f():\n    print('top')\n")
    trial.file("sub/m.py", "import statistics\ndef f():\n    print('sub', hasattr(statistics, 'mean'))\n")
    trial.file("sub/statistics.py", "x = 1\n")
    trial.file("sub/runner.py", "def f():\n    print('a runner of the user')\n")
    trial.run(Py(), {"_command": "m.f", "_workdir": "sub"})
    trial.run(Py(), {"_command": "runner.f", "_workdir": "sub"})
    assert trial.log == ["sub True", "a runner of the user"]


def test_f9_megabytes_of_parameters_and_results_pass(trial: Trial) -> None:
    trial.file("m.py", "import digdag\ndef f(big):\n    digdag.env.store(bigger=big * 2)\n")
    assert trial.run(Py(), {"_command": "m.f", "big": "x" * 3_000_000}).store == {"bigger": "x" * 6_000_000}


@pytest.mark.parametrize(("config", "argv"), [
    ({"python": "python3.9"}, ["python3.9"]), ({"python": ["python3", "-X", "dev"]}, ["python3", "-X", "dev"]),
    ({"docker": {"image": "i"}}, ["python"]),
])
def test_the_interpreter_is_the_tasks_choice(config: dict[str, Any], argv: list[str]) -> None:
    assert python(config) == argv


def test_the_interpreter_may_come_from_the_block_py_and_anything_else_is_refused(trial: Trial) -> None:
    error = failure(trial, "def f(): pass\n", py={"python": ["nosuchpython"]})
    assert str(error) == ("Python command failed with code 127\n"
                          "Error messages from CommandExecutor: command not found: nosuchpython (runtime)")
    refused: tuple[Any, ...] = (5, [], {})
    for wrong in refused:
        with pytest.raises(ConfigError, match="Invalid python: "):
            python({"python": wrong})


def test_py_without_command_and_script_names_what_is_missing(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="Parameter '_command' is required"):
        trial.run(Py(), {})


def test_a_missing_module_says_what_to_do(trial: Trial) -> None:
    trial.file("tasks/daily.py", "import nosuchpackage_x\n")
    assert "did you mean tasks?" in str(failure(trial, None, "taks.daily.f"))
    said = str(failure(trial, None, "tasks.daily.f"))
    assert "No module named 'nosuchpackage_x' (ModuleNotFoundError)" in said
    assert "-m pip install nosuchpackage_x' installs it" in said


def test_a_plain_function_needs_no_more_of_the_standard_library_than_json_does(trial: Trial) -> None:
    """What the runner loads each task pays for, and each fork carries."""
    module = "import sys\ndef f(): print(sorted({'inspect', 'traceback', 'socket', 'ast'} & set(sys.modules)))"
    assert printed(trial, module, python=[sys.executable, "-I", "-S"]) == ["[]"]


def test_an_error_is_told_also_where_modules_of_the_users_have_names_of_standard_ones(trial: Trial) -> None:
    """The runner loads what it needs for that only then."""
    for name in ("traceback", "linecache", "tokenize", "token"):
        trial.file(f"lib/{name}.py", "")
    error = failure(trial, "import sys\nsys.path.insert(0, 'lib')\ndef f(): raise ValueError('mine')")
    assert '  File "m.py", line 3, in f' in str(error)
    error = failure(trial, "import sys\nsys.path.insert(0, 'lib')\nimport traceback\ndef f(): raise ValueError('mine')")
    assert "mine (ValueError)" in str(error)
    assert "\tfrom ValueError: mine" in str(error)


def _plain(a: Any, b: Any = 1, *rest: Any, c: Any, d: Any = 2, **more: Any) -> None: ...


def _by_place(a: Any, b: Any, /, c: Any = 0) -> None: ...


@functools.wraps(_by_place)
def _wrapped(*args: Any, **kwargs: Any) -> None: ...


def _signed() -> None: ...


_signed.__signature__ = inspect.signature(_plain)       # type: ignore[attr-defined]


class _Class:
    def __init__(self, x: Any, y: Any = 0) -> None: ...
    def method(self, z: Any) -> None: ...
    @classmethod
    def of_class(cls, z: Any) -> None: ...
    @staticmethod
    def of_none(z: Any) -> None: ...


@pytest.mark.parametrize("function", [
    _plain, _by_place, _wrapped, _signed, _Class.__init__, _Class.method, _Class.of_class, _Class.of_none,
    functools.partial(_plain, 1), lambda a, b=2: a, functools.partialmethod(_Class.method, 1).__get__(_Class(1)),
])
def test_what_a_function_takes_is_what_inspect_says_O_104(function: Any) -> None:
    spec = inspect.getfullargspec(function)
    assert signature(function) == (spec.args, len(spec.defaults or ()), spec.varkw is not None)
