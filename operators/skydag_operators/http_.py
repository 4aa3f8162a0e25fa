"""`http>`: an HTTP request (O-140 .. O-144)."""

from __future__ import annotations

from typing import Any, ClassVar

from skydag.model.values import boolean, optional
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _http
from skydag_operators._http_wanted import wanted, whole


class Http:
    """Asks `_command`, and stores `http.last_status`; with `store_content` also `http.last_content`."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        stores_content = optional(request.config, "store_content", boolean, False)
        most = whole(request.properties, "config.http.max_stored_response_content_size", _http.CONTENT_CHARS_MAX)
        answer = _http.answered(request, wanted(request, takes_secret_uri=True),
                                chars_max=most if stores_content else 0)
        stored: dict[str, Any] = {"last_status": answer.status}
        if not stores_content:
            return TaskResult(store={"http": stored}, reset=("http.last_status",))
        _http.check_length(answer, most)
        return TaskResult(store={"http": {**stored, "last_content": answer.content}},
                          reset=("http.last_status", "http.last_content"))

    def cleanup(self, request: TaskRequest) -> None:
        """The request ended with its run."""
