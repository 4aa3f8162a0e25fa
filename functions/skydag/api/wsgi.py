"""The REST API as a WSGI application: a request becomes the event that an HTTP API would send to Lambda, and back.

So the local server and AWS run the same resolver, shapes and errors (F-2).
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from itertools import count
from types import SimpleNamespace
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from skydag.api.answer import JSON, Answer, dumped, error
from skydag.api.request import LOCAL

StartResponse = Callable[..., Any]
Environ = Mapping[str, Any]

BODY_BYTES_MAX = 256 * 1024 * 1024


class WsgiApplication:
    """Thread-safe: the resolver answers one request at a time."""

    def __init__(self, resolver: APIGatewayHttpResolver) -> None:
        self._resolver = resolver
        self._lock = threading.Lock()
        self._numbers = count(1)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = _body(environ)
        if isinstance(body, Answer):
            refusal = dumped(body.value).encode()
            start_response(_status(body.status), [("Content-Type", JSON), ("Content-Length", str(len(refusal)))])
            return [refusal]
        with self._lock:
            request_id = f"local-{next(self._numbers)}"
            answer = self._resolver.resolve(event(environ, body, request_id), _context(request_id))
        text = answer.get("body") or ""
        data = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        headers = [(name, value) for name, value in answer.get("headers", {}).items()]
        start_response(_status(answer["statusCode"]), [*headers, ("Content-Length", str(len(data)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [data]


def _context(request_id: str) -> Any:
    """As much of Lambda's context as the resolver looks at."""
    return SimpleNamespace(aws_request_id=request_id, function_name="api")


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"


def _body(environ: Environ) -> bytes | Answer:
    """The body; or why it is refused: Content-Length must be there and true (R-33)."""
    text = environ.get("CONTENT_LENGTH") or "0"
    if not text.isdecimal() or int(text) > BODY_BYTES_MAX:
        return error(400, f"Content-Length must be a number up to {BODY_BYTES_MAX}, not '{text}'")
    data: bytes = environ["wsgi.input"].read(int(text))
    if len(data) != int(text):
        return error(400, "Content-Length header doesn't match with uploaded data size")
    return data


def event(environ: Environ, body: bytes, request_id: str) -> dict[str, Any]:
    """The event of an HTTP API, payload format 2.0, as AWS documents it."""
    path = (environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace")
    headers = {
        name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": environ.get("QUERY_STRING", ""),
        "headers": headers,
        "requestContext": {
            "http": {"method": environ["REQUEST_METHOD"], "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": environ.get("REMOTE_ADDR", ""), "userAgent": headers.get("user-agent", "")},
            "apiId": LOCAL,
            "requestId": request_id,
            "stage": "$default",
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }

