"""An SMTP server on loopback that remembers the mails it took. Each connection has a thread of its own."""

from __future__ import annotations

import base64
import socketserver
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.web import listening


@dataclass(frozen=True)
class Taken:
    sender: str                     # of the envelope, as everything here
    recipients: tuple[str, ...]
    data: bytes
    is_by_tls: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.data, policy=policy.default)

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain", "html"))
        assert body is not None
        return str(body.get_content())


@dataclass
class Post:
    """port: where it listens. answers: what it says instead, by a command in capitals or `RCPT <address>`; an empty
    answer closes the connection."""

    port: int
    context: ssl.SSLContext | None
    users: Mapping[str, str]
    answers: dict[str, str] = field(default_factory=dict)
    mails: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


class _Handler(socketserver.StreamRequestHandler):
    post: Post

    def handle(self) -> None:
        self._start(is_by_tls=isinstance(self.request, ssl.SSLSocket))
        self.say(self.post.answers.get("CONNECT", "220 localhost"))
        try:
            while (line := self.rfile.readline()) and self._do(line.decode().rstrip("\r\n")):
                pass
        except (OSError, ValueError):
            return

    def _start(self, *, is_by_tls: bool) -> None:
        self.is_by_tls, self.sender = is_by_tls, ""
        self.user: str | None = None
        self.recipients: list[str] = []

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def ask(self, challenge: str) -> str:
        self.say(f"334 {base64.b64encode(challenge.encode()).decode()}")
        return base64.b64decode(self.rfile.readline()).decode()

    def _do(self, line: str) -> bool:
        """False: the conversation is over."""
        self.post.commands.append(line)
        command, _, rest = line.partition(" ")
        command = command.upper()
        own = self.post.answers.get(f"{command} {_bare(rest)}", self.post.answers.get(command))
        if own is not None:
            if own:
                self.say(own)
            return bool(own)
        match command:
            case "EHLO":
                self._hello()
            case "STARTTLS":
                self._secure()
            case "AUTH":
                self._log_in(rest)
            case "MAIL":
                self.sender = _bare(rest)
                self.say("250 fine")
            case "RCPT":
                self.recipients.append(_bare(rest))
                self.say("250 fine")
            case "DATA":
                return self._take()
            case "QUIT":
                self.say("221 bye")
                return False
            case _:
                self.say("250 fine")
        return True

    def _hello(self) -> None:
        offers = ["localhost", "8BITMIME"]
        offers += ["STARTTLS"] if self.post.context and not self.is_by_tls else []
        offers += ["AUTH PLAIN LOGIN"] if self.post.users else []
        for offer in offers[:-1]:
            self.say(f"250-{offer}")
        self.say(f"250 {offers[-1]}")

    def _secure(self) -> None:
        assert self.post.context is not None
        self.say("220 go on")
        self.wfile.flush()
        self.request = self.post.context.wrap_socket(self.request, server_side=True)
        self.setup()
        self._start(is_by_tls=True)

    def _log_in(self, rest: str) -> None:
        kind, _, first = rest.partition(" ")
        if kind == "PLAIN":
            _, user, password = base64.b64decode(first).decode().split("\0")
        else:
            user = base64.b64decode(first).decode() if first else self.ask("Username:")
            password = self.ask("Password:")
        is_known = self.post.users.get(user) == password
        self.user = user if is_known else None
        self.say("235 welcome" if is_known else f"535 not you, {password}")

    def _take(self) -> bool:
        self.say("354 go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        own = self.post.answers.get("MESSAGE", "250 taken")
        if own.startswith("250") or not own:
            self.post.mails.append(Taken(self.sender, tuple(self.recipients), b"".join(lines), self.is_by_tls,
                                         self.user))
        if own:
            self.say(own)
        return bool(own)


def _bare(rest: str) -> str:
    """The address in `FROM:<a@example.com> BODY=8BITMIME`."""
    return rest.partition("<")[2].partition(">")[0] or rest


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: object, client_address: object) -> None:
        if self.tls is not None:
            request = self.tls.wrap_socket(request, server_side=True)       # type: ignore[arg-type]
        super().finish_request(request, client_address)                     # type: ignore[arg-type]

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


@contextmanager
def post_office(
    context: ssl.SSLContext | None = None, *, users: Mapping[str, str] | None = None, is_tls_at_once: bool = False,
) -> Iterator[Post]:
    """A server while the block runs. context: it offers STARTTLS, or speaks TLS from the first byte on. users: their
    passwords, by name."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    server.tls = context if is_tls_at_once else None
    post = Post(port=server.server_address[1], context=context, users=users or {})
    handler.post = post                                                     # type: ignore[attr-defined]
    with listening(server):
        yield post
