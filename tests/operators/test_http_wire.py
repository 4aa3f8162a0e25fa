"""http> on the wire: redirects, proxies, TLS, time, and what cannot be reached (O-141, O-142)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import Certificate, certificate
from tests.operators.doubles import Trial
from tests.web import Asked, Reply, Web, serving

from skydag.errors import ConfigError, TaskError
from skydag.spi import Again
from skydag_operators import _http_wire
from skydag_operators.http_ import Http

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    _http_wire.tls.cache_clear()
    yield
    _http_wire.tls.cache_clear()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture
def secure(made: Certificate) -> Iterator[Web]:
    with serving(made.server()) as web:
        yield web


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def ask(trial: Trial, command: str, **more: Any) -> Any:
    return trial.run(Http(), {"_command": command, "store_content": True, **more}).store["http"]


def to(location: str, status: int = 302) -> Callable[[Asked], Reply]:
    return lambda asked: Reply(status, headers={"Location": location})


# --- redirects -------------------------------------------------------------------------------------------------------

def test_a_redirect_is_followed_and_its_last_answer_counts(web: Web, trial: Trial) -> None:
    assert ask(trial, f"{web.url}/redirect") == {"last_status": 200, "last_content": "landed"}
    assert ask(trial, f"{web.url}/redirect", follow_redirects=False)["last_status"] == 302


@pytest.mark.parametrize(("status", "method", "then", "body"), [
    (301, "POST", "GET", ""), (302, "POST", "GET", ""), (302, "PUT", "PUT", "x"), (303, "PUT", "GET", ""),
    (303, "HEAD", "HEAD", "x"), (307, "POST", "POST", "x"), (308, "POST", "POST", "x"), (301, "DELETE", "DELETE", "x"),
])
def test_what_is_asked_after_a_redirect_follows_from_its_status(web: Web, trial: Trial, status: int, method: str,
                                                               then: str, body: str) -> None:
    web.answers["/x"] = to("text/there", status)
    ask(trial, f"{web.url}/x", method=method, content="x")
    last = web.requests[-1]
    assert (last.path, last.method, last.body) == ("/text/there", then, body)


def test_redirects_end_after_eight_or_as_many_as_a_property_says(web: Web, tmp_path: Path) -> None:
    web.answers["/x"] = to("/x")
    with pytest.raises(TaskError, match="more than 8 redirects"):
        ask(Trial(tmp_path), f"{web.url}/x")
    assert len(web.requests) == 9
    with pytest.raises(TaskError, match="more than 2 redirects"):
        ask(Trial(tmp_path, properties={"config.http.max_redirects": "2"}), f"{web.url}/x")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://h/", "http://h:x/"])
def test_a_redirect_to_something_else_than_http_is_not_followed(web: Web, trial: Trial, location: str) -> None:
    web.answers["/x"] = to(location)
    with pytest.raises(TaskError, match="redirects to what cannot be followed"):
        ask(trial, f"{web.url}/x")


def test_g8_what_is_secret_is_not_sent_on_to_another_host(web: Web, tmp_path: Path) -> None:
    trial = Trial(tmp_path, secrets={"http.authorization": "Bearer xyz", "key": "k"})
    headers = [{"X-Key": "${secret:key}"}, {"X-Plain": "p"}, {"Cookie": "c=1"}]
    with serving() as other:
        web.answers["/x"] = to(f"{other.url}/text/there")
        web.answers["/y"] = to("/text/here")
        ask(trial, f"{web.url}/x", headers=headers)
        ask(trial, f"{web.url}/y", headers=headers)
        (abroad,) = other.requests
    assert abroad.headers["x-plain"] == "p"
    assert {"authorization", "x-key", "cookie"} & abroad.headers.keys() == set()
    assert {"authorization", "x-key", "cookie"} <= web.requests[-1].headers.keys()


# --- TLS -------------------------------------------------------------------------------------------------------------

def test_a_certificate_is_checked_and_the_error_says_what_to_do(secure: Web, trial: Trial) -> None:
    with pytest.raises(TaskError, match=r"certificate of localhost is not trusted: .*SSL_CERT_FILE.*insecure: true"):
        ask(trial, f"{secure.url}/text/ok")
    assert secure.requests == []


def test_insecure_asks_without_looking_at_the_certificate(secure: Web, trial: Trial) -> None:
    assert ask(trial, f"{secure.url}/text/ok", insecure=True)["last_content"] == "ok"


def test_a_certificate_of_ones_own_is_trusted_by_ssl_cert_file(
        secure: Web, trial: Trial, made: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    assert ask(trial, f"{secure.url}/big/60000")["last_content"] == "x" * 60000


def test_https_where_there_is_none_is_said(web: Web, trial: Trial) -> None:
    with pytest.raises(TaskError, match="does not speak TLS on that port; is its address http://"):
        ask(trial, web.url.replace("http://", "https://"))


# --- proxies ---------------------------------------------------------------------------------------------------------

class Tunnels:
    """A proxy that passes bytes on: what it was asked to connect to, and with which authorization."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self.answer = "200 Established"


@contextmanager
def tunnelling(context: ssl.SSLContext | None = None) -> Iterator[Tunnels]:
    proxy = Tunnels()
    listener = socket.create_server(("127.0.0.1", 0))
    proxy.port = listener.getsockname()[1]

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(client,), daemon=True).start()

    def one(client: socket.socket) -> None:
        with ExitStack() as stack, client:
            try:
                near = stack.enter_context(context.wrap_socket(client, server_side=True)) if context else client
                head = b""
                while b"\r\n\r\n" not in head:
                    head += near.recv(4096)
                proxy.asked.append(head.decode())
                near.sendall(f"HTTP/1.1 {proxy.answer}\r\n\r\n".encode())
                host, _, port = head.split()[1].decode().rpartition(":")
                far = stack.enter_context(socket.create_connection((host, int(port))))
                back = threading.Thread(target=pump, args=(far, near), daemon=True)
                back.start()
                pump(near, far)
                back.join(5)
            except OSError:
                pass

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listener.close()


def by(port: int, **more: Any) -> dict[str, Any]:
    return {"enabled": True, "host": "localhost", "port": port, **more}


def port_of(web: Web) -> int:
    return int(web.url.rpartition(":")[2])


def test_a_proxy_gets_the_whole_address(web: Web, trial: Trial) -> None:
    ask(trial, "http://far.example:81/text/ok?a=1", proxy=by(port_of(web)))
    (asked,) = web.requests
    assert (asked.path, asked.query, asked.headers["host"]) == ("/text/ok", "a=1", "far.example:81")


@pytest.mark.parametrize("is_tls_proxy", [False, True])
def test_https_goes_through_the_proxys_tunnel_also_where_that_is_tls_itself(
        secure: Web, trial: Trial, made: Certificate, monkeypatch: pytest.MonkeyPatch, is_tls_proxy: bool) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    with tunnelling(made.server() if is_tls_proxy else None) as proxy:
        found = ask(trial, f"{secure.url}/big/60000", method="POST", content="y" * 300_000,
                    proxy=by(proxy.port, tls=is_tls_proxy))
    assert found["last_content"] == "x" * 60000
    assert secure.requests[0].body == "y" * 300_000
    assert proxy.asked[0].startswith(f"CONNECT localhost:{port_of(secure)} HTTP/1.1\r\n")


def test_a_proxy_that_refuses_is_named(trial: Trial) -> None:
    with tunnelling() as proxy:
        proxy.answer = "407 Who are you"
        with pytest.raises(TaskError, match=r"the proxy localhost:\d+ refuses: 407 Who are you"):
            ask(trial, "https://far.example/", proxy=by(proxy.port))


def test_the_environments_proxy_counts_but_not_for_hosts_without(
        web: Web, trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://me:pw@localhost:{port_of(web)}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    ask(trial, "http://far.example/text/ok")
    ask(trial, f"{web.url}/text/near")
    far, near = web.requests
    assert (far.headers["host"], far.headers["proxy-authorization"]) == ("far.example", "Basic bWU6cHc=")
    assert "proxy-authorization" not in near.headers


def test_the_configurations_proxy_counts_and_may_be_the_only_one(web: Web, tmp_path: Path) -> None:
    shared = {"config.http.proxy.host": "localhost", "config.http.proxy.port": str(port_of(web))}
    ask(Trial(tmp_path, properties=shared), "http://far.example/text/ok")
    assert web.requests[0].headers["host"] == "far.example"
    trial = Trial(tmp_path, properties={**shared, "config.http.allow_user_proxy": "false"})
    with pytest.raises(ConfigError, match="allow_user_proxy"):
        ask(trial, "http://far.example/", proxy=by(1))


def test_a_proxy_that_is_not_enabled_is_none(web: Web, trial: Trial) -> None:
    assert ask(trial, f"{web.url}/text/ok", proxy={"enabled": False, "host": "localhost", "port": 1})


# --- what cannot be reached ------------------------------------------------------------------------------------------

def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_o142_a_refused_connection_is_asked_again_or_fails_as_retry_says(trial: Trial) -> None:
    url = f"http://127.0.0.1:{closed_port()}/"
    with pytest.raises(Again):
        ask(trial, url)
    with pytest.raises(TaskError, match=r"GET http://127.0.0.1:\d+/: 127.0.0.1 port \d+ refused the connection"):
        ask(trial, url, retry=False)


def test_a_host_that_there_is_not_fails_at_once(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TaskError, match=r"there is no host named 'no.such.example'; check the address"):
        ask(trial, "http://no.such.example/")


def test_a_name_service_that_is_away_is_asked_again(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", away)
    with pytest.raises(Again):
        ask(trial, "http://some.example/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]",
                                  "0.0.0.0", "2130706433"])
def test_an_installation_can_keep_tasks_from_its_own_machine(web: Web, tmp_path: Path, host: str) -> None:
    trial = Trial(tmp_path, properties={"config.http.allow_local_addresses": "false"})
    with pytest.raises(TaskError, match="this machine itself or a link-local address"):
        ask(trial, f"http://{host}:{port_of(web)}/text/ok")
    assert web.requests == []


@contextmanager
def speaking(parts: list[bytes], *, pause_s: float = 0.0) -> Iterator[str]:
    """A server that says these parts to whoever asks, and then goes away, or stays silent with a pause."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        try:
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                for part in parts:
                    client.sendall(part)
                    if done.wait(pause_s):
                        return
        except OSError:
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        done.set()
        listener.close()
        thread.join(5)


def test_the_time_limit_holds_for_the_whole_answer_however_slowly_it_drips(
        trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    class Quick(_http_wire.Deadline):
        def __init__(self, after_s: float) -> None:
            super().__init__(after_s / 10)

    monkeypatch.setattr("skydag_operators._http_exchange.Deadline", Quick)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    for parts in ([head, *[b"x"] * 100], [b"H"] * 100):
        with speaking(parts, pause_s=0.03) as url, pytest.raises(TaskError, match="no answer within 1 s"):
            ask(trial, url, timeout=1, retry=False)


@pytest.mark.parametrize("parts", [
    [], [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"], [b"hello\r\n\r\n"],
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"],
    [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"],
])
def test_an_answer_that_breaks_off_or_is_none_is_no_answer(trial: Trial, parts: list[bytes]) -> None:
    with speaking(parts) as url, pytest.raises(TaskError, match=f"GET {url}: "):
        ask(trial, url, retry=False)
    with speaking(parts) as url, pytest.raises(Again):
        ask(trial, url)


@pytest.mark.parametrize("timeout", [0, -1, "soon", 1.0e12])
def test_a_timeout_that_is_none_is_refused(trial: Trial, timeout: Any) -> None:
    with pytest.raises(ConfigError, match="timeout"):
        ask(trial, "http://127.0.0.1:1/", timeout=timeout)


def test_a_timeout_stays_below_what_a_function_may_run_and_the_log_says_so(web: Web, trial: Trial) -> None:
    ask(trial, f"{web.url}/text/ok", timeout=3600)
    assert trial.logged == ["timeout: 3600 s is more than a task may wait here; 840 s are taken"]
