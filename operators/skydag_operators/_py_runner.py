"""Runs the user's Python: copied beside the task's files and started as a program of its own.

    python runner.py <pkg.mod.func> <input.json> <output.json>

input: {"params": {...}}; output: {"subtask_config", "export_params", "store_params"} and, after a failure,
"error": {"class", "message", "backtrace": [lines]}. It runs on the user's interpreter (3.7 or newer), so it imports
nothing but the standard library; the user's code sees the modules `digdag` and `digdag_env`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import types

TYPES_ONLY = False
if TYPES_ONLY:
    import traceback
    from collections.abc import Callable
    from typing import Any

HERE = os.path.abspath(__file__)                            # noqa: PTH100 - compared with the names of frames
STANDARD = os.path.dirname(os.path.abspath(os.__file__))    # noqa: PTH100, PTH120
TAKES_ALL = 0x08    # of a function's code: **kwargs (inspect.CO_VARKEYWORDS)
PATH = []           # type: list[str] # where modules came from before the user's code had a say
INSTALLED = ("site-packages", "dist-packages")


class Env:
    """`digdag.env` (O-108, O-109)."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.subtask_config: dict[str, Any] = {}
        self.export_params: dict[str, Any] = {}
        self.store_params: dict[str, Any] = {}
        self.state_params: dict[str, Any] = {}
        self._subtasks = 0

    def set_state(self, params: dict[str, Any] | None = None, **more: Any) -> None:
        self.state_params.update(params or {}, **more)

    def export(self, params: dict[str, Any] | None = None, **more: Any) -> None:
        self.export_params.update(params or {}, **more)

    def store(self, params: dict[str, Any] | None = None, **more: Any) -> None:
        self.store_params.update(params or {}, **more)

    def add_subtask(self, function: Any = None, **params: Any) -> None:
        """A function, run by `py>` with the params; or a task as a mapping, the params merged into it."""
        if function is None or isinstance(function, dict):
            task = dict(function or {}, **params)
        else:
            name = getattr(function, "__qualname__", None)
            if name is None or "<" in name:
                raise TypeError(f"add_subtask needs a function that can be imported by its name, not {function!r}")
            task = dict({"py>": f"{function.__module__}.{name}"}, **params)
        try:
            json.dumps(task, allow_nan=False)
        except Exception as error:
            raise TypeError(f"Parameters must be serializable using JSON: {error}") from None
        self.subtask_config[f"+subtask{self._subtasks}"] = task
        self._subtasks += 1


def offer(env: Env) -> None:
    """Makes `import digdag` and `import digdag_env` work."""
    raw, digdag = types.ModuleType("digdag_env"), types.ModuleType("digdag")
    for name in ("params", "subtask_config", "export_params", "store_params", "state_params"):
        setattr(raw, name, getattr(env, name))
    digdag.__dict__.update(env=env, Env=Env)
    sys.modules["digdag"], sys.modules["digdag_env"] = digdag, raw


def resolve(command: str) -> tuple[Any, Any]:
    """(class or None, callable) of `pkg.mod.func`, `pkg.mod.Class`, `pkg.mod.Class.method` (O-99, O-100)."""
    fragments = command.split(".")
    if len(fragments) < 2 or not all(fragments) or any(sign in command for sign in "/()'\" "):
        raise ValueError(f"py> needs <module>.<function>, such as tasks.load, not '{command}'")
    path, name = ".".join(fragments[:-1]), fragments[-1]
    try:
        return None, attribute(f"Module '{path}'", importlib.import_module(path), name)
    except ModuleNotFoundError as missing:
        if missing.name != path or len(fragments) < 3:      # something else is missing: its own error says it best
            raise
    parent = ".".join(fragments[:-2])
    owner = attribute(f"Module '{parent}'", importlib.import_module(parent), fragments[-2])
    return owner, attribute(f"Class '{parent}.{fragments[-2]}'", owner, name)


def attribute(what: str, holder: Any, name: str) -> Any:
    if not hasattr(holder, name):
        taken = namesake(holder) if isinstance(holder, types.ModuleType) else ""
        raise AttributeError(f"{what} has no attribute '{name}'{taken}")
    return getattr(holder, name)


def namesake(module: types.ModuleType) -> str:
    """What to say where a module of Python's, or an installed one, has taken the place of the user's (O-102)."""
    top, here = module.__name__.partition(".")[0], os.getcwd() + os.sep         # noqa: PTH109
    file = getattr(module, "__file__", None) or "Python itself"
    own = next((name for name in (top + ".py", top) if os.path.exists(here + name)), None)      # noqa: PTH110
    if own is None or file.startswith(here):
        return ""
    return f"; it is the one of {file}, which comes before {own} of this folder: give yours another name"


def arguments(function: Any, params: dict[str, Any], *, skip_first: bool) -> dict[str, Any]:
    """The params that the callable takes, by name (O-104 .. O-106)."""
    if function is object.__init__:
        return {}
    names, defaults, takes_all = signature(function)
    defaulted = names[len(names) - defaults:]
    chosen = {}
    for name in names[1:] if skip_first else names:
        if name in params:
            chosen[name] = params[name]
        elif name not in defaulted:
            qualified = getattr(function, "__qualname__", str(function))
            raise TypeError(f"Method '{qualified}' requires parameter '{name}' but not set")
    if takes_all:
        skipped = names[:1] if skip_first else []
        chosen.update((key, value) for key, value in params.items() if key not in skipped)
    return chosen


def standard(name: str) -> Any:
    """A module of the standard library that few tasks need: it takes longer to load than most of them to run. Found
    also where the user's code has put folders of its own before all others."""
    now, sys.path[:] = sys.path[:], PATH
    try:
        return importlib.import_module(name)
    finally:
        sys.path[:] = now


def signature(function: Any) -> tuple[list[str], int, bool]:
    """The names it takes, how many of the last ones have a default, whether it takes any other (`**`)."""
    if type(function) is types.FunctionType and function.__dict__.keys() <= {"__wrapped__"}:    # as nearly all are
        code = function.__code__
        return (list(code.co_varnames[:code.co_argcount]), len(function.__defaults__ or ()),
                bool(code.co_flags & TAKES_ALL))
    spec = standard("inspect").getfullargspec(function)
    return spec.args, len(spec.defaults or ()), spec.varkw is not None


def call(command: str, params: dict[str, Any]) -> None:
    owner, found = resolve(command)
    name = command.rpartition(".")[2]
    if type(found) is type:                                 # a plain class, wherever it stands: its method run (O-101)
        owner, name, found = found, "run", attribute(f"Class '{command}'", found, "run")
    if owner is not None:
        method = getattr(made(owner, params), name)
        method(**arguments(found, params, skip_first=True))
    elif isinstance(found, type):                           # a class of another kind: its making is the task
        made(found, params)
    else:
        found(**arguments(found, params, skip_first=isinstance(found, types.MethodType)))


def made(owner: Callable[..., Any], params: dict[str, Any]) -> Any:
    return owner(**arguments(owner.__init__, params, skip_first=True))


def users_frames(error: BaseException) -> list[str]:
    """The traceback as lines, without the frames of this runner and of the standard library; files of the project
    are named from its folder, so the lines are the same wherever it lies."""
    traceback = standard("traceback")
    whole = traceback.TracebackException(type(error), error, error.__traceback__)
    todo, seen = [whole], set()
    while todo:
        part = todo.pop()
        if id(part) not in seen:
            seen.add(id(part))
            part.stack = traceback.StackSummary.from_list([shown(f) for f in part.stack if is_users(f.filename)])
            if getattr(part, "filename", None):             # of a SyntaxError
                part.filename = short(part.filename)
            others = (part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ()))
            todo += [other for other in others if other is not None]
    return "".join(whole.format()).rstrip("\n").split("\n")


def is_users(filename: str) -> bool:
    if filename.startswith("<frozen ") or os.path.abspath(filename) == HERE:    # noqa: PTH100
        return False
    return not filename.startswith(STANDARD + os.sep) or any(part in filename for part in INSTALLED)


def shown(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    return type(frame)(short(frame.filename), frame.lineno, frame.name, line=frame.line)


def short(filename: str) -> str:
    here = os.getcwd() + os.sep                             # noqa: PTH109
    return filename[len(here):] if filename.startswith(here) else filename


def exit_code(error: BaseException) -> int:
    """sys.exit() and sys.exit(0) are no failure (O-103)."""
    if not isinstance(error, SystemExit):
        return 1
    if error.code is None or error.code == 0:
        return 0
    return (error.code & 0xFF) or 1 if isinstance(error.code, int) else 1


def main(command: str, given: str, result: str) -> int:
    PATH[:] = sys.path[1:]
    sys.path[:] = [*PATH, os.getcwd()]      # noqa: PTH109 - the working directory last (O-102), not this folder
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)    # type: ignore[union-attr]
    with open(given, encoding="utf-8") as file:     # noqa: PTH123 - no more imports than needed
        params = json.load(file)["params"]
    result = os.path.abspath(result)                # noqa: PTH100 - the user's code may go to another folder
    env = Env(params)
    offer(env)
    code, text = 0, ""
    try:
        call(command, params)
    except BaseException as error:
        code = exit_code(error)
        text = failure(error) if code else ""
    if code == 0:
        try:
            text = output(env)
        except Exception as unfit:
            code, text = 1, failure(TypeError(f"Parameters must be serializable using JSON: {unfit}"))
    with open(result, "w", encoding="utf-8") as file:       # noqa: PTH123
        file.write(text)
    try:                                            # noqa: SIM105 - no more imports than needed
        sys.stdout.flush()
    except Exception:                               # closed, or replaced, by the user's code: its own affair
        pass
    return code


def output(env: Env) -> str:
    return json.dumps({"subtask_config": env.subtask_config, "export_params": env.export_params,
                       "store_params": env.store_params}, allow_nan=False)


def failure(error: BaseException) -> str:
    """The output after a failure; whoever reads it writes the traceback to the log (O-112)."""
    message = text_of(error)
    try:
        lines = users_frames(error)
    except Exception:                   # the user's code has a module of a standard one's name: its error is told still
        lines = [f"{type(error).__name__}: {message}"]
    if isinstance(error, ModuleNotFoundError) and error.name:
        lines.append(missing_module(error.name))
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        message = f"sys.exit({error.code}) was called; does a module of yours have the name of a standard one?"
    return json.dumps({"subtask_config": {}, "export_params": {}, "store_params": {},
                       "error": {"class": type(error).__name__, "message": message, "backtrace": lines}})


def text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as unfit:          # the user's own __str__
        return f"(its text cannot be told: {type(unfit).__name__} in __str__)"


def missing_module(name: str) -> str:
    """What to do about it: a file with a slip in its name, or a package for this very interpreter."""
    difflib = standard("difflib")
    top = name.partition(".")[0]
    here = {entry[:-3] if entry.endswith(".py") else entry for entry in os.listdir() if not entry.startswith(".")}  # noqa: PTH208
    if top in here:
        return f"there is {top} in {os.getcwd()}, but no {name} in it"      # noqa: PTH109
    near = difflib.get_close_matches(top, here, n=1, cutoff=0.75)
    if near:
        return f"did you mean {near[0]}?"
    return (f"there is no {top}.py in {os.getcwd()}; if it is a package, "      # noqa: PTH109
            f"'{sys.executable} -m pip install {top}' installs it")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
