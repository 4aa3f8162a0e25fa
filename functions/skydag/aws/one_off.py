"""One-time schedules of EventBridge Scheduler that delete themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from skydag.aws.client import calling, code
from skydag.errors import UnavailableError

TRIES = 3                           # a schedule may delete itself between our two looks, or appear


class OneOff:
    """Schedules of one group, all with one target. client: a Scheduler client. role: what Scheduler calls it with."""

    def __init__(self, client: Any, *, group: str, role_arn: str, target_arn: str) -> None:
        self._client, self._group, self._role_arn, self._target_arn = client, group, role_arn, target_arn

    def create(self, name: str, at: datetime, text: str) -> None:
        """Send `text` at `at`; where a schedule of that name is, nothing changes."""
        with calling("Scheduler"):
            self._create(name, at, text)

    def replace(self, name: str, at: datetime, text: str) -> None:
        """Send `text` at `at`, whatever a schedule of that name said before."""
        with calling("Scheduler"):
            for _ in range(TRIES):
                if self._create(name, at, text) or self._update(name, at, text):
                    return
        raise UnavailableError(f"Scheduler says of {name} both that it is there and that it is not")

    def delete(self, name: str) -> None:
        with calling("Scheduler"):
            try:
                self._client.delete_schedule(Name=name, GroupName=self._group)
            except ClientError as trouble:
                if code(trouble) != "ResourceNotFoundException":
                    raise

    def _create(self, name: str, at: datetime, text: str) -> bool:
        try:
            self._client.create_schedule(**self._fields(name, at, text))
        except ClientError as trouble:
            if code(trouble) != "ConflictException":
                raise
            return False
        return True

    def _update(self, name: str, at: datetime, text: str) -> bool:
        try:
            self._client.update_schedule(**self._fields(name, at, text))
        except ClientError as trouble:
            if code(trouble) != "ResourceNotFoundException":
                raise
            return False
        return True

    def _fields(self, name: str, at: datetime, text: str) -> Mapping[str, Any]:
        """All of them each time: UpdateSchedule replaces every field (A-61)."""
        return {
            "Name": name, "GroupName": self._group, "State": "ENABLED",
            "ScheduleExpression": f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})", "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"}, "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": self._target_arn, "RoleArn": self._role_arn, "Input": text,
                "RetryPolicy": {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 3600},
            },
        }
