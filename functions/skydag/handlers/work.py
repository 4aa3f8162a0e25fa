"""Asynchronous call -> run one leaf. A call that fails goes to `finish` by its on-failure destination (A-6)."""

from __future__ import annotations

from typing import Any, Final

from skydag.app.application import Application
from skydag.app.job import Job
from skydag.bootstrap import from_environment

TIME_LEFT_MS_MIN: Final = 60_000        # with less left no further task is taken


def handler(event: dict[str, Any], context: Any) -> None:
    handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> None:
    """The claim's token is the call's own id: whoever reports this call as lost knows it, too."""
    application.work(Job.from_json(application.unspilled(event)), context.aws_request_id,
                     lambda: context.get_remaining_time_in_millis() < TIME_LEFT_MS_MIN)
