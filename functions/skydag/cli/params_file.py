"""Parameters from a YAML or JSON file (-P); `!include` works below the file's own folder (C-12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skydag.errors import InvalidError, WorkflowError
from skydag.language.params_file import load_params


def read_mapping(path: Path) -> dict[str, Any]:
    try:
        return load_params(path.read_bytes(), lambda name: (path.parent / name).read_bytes(), path.name)
    except OSError as error:
        raise InvalidError(f"Parameter file {path}: {error.strerror}") from error
    except WorkflowError as refused:
        raise InvalidError(f"Parameter file {path}: {refused}") from refused
