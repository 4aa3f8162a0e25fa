"""Parameters from a YAML or JSON file (-P); `!include` works below the file's own folder (C-12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skydag.errors import InvalidError
from skydag.language.include import load_text
from skydag.language.problems import Refused


def read_mapping(path: Path) -> dict[str, Any]:
    try:
        document = load_text(path.name, path.read_bytes(), lambda name: (path.parent / name).read_bytes())
    except OSError as error:
        raise InvalidError(f"Parameter file {path}: {error.strerror}") from error
    except Refused as refused:
        raise InvalidError(f"Parameter file {path}: {refused}") from refused
    errors = [str(problem) for problem in document.problems if not problem.is_warning]
    if errors:
        raise InvalidError(f"Parameter file {path}: " + "\n".join(errors))
    return document.value
