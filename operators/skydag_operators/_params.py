"""What param_set> and param_get> share: which keys of a task are parameters (O-77, O-78)."""

from __future__ import annotations

from typing import Any, Final

from skydag.errors import ConfigError
from skydag.spi import TaskRequest

KEYS_MAX: Final = 100               # of one transaction
KEY_BYTES_MAX: Final = 1_000
KINDS: Final = ("dynamodb", "file")     # the table of an installation, a file of a local run: what there is, is used


def own_keys(request: TaskRequest) -> dict[str, Any]:
    """Every key of the task's own that is not null. ConfigError without one."""
    kind = request.properties.get("param_server.type", KINDS[0])
    if kind not in KINDS:
        raise ConfigError(f"Unsupported param_server.type : {kind}; shared parameters are kept in the installation's "
                          "table, by skydag run in a file: take the property away")
    keys = {key: value for key, value in request.local.items() if value is not None}
    if not keys:
        raise ConfigError("no key is set.")
    if len(keys) > KEYS_MAX:
        raise ConfigError(f"{len(keys)} keys are set; a task sets or gets {KEYS_MAX} at most")
    for key in keys:
        if len(key.encode()) > KEY_BYTES_MAX:
            raise ConfigError(f"a key has {len(key.encode())} bytes; {KEY_BYTES_MAX} are the most: {key[:40]}...")
    return keys
