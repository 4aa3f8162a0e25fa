"""Secrets in SSM Parameter Store (F-7), at `<prefix><project id>/<key>`, as SecureString.

What a project has not is looked for at `<prefix>default/<key>`: secrets of the whole installation, put there by hand
(O-45).

A parameter holds 4 KB and no `{{` (A-104). A value that fits is kept as it is. Every other one is kept in base64:

    <prefix><project id>/<key>                    base64:<version>:<number of parts>
    <prefix><project id>/<key>/<version>/<n>      part n = 1, 2, ... of the base64 text

Parts are written before the head, under a version of their own, so a reader sees the old value or the new one. A value
that itself begins with `base64:` is kept in parts, too; so what was put in by hand is read as it stands unless it
begins so.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from skydag.aws.client import calling, code
from skydag.errors import UnavailableError
from skydag.ports import Clock

PARAMETER_BYTES_MAX = 4096
NAMES_A_CALL = 10
HEAD = "base64:"
CACHED_FOR = timedelta(minutes=1)


class ParameterSecrets:
    """ports.SecretStore. client: an SSM client. prefix: `/skydag/<stack>/`. Values found are kept for a minute."""

    def __init__(self, client: Any, prefix: str, *, clock: Clock) -> None:
        self._client, self._prefix, self._clock = client, prefix, clock
        self._cache: dict[tuple[int, str], tuple[datetime, str]] = {}

    def get(self, project_id: int, key: str) -> str | None:
        now = self._clock()
        self._cache = {known: entry for known, entry in self._cache.items() if now - entry[0] < CACHED_FOR}
        if (project_id, key) in self._cache:
            return self._cache[project_id, key][1]
        value = self._read(f"{self._prefix}{project_id}/{key}")
        if value is None:
            value = self._read(f"{self._prefix}default/{key}")
        if value is not None:
            self._cache[project_id, key] = now, value
        return value

    def put(self, project_id: int, key: str, value: str, *, version: str) -> None:
        """version: letters and digits, never used before for this key. Parts of an earlier value stay until deleted."""
        path = f"{self._prefix}{project_id}/{key}"
        data = value.encode()
        with calling("SSM"):
            if not data or len(data) > PARAMETER_BYTES_MAX or "{{" in value or value.startswith(HEAD):
                text = base64.b64encode(data).decode()
                parts = [text[at:at + PARAMETER_BYTES_MAX] for at in range(0, len(text), PARAMETER_BYTES_MAX)]
                for number, part in enumerate(parts, 1):
                    self._write(f"{path}/{version}/{number}", part)
                value = f"{HEAD}{version}:{len(parts)}"
            self._write(path, value)
        self._cache.pop((project_id, key), None)

    def _read(self, path: str) -> str | None:
        with calling("SSM"):
            try:
                value = str(self._client.get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"])
            except ClientError as trouble:
                if code(trouble) == "ParameterNotFound":
                    return None
                raise
            if not value.startswith(HEAD):
                return value
            version, count = value.removeprefix(HEAD).split(":")
            names = [f"{path}/{version}/{number}" for number in range(1, int(count) + 1)]
            return base64.b64decode("".join(self._parts(names))).decode()

    def _parts(self, names: Sequence[str]) -> Sequence[str]:
        found: dict[str, str] = {}
        for start in range(0, len(names), NAMES_A_CALL):
            answer = self._client.get_parameters(Names=names[start:start + NAMES_A_CALL], WithDecryption=True)
            found.update((parameter["Name"], parameter["Value"]) for parameter in answer["Parameters"])
        missing = [name for name in names if name not in found]
        if missing:
            raise UnavailableError(f"parts of a secret are missing in Parameter Store: {', '.join(missing[:3])}")
        return [found[name] for name in names]

    def _write(self, name: str, value: str) -> None:
        self._client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
