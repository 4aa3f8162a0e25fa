"""`${secret:key}` where an operator asks for it (O-48): at the moment of use, and nowhere before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from skydag.errors import ConfigError
from skydag.model.values import required, text
from skydag.spi import Secrets

_REFERENCE: Final = re.compile(r"\$\{\s*([A-Za-z_][A-Za-z_0-9]*)\s*:\s*([^}]*?)\s*\}")
_ENV_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z_0-9]*\Z")


def resolve(value: str, secrets: Secrets) -> str:
    """The text with each `${secret:key}` replaced. ConfigError for an unknown key (O-45), and for another word before
    the colon."""

    def found(match: re.Match[str]) -> str:
        word, key = match.group(1), match.group(2)
        if word != "secret":
            raise ConfigError(f"Invalid parametrization: '{match.group(0)}'")
        secret = secrets(key)
        if secret is None:
            raise ConfigError(f"Secret not found for key: '{key}'")
        return secret

    return _REFERENCE.sub(found, value) if "${" in value else value


def environment(local: Mapping[str, Any], secrets: Secrets) -> dict[str, str]:
    """`_env` of the task's own keys (O-50, L-121); an exported `_env` has no effect."""
    own = local.get("_env")
    if own is None:
        return {}
    if not isinstance(own, Mapping):
        raise ConfigError("Parameter '_env' must be an object")
    for key in own:
        if not is_env_name(key):
            raise ConfigError(f"Invalid _env key name: {key}")
    return {key: resolve(required(own, key, text), secrets) for key in own}


def is_env_name(name: str) -> bool:
    return _ENV_NAME.match(name) is not None
