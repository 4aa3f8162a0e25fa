"""What Ctrl-C, a SIGTERM or a closed terminal does to a local run.

The first ends the run: its commands are ended, what has succeeded is saved, and the user is told how to go on. The
second leaves at once; state files are whole even then.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from skydag.model.records import Protocol

SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
EXIT_CODE: Final = 130


class Stoppable(Protocol):
    def stop(self) -> None:
        """The run ends soon."""

    def leave(self) -> None:
        """Its commands are ended now."""

    @property
    def commands(self) -> int:
        """How many run."""


class Speaking(Protocol):
    def interrupted(self, running: int) -> None: ...


@contextmanager
def leaving_on_signals(world: Stoppable, tell: Speaking) -> Iterator[None]:
    """Within it signals end the run. Only the main thread can say so; elsewhere nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told: list[int] = []

    def handle(number: int, frame: Any) -> None:
        told.append(number)
        if len(told) > 1:
            world.leave()
            os._exit(EXIT_CODE)
        world.stop()
        threading.Thread(target=tell.interrupted, args=(world.commands,), daemon=True).start()

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
