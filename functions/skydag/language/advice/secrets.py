"""Passwords and keys in plain text: whoever reads the project or its log has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from skydag.language.advice.sites import BODIES, Path, Site, Warn

HINT: Final = "store it with 'skydag secrets --set' and write ${secret:name} in _env, or let the operator ask for it"

_KEY = re.compile(r"(?:^|[_.-])(?:password|passwd|passphrase|secret|secret_key|secret_access_key|api_?key|apikey|"
                  r"access_token|auth_token|api_token|private_key|token)\Z", re.IGNORECASE)
_VALUE = re.compile(r"\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@$]+:[^/\s:@${]+@|\bxox[bp]-\w{10}")


def advise(site: Site, warn: Warn) -> None:
    for path, key, value in _texts(site.body, site.path):
        if (_KEY.search(key) and len(value) > 3 and "${" not in value) or _VALUE.search(value):
            warn(path, "secret", f"{key} looks like a secret in plain text", HINT)


def _texts(value: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str, str]]:
    """The texts of a task that are not tasks of their own, each with its key."""
    for key, inner in value.items():
        if key.startswith("+") or key in BODIES or key in ("_secrets", "schedule", "sla"):
            continue
        yield from _of(inner, (*path, key), key)


def _of(value: Any, path: Path, key: str) -> Iterator[tuple[Path, str, str]]:
    if isinstance(value, str):
        yield path, key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _of(inner, (*path, name), name)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _of(inner, (*path, at), key)
