"""Timer queue -> whatever may be due. A message is deleted only when it was looked at (partial batch)."""

from __future__ import annotations

import json
from typing import Any

from skydag.app.application import Application
from skydag.app.log import logger
from skydag.bootstrap import from_environment

LOG = logger(__name__)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> dict[str, Any]:
    failed = []
    for record in event["Records"]:
        try:
            application.timer(json.loads(record["body"]))
        except Exception:
            LOG.exception("a timer failed", extra={"action": "timer_failed", "message_id": record["messageId"]})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
