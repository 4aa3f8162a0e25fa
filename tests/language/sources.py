"""What the tests of this room share: files as a dict, and the conformance data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skydag.language.include import Reader

CONFORMANCE = Path(__file__).parent.parent / "conformance"


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CONFORMANCE / name).read_text(encoding="utf-8"))
    assert found
    return found


def reader(files: Mapping[str, str | bytes]) -> Reader:
    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(path)
        data = files[path]
        return data.encode() if isinstance(data, str) else data

    return read
