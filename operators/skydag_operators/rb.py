"""`rb>`: a Ruby method, or a program (O-113 .. O-117).

The same protocol as `py>`: the user's code runs in a process of its own, by `_rb_runner.rb`; parameters go in as a
file, subtasks, exports and stores come out as one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from skydag.errors import ConfigError, TaskError
from skydag.model.values import optional, required, text
from skydag.spi import Outcome, TaskRequest, TaskResult
from skydag_operators import _command, _paths, _runner, _secrets
from skydag_operators._scratch import scratch

RUNNER: Final = Path(__file__).with_name("_rb_runner.rb")
NOT_FOUND: Final = 127          # a command that is not there; a program of one's own may end so, too, without a reason


class Rb:
    """Runs `_command` (`method`, `Class.method`, `A::B.method`), or the program `script`."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        config = _command.with_defaults(request.config, "rb")
        command = optional(config, "_command", text, None)
        script = None if command is not None else optional(config, "script", text, None)
        if script is None:
            command = required(config, "_command", text)
        feature = optional(config, "require", text, None)
        env = _secrets.environment(request.local, request.env_secrets)
        cwd = _paths.working_directory(request.files.root, config)
        with scratch(request, "rb", cwd) as files:
            given = files.write("input.json", json.dumps({"params": config}))
            program = files.write("runner.rb", script if script is not None else _runner.text(RUNNER))
            argv = [*ruby(config), "-I", str(cwd), *(["-r", feature] if feature else []), "--", program,
                    *([command] if command is not None else []), given, files.named("output.json")]
            outcome = _command.run(request, argv, cwd=cwd, env=env)
            output = _runner.read(files.path("output.json"))
        if output is None and outcome.code == NOT_FOUND and (outcome.reason or "docker" in config):
            raise ConfigError(
                f"there is no command '{argv[0]}' where this task runs: install Ruby, name another interpreter (ruby: "
                "/opt/ruby/bin/ruby), or name an image that has one (docker: {image: ...})")
        if outcome.code != 0:
            raise _failure(outcome, output)
        return _runner.result(output)

    def cleanup(self, request: TaskRequest) -> None:
        """The command ended with its run (O-117)."""


def ruby(config: Mapping[str, Any]) -> list[str]:
    """The interpreter and its options: `ruby` of the task, else `ruby`."""
    value = config.get("ruby")
    if value is None:
        return ["ruby"]
    if isinstance(value, str) and value:
        return [value]
    if isinstance(value, (list, tuple)) and value:
        return [text("ruby", part) for part in value]
    raise ConfigError(f"Invalid ruby: {json.dumps(value)}")


def _failure(outcome: Outcome, output: Mapping[str, Any] | None) -> TaskError:
    """O-116: code, the user's error with the user's frames; else why the command ended, if anybody knows."""
    error = _runner.error(output)
    first = f"Ruby command failed with code {outcome.code}"
    if error is None:
        return TaskError(f"{first}: {outcome.reason} (runtime)" if outcome.reason else f"{first} (runtime)")
    said, backtrace = error
    lines = [f"{first}: {said}", *(f"\tfrom {line}" for line in backtrace)]
    return TaskError("\n".join(lines) + " (runtime)", stacktrace="\n".join(backtrace) or None)
