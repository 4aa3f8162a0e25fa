"""`mail>`: sends a mail, by SMTP or by Amazon SES (O-136 .. O-139)."""

from __future__ import annotations

from typing import ClassVar, Final

from skydag.errors import ConfigError, TaskError
from skydag.model.values import boolean, optional, text
from skydag.spi import TaskRequest, TaskResult
from skydag_operators import _mail_ses, _mail_smtp
from skydag_operators._mail_message import mail
from skydag_operators._mail_server import server
from skydag_operators._secrets import Seen

TRANSPORTS: Final = ("smtp", "ses")


class MailTo:
    """One mail to all recipients. Nothing is stored."""

    retries: ClassVar[bool] = True
    runs_code: ClassVar[bool] = False

    def run(self, request: TaskRequest) -> TaskResult:
        shared = request.properties.get("config.mail.transport", TRANSPORTS[0])
        transport = optional(request.config, "transport", text, shared)
        if transport not in TRANSPORTS:
            raise ConfigError(f"transport is '{transport}'; it can be smtp or ses")
        if transport == "ses":
            _mail_ses.send(mail(request))
        else:
            _by_smtp(request)
        return TaskResult()

    def cleanup(self, request: TaskRequest) -> None:
        """The mail was sent, or was not."""


def _by_smtp(request: TaskRequest) -> None:
    seen = Seen(request.secrets)
    to, one = server(request, seen), mail(request)
    is_told = optional(request.config, "debug", boolean, False)

    def say(line: str) -> None:
        if is_told:
            request.log(seen.hide(line))

    try:
        _mail_smtp.send(one, to, say)
    except TaskError as failed:
        raise TaskError(seen.hide(str(failed))) from None
