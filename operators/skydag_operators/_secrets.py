"""`_env`: the variables of a command, with secrets at the moment of use, and nowhere before (O-48, O-50)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, quote_plus

from skydag.errors import ConfigError
from skydag.model.secrets import blanked, resolve
from skydag.model.values import required, text
from skydag.spi import Secrets

__all__ = ["Seen", "environment", "is_env_name", "masked", "resolve"]

HIDDEN: Final = "***"
HIDDEN_CHARS_MIN: Final = 3

_ENV_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z_0-9]*\Z")


def masked(value: str) -> str:
    """The text as it may be shown: `***` for each `${secret:key}`."""
    return blanked(value, HIDDEN)


class Seen:
    """Secrets that remember what was asked of them, so that none of it is shown (G-8)."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self.values: list[str] = []

    def __call__(self, key: str) -> str | None:
        value = self._secrets(key)
        if value is not None:
            self.values.append(value)
        return value

    def reveal(self, value: str) -> str:
        """The text with its secrets. ConfigError, as `resolve`."""
        return resolve(value, self)

    def hide(self, text: str) -> str:
        """Somebody else's text, such as an answer, without the secrets; those of one or two letters stay."""
        for value in sorted({v.strip() for v in self.values}, key=lambda v: -len(v)):
            if len(value) >= HIDDEN_CHARS_MIN:
                for form in {value, quote(value), quote(value, safe=""), quote_plus(value)}:
                    text = text.replace(form, HIDDEN)
        return text


def environment(local: Mapping[str, Any], secrets: Secrets) -> dict[str, str]:
    """`_env` of the task's own keys (O-50, L-121); an exported `_env` has no effect. secrets: not renamed by
    `_secrets`."""
    own = local.get("_env")
    if own is None:
        return {}
    if not isinstance(own, Mapping):
        raise ConfigError("Parameter '_env' must be an object")
    for key in own:
        if not is_env_name(key):
            raise ConfigError(f"Invalid _env key name: {key}")
    return {key: resolve(required(own, key, text), secrets) for key in own}


@lru_cache(maxsize=1024)                    # the names of parameters are the same in task after task
def is_env_name(name: str) -> bool:
    return _ENV_NAME.match(name) is not None
