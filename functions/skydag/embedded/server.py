"""skydag server: the embedded installation kept running, with its REST API on loopback.

Tasks progress by themselves, schedules fire by the real clock, SIGTERM or Ctrl-C ends it. State lives in memory.
"""

from __future__ import annotations

import errno
import ipaddress
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIEnvironment

import waitress

from skydag import bootstrap
from skydag.api.routes import resolver
from skydag.api.wsgi import WsgiApplication
from skydag.embedded.installation import Installation
from skydag.errors import InvalidError

WORKERS: Final = 8                  # asynchronous calls at once: scripts may take long
_NOTHING_MORE_S: Final = 10         # how long requests under way may take once we were asked to end


def serve(
    port: int = 65432, bind: str = "127.0.0.1", *, parameters: Mapping[str, str] | None = None,
    stop: Event | None = None, ready: Callable[[str], None] | None = None,
) -> int:
    """Serve until SIGTERM, SIGINT, or `stop` is set; 0. parameters: the template's, by name. `ready` gets the address.
    Raises InvalidError: port in use."""
    stop = stop or Event()
    application = _LateApplication()
    server = _listen(application, port, bind)
    if not _is_loopback(bind):
        print(f"warning: {bind} is not loopback, and whoever reaches this port can run commands here", file=sys.stderr)
    try:
        with Installation(clock=bootstrap.system_clock, workers=WORKERS,
                          parameters=parameters) as installation, _signals(stop, installation):
            application.inner = WsgiApplication(resolver(installation.application("Api")))
            thread = Thread(target=server.run, name="skydag-http", daemon=True)
            thread.start()
            (ready or _say)(f"http://{_shown(bind)}:{server.effective_port}")
            installation.serve(stop)
    finally:
        server.task_dispatcher.shutdown(cancel_pending=True, timeout=_NOTHING_MORE_S)
        server.close()
    return 0


def _say(address: str) -> None:
    print(f"skydag server ready on {address}", flush=True)


class _LateApplication:
    """The port is taken first; the application comes when the installation stands."""

    inner: Any = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer: Iterable[bytes] = self.inner(environ, start_response)
        return answer


def _listen(application: Any, port: int, bind: str) -> Any:
    """A WSGI server that listens, not yet answering."""
    try:
        return waitress.create_server(application, host=bind, port=port, threads=WORKERS, ident="skydag")
    except OSError as trouble:
        if trouble.errno == errno.EADDRINUSE:
            raise InvalidError(
                f"port {port} on {bind} is in use; is a server running already? Choose another port with -n") from None
        raise InvalidError(f"cannot listen on {bind} port {port}: {trouble.strerror}") from None


@contextmanager
def _signals(stop: Event, installation: Installation) -> Iterator[None]:
    """SIGTERM and SIGINT end the server, in the main thread (elsewhere signals cannot be caught)."""
    if current_thread() is not main_thread():
        yield
        return

    def end(*_: object) -> None:
        stop.set()
        installation.wake()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_loopback(bind: str) -> bool:
    if bind == "localhost":
        return True
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return False


def _shown(bind: str) -> str:
    return f"[{bind}]" if ":" in bind else bind
