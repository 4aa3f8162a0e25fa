"""The file of parameters that `-P` names (L-152)."""

from __future__ import annotations

from typing import Any

from skydag.language.include import Reader, load_text
from skydag.language.problems import Refused, workflow_error


def load_params(data: str | bytes, read: Reader, file: str = "params.yml") -> dict[str, Any]:
    """The mapping of a `-P` file, YAML or JSON; `!include` reads beside it. `file` names it in messages.
    WorkflowError with all mistakes, one a line."""
    try:
        document = load_text(file, data.encode() if isinstance(data, str) else data, read)
    except Refused as refused:
        raise workflow_error(refused.problems) from None
    if any(not problem.is_warning for problem in document.problems):
        raise workflow_error(document.problems)
    return document.value
