"""An installation on memory whose tasks really run, behind the REST API on loopback: for goldens that wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from waitress.server import create_server

from skydag.api.routes import resolver
from skydag.api.wsgi import WsgiApplication
from skydag.bootstrap import SystemChance, system_clock
from skydag.local.objects import MemoryObjects
from skydag.local.secret_store import LocalSecrets
from skydag.local.world import LocalWorld
from skydag.store.logs import ObjectLogs


@contextmanager
def listening(application: WsgiApplication) -> Iterator[str]:
    """The address where it answers."""
    server = create_server(application, host="127.0.0.1", port=0, threads=2)

    def run() -> None:
        with suppress(OSError):             # closing it is how it ends
            server.run()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.task_dispatcher.shutdown()
        server.close()


@contextmanager
def installation(project: Path) -> Iterator[str]:
    """Its address. project: the folder that scripts run in, whatever was pushed."""
    logs = ObjectLogs(MemoryObjects(), agent="test", clock=system_clock)
    world = LocalWorld(project=project, now=system_clock, chance=SystemChance(), logs=logs, secrets=LocalSecrets({}),
                       echo=lambda _: None, threads=4)
    stop = threading.Event()
    pump = threading.Thread(target=_pump, args=(world, stop), daemon=True)
    pump.start()
    try:
        with listening(WsgiApplication(resolver(world.application))) as address:
            yield address
    finally:
        stop.set()
        pump.join(10)
        world.close()


def _pump(world: LocalWorld, stop: threading.Event) -> None:
    while not stop.is_set():
        if not world.step():
            stop.wait(0.005)
