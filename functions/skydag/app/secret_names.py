"""`_secrets`: other names for the secrets that an operator asks for (O-47, L-120).

    {pg: {password: warehouse.pw}}      pg.password is read from warehouse.pw
    {pg: warehouse}                     pg.user is read from warehouse.user
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from skydag.errors import ConfigError
from skydag.model.values import mapping
from skydag.spi import Secrets


def renamed(secrets: Secrets, names: Any, log: Callable[[str], None]) -> Secrets:
    """The secrets by the names that the operator knows. names: `_secrets` of the task, None without."""

    def found(key: str) -> str | None:
        if not key or "*" in key:
            raise ConfigError(f"Illegal name of a secret: '{key}'")
        return secrets(key if names is None else _stored_as(key, mapping("_secrets", names), log))
    return found


def _stored_as(key: str, names: Mapping[str, Any], log: Callable[[str], None]) -> str:
    place: Any = names
    parts = key.split(".")
    for number, part in enumerate(parts, 1):
        if part not in place:
            return key
        place = place[part]
        if isinstance(place, str):
            return ".".join([place, *parts[number:]])
        if place is True:
            log(f"_secrets: 'true' for {key} means nothing any more: every secret of the project can be read")
            return key
        if not isinstance(place, Mapping):
            raise ConfigError(f"Illegal value in _secrets: {json.dumps(place)}")
    return key
