"""`sh>`: a shell script (O-86 .. O-95)."""

from __future__ import annotations

from typing import ClassVar

from skydag.errors import ConfigError, TaskError
from skydag.model.values import array, optional, required, text
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _command, _paths, _secrets
from skydag_operators._scratch import scratch


class Sh:
    """Runs the text of `_command` by `shell`. The exit code is all that counts; nothing is stored or exported."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = True

    def run(self, request: TaskRequest) -> TaskResult:
        config = _command.with_defaults(request.config, "sh")
        script = _secrets.resolve(required(config, "_command", text), request.secrets)
        shell = [text("shell", part) for part in optional(config, "shell", array, ["/bin/sh"])]
        if not shell:
            raise ConfigError("Parameter 'shell' is empty; it names the interpreter: shell: [/bin/sh]")
        own = _secrets.environment(request.local, request.env_secrets)
        env = {**_command.parameters_as_variables(config, request), **own}
        cwd = _paths.working_directory(request.files.root, config)
        with scratch(request, "sh", cwd) as files:
            outcome = _command.run(request, [*shell, files.write("runner.sh", script)], cwd=cwd, env=env)
        if outcome.code != 0:
            because = f": {outcome.reason}" if outcome.reason else ""
            raise TaskError(f"Command failed with code {outcome.code}{because} (runtime)")
        return TaskResult()

    def cleanup(self, request: TaskRequest) -> None:
        """The command ended with its run."""
