"""Which mail server a `mail>` task speaks to (O-136, O-137)."""

from __future__ import annotations

from typing import Any, Final

from skydag.errors import ConfigError
from skydag.model.records import dataclass
from skydag.model.values import boolean, integer, optional, required, text
from skydag.spi import TaskRequest
from skydag_operators._secrets import Seen

PREFIX: Final = "config.mail."
PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    host: str
    port: int
    username: str | None        # None: nobody logs in
    password: str | None
    tls: bool                   # STARTTLS, where the server offers it
    ssl: bool                   # TLS from the first byte on


def server(request: TaskRequest, seen: Seen) -> Server:
    """The task's own settings, secrets before parameters, if they name a host; else those of the configuration. Never a
    mixture. seen: gets to know what must not be shown. Raises ConfigError."""
    host = seen("mail.host") or request.config.get("host")
    if host:
        return _server(_own(request, seen) | {"host": host})
    shared = {key.removeprefix(PREFIX): value for key, value in request.properties.items() if key.startswith(PREFIX)}
    if not shared.get("host"):
        raise ConfigError("Missing SMTP configuration: set host and port in the task or an exported 'mail:', or as "
                          "secrets mail.host and mail.port, or config.mail.host and config.mail.port in the "
                          "configuration; 'transport: ses' sends by Amazon SES")
    if shared.get("password"):
        seen.values.append(shared["password"])
    return _server(shared)


def _own(request: TaskRequest, seen: Seen) -> dict[str, Any]:
    own: dict[str, Any] = {}
    for key in ("port", "tls", "ssl"):                  # nothing to hide: 587, true
        found = request.secrets(f"mail.{key}")
        own[key] = request.config.get(key) if found is None else found
    username = seen("mail.username")
    own["username"] = request.config.get("username") if username is None else username
    own["password"] = seen("mail.password")
    if request.config.get("password") is not None:
        request.log("mail>: the parameter 'password' is ignored; the password is the secret mail.password")
    return own


def _server(config: dict[str, Any]) -> Server:
    port = required(config, "port", integer)
    if not 0 < port <= PORT_MAX:
        raise ConfigError(f"port is {port}; it is 587 for most servers, 465 with 'ssl: true'")
    return Server(
        host=text("host", config["host"]), port=port, username=optional(config, "username", text, "") or None,
        password=optional(config, "password", text, None),
        tls=optional(config, "tls", boolean, True), ssl=optional(config, "ssl", boolean, False))
