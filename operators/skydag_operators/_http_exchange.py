"""One request and its answer, redirects followed.

    301, 302    a POST becomes a GET        303    everything but HEAD becomes a GET        307, 308    the same again

What is secret (authorization, cookies, headers made of secrets) is not sent on to another scheme, host or port.
"""

from __future__ import annotations

import codecs
import socket
import zlib
from collections.abc import Callable
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final, cast
from urllib.parse import urljoin

from skydag.errors import TaskError
from skydag.model.records import dataclass, replace
from skydag_operators._http_wanted import Address, Wanted, moved
from skydag_operators._http_wire import PIECE_BYTES, Deadline, NoAnswerError, Stream, connect

REDIRECTS: Final = (301, 302, 303, 307, 308)
OF_THE_BODY: Final = ("content-type", "content-length", "transfer-encoding", "content-encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    reason: str
    headers: Message
    content: str                # its first characters, as many as were asked for
    length: int                 # of the whole content, in characters
    address: Address            # where it came from


def exchange(wanted: Wanted, *, chars_max: int) -> Answer:
    """The last answer. Raises NoAnswerError, and TaskError for what will not change by itself."""
    deadline = Deadline(wanted.timeout_s)
    for _ in range(max(0, wanted.redirects_max) + 1):
        answer = _once(wanted, deadline, chars_max)
        location = answer.headers.get("Location")
        if wanted.redirects_max < 0 or answer.status not in REDIRECTS or location is None:
            return answer
        to = moved(wanted.address, urljoin(wanted.address.url, location), wanted.seen)
        wanted = _redirected(wanted, answer.status, to)
    raise TaskError(f"more than {wanted.redirects_max} redirects, the last to {wanted.address.shown}")


def _redirected(wanted: Wanted, status: int, to: Address) -> Wanted:
    headers = wanted.headers
    if to.origin != wanted.address.origin:
        headers = tuple(one for one in headers if one[0].lower() not in wanted.private | {"host"})
    if (status in (301, 302) and wanted.method == "POST") or (status == 303 and wanted.method not in ("GET", "HEAD")):
        headers = tuple(one for one in headers if one[0].lower() not in OF_THE_BODY)
        wanted = replace(wanted, method="GET", body=None)
    return replace(wanted, headers=headers, address=to)


def _once(wanted: Wanted, deadline: Deadline, chars_max: int) -> Answer:
    address = wanted.address
    try:
        stream = connect(wanted.target(address), deadline)
        try:
            response = _ask(wanted, stream)
            content, length = _content(response, deadline, chars_max)
        finally:
            stream.close()
    except TimeoutError:
        raise NoAnswerError(f"no answer within {wanted.timeout_s} s") from None
    except HTTPException as broken:
        what = "closed the connection before its answer ended" if not str(broken) else f"gave no HTTP answer: {broken}"
        raise NoAnswerError(f"{address.origin[1]} {wanted.seen.hide(what)}") from None
    except OSError as trouble:
        raise NoAnswerError(f"{address.origin[1]}: the connection broke: {trouble.strerror or trouble}") from None
    return Answer(status=response.status, reason=response.reason, headers=response.headers, content=content,
                  length=length, address=address)


def _ask(wanted: Wanted, stream: Stream) -> HTTPResponse:
    scheme, host, port = wanted.address.origin
    target = wanted.target(wanted.address)
    connection = HTTPConnection(host, port)
    connection.sock = cast(socket.socket, stream)       # what http.client uses of a socket, with a deadline
    names = {name.lower() for name, _ in wanted.headers}
    is_absolute = target.proxy is not None and scheme == "http"
    connection.putrequest(wanted.method, wanted.address.url if is_absolute else wanted.address.path,
                          skip_host="host" in names, skip_accept_encoding=True)
    for name, value in wanted.headers:
        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
            connection.putheader(name, value.encode())
    if "accept-encoding" not in names:
        connection.putheader("Accept-Encoding", "gzip")
    if is_absolute and target.proxy is not None and target.proxy.authorization is not None:
        connection.putheader("Proxy-Authorization", target.proxy.authorization)
    connection.putheader("Connection", "close")
    if wanted.body is not None:
        connection.putheader("Content-Length", str(len(wanted.body)))
    connection.endheaders(wanted.body or None)
    response = HTTPResponse(cast(socket.socket, stream), method=wanted.method)
    response.begin()
    return response


def _content(response: HTTPResponse, deadline: Deadline, chars_max: int) -> tuple[str, int]:
    """The content's first characters and its length. All of it is read, and no more than that is kept."""
    decoder = _decoder(response.headers.get_content_charset())
    plain = _plain(response.headers.get("Content-Encoding", "").strip().lower())
    kept: list[str] = []
    length = 0
    while True:
        deadline.left_s()
        piece = response.read1(PIECE_BYTES)
        try:
            text = decoder.decode(plain(piece), final=not piece)
        except zlib.error:
            raise NoAnswerError("its content is damaged: it cannot be unpacked") from None
        if length < chars_max:
            kept.append(text[:chars_max - length])
        length += len(text)
        if not piece:
            break
    if response.length:
        raise NoAnswerError("the connection broke before its answer ended")
    return "".join(kept), length


def _decoder(charset: str | None) -> Any:
    try:
        return codecs.getincrementaldecoder(charset or "utf-8")(errors="replace")
    except (LookupError, TypeError):
        return codecs.getincrementaldecoder("utf-8")(errors="replace")


def _plain(encoding: str) -> Callable[[bytes], bytes]:
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return lambda piece: piece
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)        # both headers
    return inflate.decompress
