"""Sending a mail by Amazon SES (O-139)."""

from __future__ import annotations

from typing import Final

from skydag.errors import ConfigError, TaskError
from skydag_operators._mail_message import Mail

CONNECT_S: Final = 10
READ_S: Final = 60


def send(mail: Mail) -> None:
    """Raises TaskError. Asked once: who asks again after a lost answer sends a second mail."""
    try:
        import boto3  # only who sends by SES pays for it
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    except ImportError:
        raise ConfigError("transport: ses needs the package boto3") from None
    try:
        once = Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": 1})
        boto3.client("ses", config=once).send_raw_email(
            Source=mail.sender, Destinations=list(mail.recipients), RawMessage={"Data": mail.data})
    except ClientError as refused:
        error = refused.response.get("Error", {})
        raise TaskError(f"Amazon SES refuses the mail: {error.get('Code')}: {error.get('Message')}") from None
    except HTTPClientError as lost:
        raise TaskError(f"Amazon SES was lost; the mail may have been sent all the same: {lost}") from None
    except BotoCoreError as trouble:
        raise TaskError(f"Amazon SES cannot be asked: {trouble}") from None
