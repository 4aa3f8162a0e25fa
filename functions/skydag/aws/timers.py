"""Timers: the delay of an SQS message up to 15 minutes, beyond that a one-time schedule that sends the message.

Both lead to the same queue. No timer is early; one of more than 15 minutes may be a minute late (A-53).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from skydag.aws.client import calling
from skydag.aws.one_off import OneOff

DELAY_S_MAX = 900


class QueueTimers:
    """ports.Timers. client: an SQS client. later: one-offs whose target is that queue."""

    def __init__(self, client: Any, queue_url: str, later: OneOff) -> None:
        self._client, self._queue_url, self._later = client, queue_url, later

    def set(self, at: datetime, message: Mapping[str, Any], *, now: datetime) -> None:
        text = json.dumps(message, separators=(",", ":"))
        delay_s = max(math.ceil((at - now).total_seconds()), 0)
        if delay_s <= DELAY_S_MAX:
            with calling("SQS"):
                self._client.send_message(QueueUrl=self._queue_url, MessageBody=text, DelaySeconds=delay_s)
            return
        whole = at.replace(microsecond=0) + timedelta(seconds=1 if at.microsecond else 0)
        self._later.create(stable_name(whole, message), whole, text)


def stable_name(at: datetime, message: Mapping[str, Any]) -> str:
    """The same for the same message at the same time, so that setting it again adds nothing."""
    told = json.dumps([at.timestamp(), message], sort_keys=True)
    return f"timer-{hashlib.sha256(told.encode()).hexdigest()[:40]}"
