"""What sh>, py> and rb> share: the keys of a block, the variables, the command."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from skydag.errors import ConfigError
from skydag.model.params import merge
from skydag.model.values import mapping, optional
from skydag.spi import Outcome, TaskRequest
from skydag_operators import _secrets

VARIABLE_BYTES_MAX: Final = 120_000         # Linux takes 128 KiB a variable (MAX_ARG_STRLEN)
ENVIRONMENT_BYTES_MAX: Final = 1_000_000    # and 2 MiB for arguments and variables together
BYTES_A_CHARACTER_MAX: Final = 4

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def with_defaults(config: Mapping[str, Any], operator: str) -> dict[str, Any]:
    """The config with what the exported block of the operator's name fills in (O-18). ConfigError for a `docker` that
    is no mapping: what asks for a container never runs on the machine itself (O-120)."""
    optional(config, "docker", mapping, None)
    block = config.get(operator)
    return merge(block, config) if isinstance(block, Mapping) else dict(config)


def parameters_as_variables(params: Mapping[str, Any], request: TaskRequest) -> dict[str, str]:
    """Every parameter whose name may be a variable's: text as it is, anything else as JSON (O-91); null is left out
    (O-92). What no process can be given is left out, too, and the log says so: a variable has 128 KiB at most."""
    variables = {
        key: value if isinstance(value, str) else _JSON(value)
        for key, value in params.items() if value is not None and _secrets.is_env_name(key)
    }
    if sum(map(len, variables.values())) + sum(map(len, variables)) <= VARIABLE_BYTES_MAX // BYTES_A_CHARACTER_MAX:
        return variables
    sizes = {key: len(key) + len(value.encode("utf-8", "surrogatepass")) + 2 for key, value in variables.items()}
    total = sum(sizes.values())
    for key in sorted(sizes, key=lambda k: -sizes[k]):
        if sizes[key] <= VARIABLE_BYTES_MAX and total <= ENVIRONMENT_BYTES_MAX:
            break
        total -= sizes[key]
        del variables[key]
        if key != "_command":
            request.log(f"Parameter '{key}' is too large for an environment variable ({sizes[key]} bytes); left out")
    return variables


def run(request: TaskRequest, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str],
        preload: Path | None = None) -> Outcome:
    """Runs the command to its end. preload: see spi.Commands. ConfigError for text that no process can be given."""
    for key, value in env.items():
        if "\0" in value:
            raise ConfigError(f"Environment variable '{key}' holds a character of code 0")
    return request.commands(argv, cwd=cwd, env=env, preload=preload)
