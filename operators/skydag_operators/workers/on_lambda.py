"""The function `script`: asynchronous call -> one task of user code. Its report goes to `finish`; a call that fails or
runs out of time is told to `finish` by Lambda itself (on-failure destination)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from skydag.app.application import Application
from skydag.app.script import Script
from skydag.aws.invoke import whole
from skydag_operators.workers import _wiring

REPORT_MS: Final = 15_000       # kept of the function's time for stopping the command and reporting that


@functools.cache
def _script() -> Script:
    """Once per cold start."""
    return _wiring.from_environment("script")


def handler(event: Mapping[str, Any], context: Any) -> None:
    run(event, context, _script())


def handle(event: Mapping[str, Any], context: Any, application: Application) -> None:
    """As the embedded installation calls it."""
    ports = application.ports
    run(event, context, _wiring.script(
        objects=ports.objects, logs=ports.stored_logs, report=ports.dispatch.report,
        ask=ports.dispatch.secrets, now=application.now))


def run(event: Mapping[str, Any], context: Any, script: Script) -> None:
    script(whole(event, script.objects), should_stop=_deadline(context))


def _deadline(context: Any) -> Callable[[], bool | str]:
    """Stops the command while there is time to say why."""
    def should_stop() -> bool | str:
        if context.get_remaining_time_in_millis() > REPORT_MS:
            return False
        return "stopped, because a function may run no longer; with a 'docker:' key the task runs in a container"

    return should_stop
