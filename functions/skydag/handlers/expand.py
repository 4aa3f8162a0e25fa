"""EventBridge Scheduler -> sessions, attempts, tasks of one schedule."""

from __future__ import annotations

from typing import Any

from skydag.app.application import Application
from skydag.bootstrap import from_environment


def handler(event: dict[str, Any], context: Any) -> None:
    handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> None:
    application.expand(int(event["schedule_id"]), now=application.now())
