"""Notifications through an SNS topic (S-102)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from skydag.aws.client import calling

SUBJECT_CHARACTERS_MAX = 99         # below 100, one line, no control characters
ATTRIBUTE_CHARACTERS_MAX = 256      # what a filter policy compares
MESSAGE_CHARACTERS_MAX = 40_000     # 256 KB in all, and a character may take four bytes, six when escaped
ATTRIBUTES = ("project_name", "workflow_name", "message")


class TopicAlerts:
    """ports.Alerts. client: an SNS client.

    Subject: the message, cleaned. Body: the notice as JSON, keys in their order. Attributes, for filter policies:
    project_name, workflow_name, message (where not empty), and `id`, the same for every repeat.
    """

    def __init__(self, client: Any, topic_arn: str) -> None:
        self._client, self._topic_arn = client, topic_arn

    def publish(self, notice: Mapping[str, Any], *, stable_id: str) -> None:
        body = dict(notice)
        if len(str(body.get("message", ""))) > MESSAGE_CHARACTERS_MAX:
            body["message"] = str(body["message"])[:MESSAGE_CHARACTERS_MAX] + " … (cut)"
        told = {name: clean(str(notice[name]), ATTRIBUTE_CHARACTERS_MAX) for name in ATTRIBUTES if notice.get(name)}
        told["id"] = stable_id
        subject = clean(str(notice.get("message") or ""), SUBJECT_CHARACTERS_MAX) or "skydag"
        with calling("SNS"):
            self._client.publish(
                TopicArn=self._topic_arn, Subject=subject,
                Message=json.dumps(body, ensure_ascii=False),
                MessageAttributes={name: {"DataType": "String", "StringValue": value}
                                   for name, value in told.items() if value},
            )


def clean(text: str, characters_max: int) -> str:
    """One line without control characters, not longer than that; an ellipsis shows that something is missing."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+", " ", text).strip()
    return line if len(line) <= characters_max else line[:characters_max - 1].rstrip() + "…"
