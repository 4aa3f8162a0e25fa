"""A loopback address where another process finds this installation's AWS: moto, and Lambda's Invoke.

The played container gets it as AWS_ENDPOINT_URL. The service is read from the request's signature, as on AWS's side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from threading import Thread
from typing import Any, Final
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

import waitress

from skydag.embedded import inside
from skydag.embedded.template import REGION

_SCOPE: Final = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_QUERY_SCOPE: Final = re.compile(r"X-Amz-Credential=[^&]*?%2F([a-z0-9-]+)%2Faws4_request")
_HOSTS: Final[Mapping[str, str]] = {"s3": f"s3.{REGION}.amazonaws.com"}

Invoke = Callable[[str, str, Mapping[str, Any], bytes], tuple[int, dict[str, str], bytes]]


class Endpoint:
    """Listens until `close`; `url` is where."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke
        self._server = waitress.create_server(self._application, host="127.0.0.1", port=0, threads=8)
        self.url = f"http://127.0.0.1:{self._server.effective_port}"
        Thread(target=self._server.run, name="skydag-endpoint", daemon=True).start()

    def close(self) -> None:
        """Stop listening; the thread notices within a second."""
        self._server.close()

    def _application(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = {
            name[5:].replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_")}
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        query, path = environ.get("QUERY_STRING", ""), environ["PATH_INFO"].encode("latin-1").decode()
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        service = _service(headers.get("Authorization", ""), query)
        if service == "lambda":
            status, found, content = self._invoke(environ["REQUEST_METHOD"], path, headers, body)
        else:
            headers["Host"] = host = _HOSTS.get(service, f"{service}.{REGION}.amazonaws.com")
            url = f"https://{host}{_quoted(path)}{'?' + query if query else ''}"
            status, given, content = inside.answer(environ["REQUEST_METHOD"], url, headers, body)
            found = {str(name): str(value) for name, value in given.items()}
        kept = [(name, value) for name, value in found.items() if name.lower() not in _HOP_BY_HOP]
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        length = found.get("Content-Length", found.get("content-length")) if is_head else None
        start_response(f"{status} skydag", [*kept, ("Content-Length", length or str(len(content)))])
        return [] if is_head else [content]


_HOP_BY_HOP: Final = frozenset({"content-length", "connection", "transfer-encoding", "server", "date"})


def _service(authorization: str, query: str) -> str:
    found = _SCOPE.search(authorization) or _QUERY_SCOPE.search(query)
    return found[1] if found else "s3"


def _quoted(path: str) -> str:
    return quote(path, safe="/~-._")
