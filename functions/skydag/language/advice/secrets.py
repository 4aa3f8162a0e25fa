"""Passwords and keys in plain text: whoever reads the project or its log has them."""

from __future__ import annotations

import re
from typing import Final

from skydag.language.advice.sites import BODIES, Site, Warn, texts

HINT: Final = "store it with 'skydag secrets --set' and write ${secret:name} in _env, or let the operator ask for it"
NOT_LOOKED_AT: Final = (*BODIES, "_secrets", "schedule", "sla")

_KEY = re.compile(r"(?:^|[_.-])(?:password|passwd|passphrase|secret|secret_key|secret_access_key|api_?key|apikey|"
                  r"access_token|auth_token|api_token|private_key|token)\Z", re.IGNORECASE)
_VALUE = re.compile(r"\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@$]+:[^/\s:@${]+@|\bxox[bp]-\w{10}")


def advise(site: Site, seen: set[int], warn: Warn) -> None:
    """seen: see `texts`."""
    for key, value in site.body.items():
        if key.startswith("+") or key in NOT_LOOKED_AT:
            continue
        for path, name, text in texts(value, (*site.path, key), key, seen):
            if (_KEY.search(name) and len(text) > 3 and "${" not in text) or _VALUE.search(text):
                warn(path, "secret", f"{name} looks like a secret in plain text", HINT)
