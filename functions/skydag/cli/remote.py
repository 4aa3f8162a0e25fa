"""Our REST API, from outside (cli.md section 6; rest-api.md section 16).

GETs are repeated up to ten times when the server has trouble (5xx, 408, 429, a broken connection), others never (R-79).
"""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
    getproxies,
)

from skydag import __version__
from skydag.cli.clock import wait
from skydag.errors import ConflictError, InvalidError, NotFoundError, SkydagError, UnavailableError

TRIES = 10
TIMEOUT_S = 60
WAIT_S_MAX = 5.0
AGAIN = frozenset({408, 429, 500, 502, 503, 504})

Query = Mapping[str, Any]
Signer = Callable[[str, str, dict[str, str], bytes | None], dict[str, str]]      # method, url, headers, body -> headers


class SessionExists(ConflictError):
    """A start met a session that is there already; `attempt` is the one that the server names (R-58)."""

    def __init__(self, message: str, attempt: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.attempt = attempt


class Remote:
    """One installation. `waiting` is how two tries are kept apart; tests hand in one that does not wait."""

    def __init__(
        self, endpoint: str, *, headers: Mapping[str, str] | None = None, signer: Signer | None = None,
        checks_certificate: bool = True, downloads_directly: bool = True, waiting: Callable[[float], None] = wait,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.downloads_directly = downloads_directly
        self._headers = {"User-Agent": f"skydag/{__version__}", "Accept-Encoding": "gzip", **(headers or {})}
        self._signer, self._waiting = signer, waiting
        self._opener = _opener(self.endpoint, checks_certificate)
        self._has_answered = False

    def get(self, path: str, query: Query | None = None) -> Any:
        return json.loads(self.get_bytes(path, query))

    def get_direct(self, url: str) -> bytes:
        """What lies at a pre-signed address, asked for without headers of ours. UnavailableError."""
        return self._direct(Request(url))

    def put_direct(self, url: str, data: bytes) -> None:
        """Uploads to a pre-signed address. UnavailableError."""
        self._direct(Request(url, data=data, headers={"Content-Type": ""}, method="PUT"))

    def _direct(self, request: Request) -> bytes:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                data: bytes = answer.read()
                return data
        except (HTTPError, URLError, HTTPException, OSError) as error:
            address = request.full_url.partition("?")[0]
            raise UnavailableError(f"Cannot {request.get_method()} {address}: {error}") from error

    def get_bytes(self, path: str, query: Query | None = None) -> bytes:
        for remaining in reversed(range(TRIES)):
            try:
                return self._send("GET", path, query)
            except _Trouble as trouble:
                if not remaining or not (self._has_answered or trouble.is_answer):
                    raise trouble.final from None
                self._waiting(min(0.1 * 2 ** (TRIES - 1 - remaining), WAIT_S_MAX))
        raise AssertionError("the loop ends by return or raise")

    def put(self, path: str, body: Any = None, *, query: Query | None = None, gzip_bytes: bytes | None = None) -> Any:
        return self._write("PUT", path, body, query, gzip_bytes)

    def post(self, path: str, body: Any = None, *, query: Query | None = None) -> Any:
        return self._write("POST", path, {} if body is None else body, query, None)

    def _write(self, method: str, path: str, body: Any, query: Query | None, gzip_bytes: bytes | None) -> Any:
        if gzip_bytes is not None:
            kind, data = "application/gzip", gzip_bytes
        else:
            kind, data = "application/json", json.dumps(body, ensure_ascii=False).encode()
        try:
            return json.loads(self._send(method, path, query, data, {"Content-Type": kind}))
        except _Trouble as trouble:
            raise trouble.final from None

    def _send(
        self, method: str, path: str, query: Query | None, body: bytes | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> bytes:
        kept = {key: str(value) for key, value in (query or {}).items() if value is not None}
        url = self.endpoint + quote(path) + (f"?{urlencode(kept, quote_via=quote)}" if kept else "")
        headers = {**self._headers, **(extra or {})}
        if self._signer is not None:
            headers = self._signer(method, url, headers, body)
        request = Request(url, data=body, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                self._has_answered = True
                return _plain(answer.read(), answer.headers.get("Content-Encoding"))
        except HTTPError as error:
            self._has_answered = True
            raise self._refused(method, error) from None
        except (URLError, HTTPException, OSError) as error:
            raise _Trouble(UnavailableError(self._unreachable(error)), is_answer=False) from error

    def _refused(self, method: str, error: HTTPError) -> Exception:
        body = _plain(error.read(), error.headers.get("Content-Encoding")).decode("utf-8", "replace")
        status = error.code
        if status == 404:
            return NotFoundError(f"Resource not found: {body or f'HTTP 404 {error.reason}'}")
        if status == 409:
            attempt = _attempt(body)
            text = f"Request conflicted: {body}"
            return SessionExists(text, attempt) if attempt is not None else ConflictError(text)
        if status == 422:
            return InvalidError(f"Invalid option: {body}")
        if status in AGAIN:
            final = UnavailableError(f"Status code {status}: {body}")
            return _Trouble(final, is_answer=True)
        if status in (401, 403):
            return InvalidError(f"Status code {status}: {body}; is --auth right for {self.endpoint}?")
        return InvalidError(f"Status code {status}: {body}")

    def _unreachable(self, error: Exception) -> str:
        reason = getattr(error, "reason", None) or error
        text = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
        hint = "name the installation with --endpoint, or start one with `skydag server`"
        return f"Cannot reach {self.endpoint}: {text}; {hint}"


class _Trouble(Exception):
    """What may be tried again. `final` is what the user sees when it is not."""

    def __init__(self, final: SkydagError, *, is_answer: bool) -> None:
        super().__init__(str(final))
        self.final, self.is_answer = final, is_answer


class _BareRedirect(HTTPRedirectHandler):
    """Follows a redirect without our own headers: a pre-signed address would refuse them (R-30)."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        return Request(newurl, method="GET") if req.get_method() == "GET" else None


def _opener(endpoint: str, checks_certificate: bool) -> OpenerDirector:
    """Proxies as C-14 says: for https addresses https_proxy, then http_proxy."""
    proxies = getproxies()
    if "https" not in proxies and "http" in proxies:
        proxies["https"] = proxies["http"]
    context = ssl.create_default_context() if endpoint.startswith("https:") else None
    if context is not None and not checks_certificate:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return build_opener(ProxyHandler(proxies), _BareRedirect(), HTTPSHandler(context=context))


def _plain(data: bytes, encoding: str | None) -> bytes:
    return gzip.decompress(data) if encoding == "gzip" else data


def _attempt(body: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "sessionId" in found else None
