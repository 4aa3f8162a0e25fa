"""What to do about a failure, where its message and the last lines of its output tell: one line in the user's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from skydag.language.problems import did_you_mean

Found = re.Match[str]


def advice(message: str, command: str, output: str, operators: Collection[str]) -> str | None:
    """command: "py>: tasks.load"; operators: the names of those that are installed."""
    text = f"{message}\n{output}"
    for pattern, say in _RULES:
        found = pattern.search(text)
        if found is not None and (told := say(found, command, operators)):
            return told
    return None


def _not_executable(found: Found, command: str, operators: Collection[str]) -> str:
    path = found[1]
    if path.endswith("/runner.sh"):
        return "the script of 'sh>' is given to 'shell' as a file, by its name: leave '-c' and the like out of 'shell'"
    return f"make it executable ('chmod +x {path}'), or run it by its interpreter ('sh {path}', 'python {path}')"


def _no_command(found: Found, command: str, operators: Collection[str]) -> str:
    name = found[1]
    if " " in name:
        return f"write each word of the interpreter as an item of its own: [{', '.join(name.split())}]"
    if "/" in name:
        return f"there is no {name}; paths are looked up from the project's directory (or _workdir)"
    return f"there is no command {name} on the PATH; a script of the project is written './{name}'"


def _no_module(found: Found, command: str, operators: Collection[str]) -> str:
    module = found[1]
    top = module.partition(".")[0]
    if re.match(rf"py>: {re.escape(top)}(\.|$)", command):
        path = module.replace(".", "/")
        return f"there is no {path}.py (nor {path}/__init__.py) where the task runs: write it, or correct the name"
    return (f"install it for the Python that runs the task ('python -m pip install {top}'), or name that Python with "
            "'python: PATH'")


def _no_attribute(found: Found, command: str, operators: Collection[str]) -> str:
    return f"'{found[2]}' is not defined in {found[1].replace('.', '/')}.py: look at the names there"


def _no_variable(found: Found, command: str, operators: Collection[str]) -> str:
    name = found[1]
    return f"give it a value: '-p {name}=...' or '{name}: ...' under _export; or correct the name"


def _bad_syntax(found: Found, command: str, operators: Collection[str]) -> str:
    if found[1].endswith("/runner.sh"):
        return "the shell does not understand the script: the line it names counts from the first of 'sh>'"
    return f"the shell does not understand {found[1]}: look at the line it names"


def _no_secret(found: Found, command: str, operators: Collection[str]) -> str:
    key = found[1]
    return f"write its value into the file ~/.config/skydag/secrets/{key}, or give it as '-X secrets.{key}=...'"


def _no_operator(found: Found, command: str, operators: Collection[str]) -> str | None:
    near = did_you_mean(f"{found[1]}>", [f"{name}>" for name in sorted(operators)])
    return near or "`skydag check` lists what is wrong with a workflow; docs/operators has the operators there are"


def _said(text: str) -> Callable[[Found, str, Collection[str]], str]:
    return lambda found, command, operators: text


_RULES: Final = tuple((re.compile(pattern, re.MULTILINE), say) for pattern, say in (
    (r"No space left on device|Disk quota exceeded", _said("the disk is full: free some space, then go on")),
    (r"failed with code 126\b(?:.*\n)*?.*?(\S+): Permission denied(?: \(runtime\))?$", _not_executable),
    (r"^.*: (?:line )?\d+: ([^\s:]+): (?:command )?not found$", _no_command),
    (r"command not found: (.+?)(?: \(runtime\))?$", _no_command),
    (r"No module named '([\w.]+)'", _no_module),
    (r"Module '([\w.]+)' has no attribute '(\w+)'(?!;)", _no_attribute),
    (r"ReferenceError: \"(\w+)\" is not defined", _no_variable),
    (r"^Secret not found for key: '([^'/]+)'", _no_secret),
    (r"^Unknown task type: ([\w.-]+)", _no_operator),
    (r"^(\S+): (?:line )?\d+: [Ss]yntax error", _bad_syntax),
    (r"failed with code 137\b", _said("it was killed, perhaps because the memory was used up")),
))
