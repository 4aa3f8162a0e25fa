"""`http_call>`: the answer of a request, run as tasks (O-145, O-146)."""

from __future__ import annotations

import json
from typing import ClassVar, Final

from skydag.errors import TaskError, WorkflowError
from skydag.model.records import replace
from skydag.model.values import optional, text
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _http, _paths
from skydag_operators._http_wanted import wanted, whole

JSON: Final = "application/json"
YAML: Final = "application/x-yaml"


class HttpCall:
    """The tasks of the definition that `_command` answers with, as `call>` runs those of a file."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        request = replace(request, config=_http.with_block(request))
        most = whole(request.properties, "config.http_call.max_response_content_size", _http.CONTENT_CHARS_MAX)
        answer = _http.answered(request, wanted(request, takes_secret_uri=False), chars_max=most)
        given = answer.headers.get("Content-Type", "")
        kind = optional(request.config, "content_type_override", text, given).partition(";")[0].strip().lower()
        _http.check_length(answer, most)
        if not kind:
            raise TaskError("Content-Type must be set in the answer, or by content_type_override: "
                            f"{JSON} or {YAML}")
        if kind not in (JSON, YAML):
            raise TaskError(f"Unsupported Content-Type (expected {JSON} or {YAML}): {kind}")
        definition = _as_yaml(answer.content) if kind == JSON else answer.content
        folder = _paths.workdir(request.config)
        if folder:
            _paths.check_inside(request.files.root, folder,
                                f"Working directory must not be outside of project path: {folder}")
        try:
            return TaskResult(subtasks=request.files.compile_text("answer", definition, folder))
        except WorkflowError as wrong:
            raise TaskError(f"the answer is no workflow definition: {wrong}") from wrong

    def cleanup(self, request: TaskRequest) -> None:
        """The request ended with its run."""


def _as_yaml(content: str) -> str:
    """JSON in the form that every reader of YAML takes: no tabs between its parts."""
    try:
        return json.dumps(json.loads(content), ensure_ascii=False)
    except (ValueError, RecursionError) as wrong:
        raise TaskError(f"the answer is not JSON, as its Content-Type says: {wrong}") from None
