"""Sending a mail by SMTP (O-136 .. O-138): to everybody, or to nobody."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from skydag.errors import TaskError
from skydag_operators._mail_message import Mail
from skydag_operators._mail_server import Server

CONNECT_S: Final = 10
READ_S: Final = 60
QUIT_S: Final = 5
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
Say = Callable[[str], None]


def send(mail: Mail, to: Server, say: Say) -> None:
    """say: each line of the conversation, without passwords and without the mail itself. Raises TaskError."""
    where = f"the mail server {to.host}:{to.port}"
    try:
        smtp = _connected(to, say)
        try:
            _secure(smtp, to, where)
            _log_in(smtp, to, where)
            _hand_over(smtp, mail, where)
            _leave(smtp)
        finally:
            smtp.close()
    except ssl.SSLCertVerificationError as wrong:
        raise TaskError(f"the certificate of {where} is not trusted: {wrong.verify_message}; SSL_CERT_FILE may name a "
                        "file with the certificate of its issuer") from None
    except ssl.SSLError as trouble:
        raise TaskError(f"TLS with {where} failed: {trouble.reason}; 'ssl: true' is for ports that speak TLS at once "
                        "(465), 'tls: true' for those with STARTTLS (587)") from None
    except TimeoutError:
        raise TaskError(f"{where} does not answer; are host and port right? A port that speaks TLS at once (465) wants "
                        "'ssl: true'") from None
    except smtplib.SMTPServerDisconnected:
        raise TaskError(f"{where} closed the connection; a port that speaks TLS at once (465) wants 'ssl: true'"
                        ) from None
    except smtplib.SMTPResponseException as refused:
        raise TaskError(f"{where} refuses: {_answer(refused.smtp_code, refused.smtp_error)}") from None
    except (OSError, UnicodeError, smtplib.SMTPException) as trouble:
        raise TaskError(f"{where} cannot be used: {getattr(trouble, 'strerror', None) or trouble}") from None


class _Conversation:
    """Tells every line, and gives the server its time: the limit for connecting is none for answering."""

    say: Say
    is_private = False

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found: socket.socket = super()._get_socket(host, port, timeout)     # type: ignore[misc]
        found.settimeout(READ_S)
        return found

    def putcmd(self, cmd: str, args: str = "") -> None:
        self.say("> ***" if self.is_private else f"> {cmd} {args}".rstrip())
        super().putcmd(cmd, args)                                           # type: ignore[misc]

    def getreply(self) -> tuple[int, bytes]:
        code, answer = super().getreply()                                   # type: ignore[misc]
        self.say(f"< {_answer(code, answer)}")
        return code, answer


class _Plain(_Conversation, smtplib.SMTP):
    pass


class _Tls(_Conversation, smtplib.SMTP_SSL):
    pass


def _connected(to: Server, say: Say) -> smtplib.SMTP:
    options: dict[str, Any] = {"timeout": CONNECT_S, "local_hostname": _own_name()}
    if to.ssl:
        options["context"] = ssl.create_default_context()
    kind = type("Smtp", (_Tls if to.ssl else _Plain,), {"say": staticmethod(say)})  # it speaks while it is made
    smtp: smtplib.SMTP = kind(to.host, to.port, **options)
    return smtp


def _own_name() -> str:
    """What EHLO says. Asking DNS for it, as the library would, may take longer than the mail."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _secure(smtp: smtplib.SMTP, to: Server, where: str) -> None:
    """`tls` is STARTTLS where the server offers it; but no password goes without."""
    smtp.ehlo_or_helo_if_needed()
    if to.ssl or not to.tls:
        return
    if smtp.has_extn("starttls"):
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
    elif to.username is not None and to.host not in LOOPBACK:
        raise TaskError(f"{where} offers no STARTTLS, so the password would go there for everybody to read; set 'ssl: "
                        "true' if it speaks TLS at once, or 'tls: false' if that is meant")


def _log_in(smtp: smtplib.SMTP, to: Server, where: str) -> None:
    if to.username is None:
        return
    smtp.is_private = True                                                  # type: ignore[attr-defined]
    try:
        smtp.login(to.username, to.password or "")
    except smtplib.SMTPNotSupportedError:
        raise TaskError(f"{where} takes no user and password here; take username away, or reach it by TLS") from None
    except smtplib.SMTPAuthenticationError as refused:
        raise TaskError(f"{where} does not accept user or password ({refused.smtp_code}); look at the secrets "
                        "mail.username and mail.password") from None
    except UnicodeEncodeError:
        raise TaskError("user or password hold other characters than ASCII, which SMTP cannot carry") from None
    finally:
        smtp.is_private = False                                             # type: ignore[attr-defined]


def _hand_over(smtp: smtplib.SMTP, mail: Mail, where: str) -> None:
    """One recipient who is refused stops it all: a mail that half of them get is no success."""
    if not mail.is_ascii and not smtp.has_extn("smtputf8"):
        raise TaskError(f"{where} takes only ASCII before the @ of an address")
    code, answer = smtp.mail(mail.sender, [] if mail.is_ascii else ["SMTPUTF8"])
    if code != 250:
        raise TaskError(f"{where} refuses the sender {mail.sender}: {_answer(code, answer)}")
    for recipient in mail.recipients:
        code, answer = smtp.rcpt(recipient)
        if code not in (250, 251):
            raise TaskError(f"{where} refuses {recipient}: {_answer(code, answer)}; nobody got the mail")
    data = mail.data
    try:
        code, answer = smtp.data(data)
    except smtplib.SMTPDataError as refused:
        raise TaskError(f"{where} refuses the mail: {_answer(refused.smtp_code, refused.smtp_error)}") from None
    except (OSError, smtplib.SMTPServerDisconnected):
        raise TaskError(f"{where} was lost while it got the mail; it may have been sent all the same") from None
    if code != 250:
        raise TaskError(f"{where} refuses the mail: {_answer(code, answer)}")


def _leave(smtp: smtplib.SMTP) -> None:
    """The mail is taken: whatever happens now is no failure, or it would be sent again."""
    with suppress(OSError, smtplib.SMTPException):
        if smtp.sock is not None:
            smtp.sock.settimeout(QUIT_S)
        smtp.quit()


def _answer(code: int, answer: bytes | str) -> str:
    shown = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(shown.split())[:200]}"
