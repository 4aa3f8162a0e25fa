"""The message of a `mail>` task: headers, body, attachments (O-136 .. O-138).

Whatever the parameters hold, a header is one line and an address is one address: nobody who fills in a parameter adds
a recipient or a header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from skydag.errors import ConfigError
from skydag.model.records import dataclass
from skydag.model.values import array, boolean, mapping, optional, required, text
from skydag.spi import TaskRequest
from skydag_operators._command_file import command_text, content

ATTACHED_BYTES_MAX: Final = 25_000_000      # in all; more than most servers take
BINARY: Final = "application/octet-stream"
POLICY: Final = SMTP.clone(cte_type="7bit")      # every server takes it

_SPEC = r'[^\s@<>()\[\],;:"\\]+@[^\s@<>()\[\],;:"\\]+'
_ADDRESS = re.compile(
    rf'\s*(?:(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[^"<>,;@]*?))\s*<(?P<named>{_SPEC})>|(?P<bare>{_SPEC}))\s*\Z')
_NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;[ -~]*)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    sender: str                         # bare addresses, as the envelope says them
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def is_ascii(self) -> bool:
        """False: an address has other characters before its @, which only a server with SMTPUTF8 takes."""
        return (self.sender + "".join(self.recipients)).isascii()

    @property
    def data(self) -> bytes:
        """Lines end in CRLF, and all bytes are ASCII but those of such addresses."""
        return self.message.as_bytes(policy=POLICY.clone(utf8=not self.is_ascii))


def mail(request: TaskRequest) -> Mail:
    """Raises ConfigError for what is missing or wrong in the task."""
    config = request.config
    subject = one_line("subject", _or_shared(request, "subject"))
    body = command_text(request, "body")
    sender = address("from", _or_shared(request, "from"))
    lists = {"To": _to(config), **{name: optional(config, name.lower(), array, []) for name in ("Cc", "Bcc")}}
    to = {name: [address(name.lower(), text(name.lower(), one)) for one in ones] for name, ones in lists.items()}
    recipients = tuple(dict.fromkeys(one.addr_spec for ones in to.values() for one in ones))
    if not recipients:
        raise ConfigError("there is nobody to send to: to, cc and bcc are empty")
    message = EmailMessage(policy=POLICY)
    message["Subject"] = subject
    message["From"] = sender
    for name in ("To", "Cc"):
        if to[name]:
            message[name] = to[name]
    message["Date"] = format_datetime(request.now())
    message["Message-ID"] = message_id(request, sender.domain)
    try:
        message.set_content(body, subtype="html" if optional(config, "html", boolean, False) else "plain",
                            charset="utf-8")
    except UnicodeEncodeError:
        raise ConfigError("the body holds half a character (a lone surrogate), which no mail can carry") from None
    for data, name, kind in _attached(request):
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return Mail(sender=sender.addr_spec, recipients=recipients, message=message)


def message_id(request: TaskRequest, domain: str) -> str:
    """The same for every try of the task, also after a lost worker and by `_retry`: all of them are the same mail, and
    who got two can tell. A loop's turns and a group's tries are tasks of their own."""
    return f"<skydag.{request.attempt_id}.{request.task_id}.{request.session_uuid}@{domain}>"


def address(key: str, written: str) -> Address:
    """One address: `a@example.com`, `Name <a@example.com>` or `"Name, with comma" <a@example.com>`."""
    found = _ADDRESS.match(written)
    if found is None or _NO_HEADER.search(written.strip()):
        raise ConfigError(f"Invalid address in {key}: {written!r}; write a@example.com or Name <a@example.com>, one an "
                          "item of the list")
    local, _, domain = (found["named"] or found["bare"]).rpartition("@")
    name = re.sub(r"\\(.)", r"\1", found["quoted"]) if found["quoted"] is not None else found["name"] or ""
    try:
        return Address(display_name=name, username=local, domain=domain.encode("idna").decode())
    except (UnicodeError, ValueError, IndexError):
        raise ConfigError(f"Invalid address in {key}: {written!r}") from None


def one_line(key: str, value: str) -> str:
    """The text for a header; a line's end at its end, as a block of YAML has one, is dropped."""
    value = value.strip()
    if _NO_HEADER.search(value):
        raise ConfigError(f"{key} holds a line break or another control character; it is one line of text: {value!r}")
    return value


def _to(config: Mapping[str, Any]) -> Sequence[Any]:
    """A list, or one address."""
    value = required(config, "to", lambda _, value: value)
    return [value] if isinstance(value, str) else array("to", value)


def _or_shared(request: TaskRequest, key: str) -> str:
    """The task's own, else the configuration's."""
    shared = request.properties.get(f"config.mail.{key}")
    has_own = request.config.get(key) is not None
    return required(request.config, key, text) if has_own or shared is None else shared


def _attached(request: TaskRequest) -> list[tuple[bytes, str, str]]:
    """(content, name, type) of each. Without `filename` the name is the last part of the path with its slash, as in
    Digdag."""
    found: list[tuple[bytes, str, str]] = []
    left = ATTACHED_BYTES_MAX
    for one in optional(request.config, "attach_files", array, []):
        each = mapping("attach_files", one)
        path = required(each, "path", text)
        name = one_line("filename", optional(each, "filename", text, path[max(path.rfind("/"), 0):]))
        kind = optional(each, "content_type", text, BINARY)
        if not _TYPE.match(kind):
            raise ConfigError(f"content_type of {path} is {kind!r}; it looks like text/csv")
        data = content(request, path, bytes_max=ATTACHED_BYTES_MAX)
        left -= len(data)
        if left < 0:
            raise ConfigError(f"attach_files are larger than {ATTACHED_BYTES_MAX // 1_000_000} MB in all; store them "
                              "somewhere and send a link")
        found.append((data, name, kind))
    return found
