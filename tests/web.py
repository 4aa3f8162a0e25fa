"""A web server on loopback that answers as conformance/workflows/README.md says, and remembers what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    path: str                       # as it was sent, not decoded
    query: str
    headers: Mapping[str, str]      # names in lower case
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain"})


class Web:
    """requests: in order. answers: replies of a test's own, by path. url: where it listens, without a slash."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Asked] = []
        self.answers: dict[str, Callable[[Asked], Reply]] = {}
        self._failures: Counter[str] = Counter()

    def reply(self, asked: Asked) -> Reply:
        self.requests.append(asked)
        own = self.answers.get(asked.path)
        if own is not None:
            return own(asked)
        kind, _, rest = asked.path.lstrip("/").partition("/")
        match kind:
            case "text":
                return Reply(content=unquote(rest).encode())
            case "json":
                return Reply(content=unquote(rest).encode(), headers={"Content-Type": "application/json"})
            case "status":
                return Reply(status=int(rest), content=f"this is {rest}".encode())
            case "failing":
                count, status = rest.split("/")
                self._failures[asked.path] += 1
                is_failing = self._failures[asked.path] <= int(count)
                return Reply(status=int(status), content=b"failing") if is_failing else Reply(content=b"fine")
            case "redirect":
                return Reply(status=302, headers={"Location": "/text/landed"})
            case "big":
                return Reply(content=b"x" * int(rest))
        return Reply(status=404)


class _Handler(BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.web.reply(Asked(self.command, parts.path, parts.query, headers, body))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.content)

    # Names that http.server looks for.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Not to the terminal."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no news."""


@contextmanager
def listening(server: BaseServer) -> Iterator[None]:
    """It answers, in a thread of its own, while the block runs."""
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A server while the block runs; by TLS with a context."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    scheme, host = ("https", "localhost") if context else ("http", "127.0.0.1")
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    web = handler.web = Web(f"{scheme}://{host}:{server.server_address[1]}")     # type: ignore[attr-defined]
    with listening(server):
        yield web
