"""The installation's REST API, asked in this process: what a client would get over HTTP, without the wire."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

from skydag.api.routes import resolver
from skydag.api.wsgi import WsgiApplication
from skydag.errors import IllegalStepError


class Rest:
    """application: what the function Api works with."""

    def __init__(self, application: Any) -> None:
        self._application = WsgiApplication(resolver(application))

    def get(self, path: str, **query: str) -> Any:
        """The JSON of the answer. Raises IllegalStepError for any answer but 200."""
        return json.loads(self._ask("GET", path, urlencode(query), b""))

    def put(self, path: str, body: Any) -> Any:
        return json.loads(self._ask("PUT", path, "", json.dumps(body).encode()))

    def logs(self, attempt_id: str) -> dict[str, list[str]]:
        """Task name -> the lines of its log, runs in order."""
        out: dict[str, list[str]] = {}
        files = self.get(f"/api/logs/{attempt_id}/files")["files"]
        for file in sorted(files, key=lambda file: str(file["fileTime"])):
            out.setdefault(file["taskName"], []).extend(self.log(attempt_id, file["fileName"]).splitlines())
        return out

    def log(self, attempt_id: str, file_name: str) -> str:
        data = self._ask("GET", f"/api/logs/{attempt_id}/files/{quote(file_name)}", "", b"")
        return gzip.decompress(data).decode()

    def _ask(self, method: str, path: str, query: str, body: bytes) -> bytes:
        seen: list[str] = []
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": _unquoted(path), "QUERY_STRING": query, "SCRIPT_NAME": "",
            "CONTENT_TYPE": "application/json" if body else "", "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body)}
        answer = b"".join(self._application(environ, lambda status, headers, *_: seen.append(status)))
        if not seen[0].startswith("200"):
            raise IllegalStepError(f"{method} {path} answered {seen[0]}: {answer[:300].decode(errors='replace')}")
        return answer


def _unquoted(path: str) -> str:
    """WSGI wants the path decoded, one character a byte."""
    return unquote_to_bytes(path).decode("latin-1")
