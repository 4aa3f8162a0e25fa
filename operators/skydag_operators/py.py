"""`py>`: a Python function, class or program (O-96 .. O-112).

The user's code runs in a process of its own, by `_py_runner.py`, and never sees skydag: parameters go in as a file,
subtasks, exports and stores come out as one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from skydag.errors import ConfigError, TaskError
from skydag.model.values import optional, required, text
from skydag.spi import Outcome, TaskRequest, TaskResult
from skydag_operators import _command, _paths, _runner, _secrets
from skydag_operators._scratch import scratch

RUNNER = Path(__file__).with_name("_py_runner.py")


class Py:
    """Runs `_command` (`pkg.mod.func`, `pkg.mod.Class.method`, `pkg.mod.Class`), or the program `script`."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        config = _command.with_defaults(request.config, "py")
        command = optional(config, "_command", text, None)
        script = None if command is not None else optional(config, "script", text, None)
        if script is None:
            command = required(config, "_command", text)
        env = _secrets.environment(request.local, request.env_secrets)
        cwd = _paths.working_directory(request.files.root, config)
        with scratch(request, "py", cwd) as files:
            given = files.write("input.json", json.dumps({"params": config}))
            program = files.write("runner.py", script if script is not None else _runner.text(RUNNER))
            argv = [*python(config), program, *([command] if command is not None else []), given,
                    files.named("output.json")]
            outcome = _command.run(request, argv, cwd=cwd, env=env, preload=RUNNER if script is None else None)
            output = _runner.read(files.path("output.json"))
        if outcome.code != 0:
            raise _failure(outcome, output)
        return _runner.result(output)

    def cleanup(self, request: TaskRequest) -> None:
        """The command ended with its run."""


def python(config: Mapping[str, Any]) -> list[str]:
    """The interpreter and its options: `python` of the task, else `python` (or `python3`, where only that is found; in
    an image it is always `python`)."""
    value = config.get("python")
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)) and value:
        return [text("python", part) for part in value]
    if value is not None:
        raise ConfigError(f"Invalid python: {json.dumps(value)}")
    is_only_3 = "docker" not in config and not _paths.is_command("python") and _paths.is_command("python3")
    return ["python3" if is_only_3 else "python"]


def _failure(outcome: Outcome, output: Mapping[str, Any] | None) -> TaskError:
    """O-98: code, the executor's words, the user's error with the user's frames."""
    lines = [f"Python command failed with code {outcome.code}"]
    if outcome.reason:
        lines.append(f"Error messages from CommandExecutor: {outcome.reason}")
    error = _runner.error(output)
    if error is None:
        return TaskError("\n".join(lines) + " (runtime)")
    said, backtrace = error
    lines.append(f"Error messages from python: {said}")
    lines += [f"\tfrom {line}" for line in backtrace]
    return TaskError("\n".join(lines) + " (runtime)", stacktrace="\n".join(backtrace) or None)
