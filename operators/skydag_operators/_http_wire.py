"""One connection for one HTTP request: addresses, proxies, TLS, and a deadline for all of it.

Nothing here waits longer than until the deadline, however slowly the other side drips its bytes.
"""

from __future__ import annotations

import base64
import functools
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, Final, cast

from skydag.errors import TaskError
from skydag.model.records import dataclass

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PIECE_BYTES: Final = 65_536
NO_SUCH_NAME: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name))


class NoAnswerError(Exception):
    """The request got no answer, and may get one if it is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    host: str
    port: int
    tls: bool = False
    authorization: str | None = None        # the value of Proxy-Authorization


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a request goes."""

    scheme: str                             # http or https
    host: str
    port: int
    proxy: Proxy | None
    insecure: bool                          # certificates are not checked
    allows_local: bool                      # False: loopback and link-local addresses are refused


class Deadline:
    def __init__(self, after_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._at, self.after_s = clock, clock() + after_s, after_s

    def left_s(self) -> float:
        """More than 0. Raises TimeoutError once it has passed."""
        left = self._at - self._clock()
        if left <= 0:
            raise TimeoutError
        return left


def connect(target: Target, deadline: Deadline) -> Stream:
    """Ready for the request: through the proxy's tunnel and the TLS handshake where there are such. Raises
    NoAnswerError, and TaskError for what will not change by itself."""
    proxy = target.proxy
    stream = _open(proxy.host if proxy else target.host, proxy.port if proxy else target.port, deadline,
                   allows_local=target.allows_local)
    try:
        if proxy is not None and proxy.tls:
            stream = _secured(stream, proxy.host, insecure=target.insecure)
        if target.scheme == "https":
            if proxy is not None:
                _tunnel(stream, target, proxy)
            stream = _secured(stream, target.host, insecure=target.insecure)
    except BaseException:
        stream.close()
        raise
    return stream


def _open(host: str, port: int, deadline: Deadline, *, allows_local: bool) -> Stream:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as trouble:
        if trouble.errno in NO_SUCH_NAME:
            raise TaskError(f"there is no host named '{host}'; check the address") from None
        raise NoAnswerError(f"the name '{host}' could not be looked up: {trouble.strerror}") from None
    except UnicodeError:
        raise TaskError(f"'{host}' can be no host's name; check the address") from None
    trouble_last: OSError | None = None
    for family, kind, protocol, _, address in found:
        if not allows_local and _is_local(str(address[0])):
            raise TaskError(f"'{host}' is this machine itself or a link-local address; tasks may not reach these here")
        try:
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(deadline.left_s())
            sock.connect(address)
            return Stream(sock, deadline)
        except OSError as trouble:
            sock.close()
            trouble_last = trouble
    if isinstance(trouble_last, TimeoutError):
        raise trouble_last
    why = "refused the connection" if isinstance(trouble_last, ConnectionRefusedError) else \
        f"cannot be reached: {trouble_last.strerror if trouble_last else 'it has no address'}"
    raise NoAnswerError(f"{host} port {port} {why}")


def _is_local(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified


@functools.cache
def tls(insecure: bool) -> ssl.SSLContext:
    """Certificates are checked against the system's, or those in the file that SSL_CERT_FILE names."""
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _secured(stream: Stream, host: str, *, insecure: bool) -> Stream:
    """TLS over the stream, also where it is TLS already (a proxy that is spoken to by TLS)."""
    try:
        if isinstance(stream.sock, ssl.SSLSocket | _Inner):
            return Stream(_Inner(stream, tls(insecure), host), stream.deadline)
        stream.sock.settimeout(stream.deadline.left_s())
        return Stream(tls(insecure).wrap_socket(stream.sock, server_hostname=host), stream.deadline)
    except ssl.SSLCertVerificationError as wrong:
        raise TaskError(
            f"the certificate of {host} is not trusted: {wrong.verify_message}; let SSL_CERT_FILE name a file with its "
            "issuer's certificate, or set 'insecure: true' if nobody can stand between") from None
    except ssl.SSLError as trouble:
        if trouble.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            raise TaskError(f"{host} does not speak TLS on that port; is its address http://?") from None
        raise NoAnswerError(f"TLS with {host} failed: {trouble.reason or 'it broke off'}") from None


def _tunnel(stream: Stream, target: Target, proxy: Proxy) -> None:
    """CONNECT: from here on the proxy passes bytes."""
    where = f"{_bracketed(target.host)}:{target.port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    stream.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    response = HTTPResponse(cast(socket.socket, stream), method="CONNECT")
    try:
        response.begin()
    except HTTPException:
        raise NoAnswerError(f"the proxy {proxy.host}:{proxy.port} closed the connection") from None
    if response.status >= 500:
        raise NoAnswerError(f"the proxy {proxy.host}:{proxy.port} answers {response.status} {response.reason}")
    if response.status >= 300:
        raise TaskError(f"the proxy {proxy.host}:{proxy.port} refuses: {response.status} {response.reason}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Stream:
    """A connected socket as http.client wants one, whose every wait ends at the deadline."""

    def __init__(self, sock: Any, deadline: Deadline) -> None:
        self.sock, self.deadline = sock, deadline

    def sendall(self, data: ReadableBuffer) -> None:
        self.sock.settimeout(self.deadline.left_s())
        self.sock.sendall(data)

    def recv_into(self, buffer: WriteableBuffer) -> int:
        self.sock.settimeout(self.deadline.left_s())
        return int(self.sock.recv_into(buffer))

    def makefile(self, mode: str, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self), PIECE_BYTES)

    def close(self) -> None:
        self.sock.close()


class _Raw(io.RawIOBase):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return self._stream.recv_into(buffer)


class _Inner:
    """TLS inside of TLS, which `wrap_socket` cannot do: records go through two buffers."""

    def __init__(self, outer: Stream, context: ssl.SSLContext, host: str) -> None:
        self._outer, self._in, self._out = outer, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._until_done(self._object.do_handshake)

    def _until_done(self, act: Callable[..., Any], *arguments: Any) -> Any:
        while True:
            try:
                done = act(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                piece = bytearray(PIECE_BYTES)
                size = self._outer.recv_into(piece)
                if size:
                    self._in.write(memoryview(piece)[:size])
                else:
                    self._in.write_eof()
                continue
            self._flush()
            return done

    def _flush(self) -> None:
        if self._out.pending:
            self._outer.sendall(self._out.read())

    def sendall(self, data: ReadableBuffer) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self._until_done(self._object.write, view):]

    def recv_into(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        try:
            return int(self._until_done(self._object.read, len(view), view))
        except ssl.SSLZeroReturnError:
            return 0

    def settimeout(self, seconds: float) -> None:
        """The stream below sets its own."""

    def close(self) -> None:
        self._outer.close()
