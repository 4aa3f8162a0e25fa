"""Each minute -> whatever was lost is found: groups, and schedules that nobody woke."""

from __future__ import annotations

from typing import Any

from skydag.app.application import Application
from skydag.bootstrap import from_environment


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> dict[str, Any]:
    groups = application.watch(application.now())
    return {"groups": groups, "schedules": len(application.expand.late(application.now()))}
