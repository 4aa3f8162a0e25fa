"""The REST client: what it repeats, how it tells errors, what it sends (C-36 .. C-38, R-30, R-79)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from skydag.cli import push
from skydag.cli.client import endpoint, remote
from skydag.cli.log import Printer
from skydag.cli.main import main
from skydag.cli.options import CLIENT, COMMON, read
from skydag.cli.remote import Remote, SessionExists
from skydag.errors import ConflictError, InvalidError, NotFoundError, SkydagError, UnavailableError

Reply = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Gives the prepared replies in turn and keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status, headers, data = self.server.replies.pop(0)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = _answer     # noqa: N815  http.server's names

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    out = Server()
    thread = threading.Thread(target=out.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield out
    out.shutdown()
    out.server_close()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(server: Server, waits: list[float]) -> Remote:
    return Remote(server.url, waiting=waits.append)


OK: Reply = (200, {}, b'{"a": 1}')


def test_a_get_is_repeated_while_the_server_has_trouble_with_growing_waits(
    server: Server, client: Remote, waits: list[float],
) -> None:
    server.replies = [(500, {}, b""), (429, {}, b""), (503, {}, b""), (408, {}, b""), OK]
    assert client.get("/x") == {"a": 1}
    assert waits == [0.1, 0.2, 0.4, 0.8]


def test_after_ten_tries_the_last_answer_is_the_error(server: Server, client: Remote, waits: list[float]) -> None:
    server.replies = [(500, {}, b'{"message":"no","status":500}')] * 10
    with pytest.raises(UnavailableError, match=r'Status code 500: \{"message":"no"'):
        client.get("/x")
    assert len(server.asked) == 10
    assert max(waits) <= 5


def test_a_put_is_never_repeated(server: Server, client: Remote) -> None:
    server.replies = [(500, {}, b"")]
    with pytest.raises(UnavailableError):
        client.put("/x", {})
    assert len(server.asked) == 1


@pytest.mark.parametrize(("status", "kind", "message"), [
    (404, NotFoundError, 'Resource not found: {"status":404}'),
    (409, ConflictError, 'Request conflicted: {"status":409}'),
    (422, InvalidError, 'Invalid option: {"status":422}'),
    (400, InvalidError, 'Status code 400: {"status":400}'),
])
def test_errors_are_told_with_the_body_as_it_came(
    server: Server, client: Remote, status: int, kind: type[SkydagError], message: str,
) -> None:
    server.replies = [(status, {}, json.dumps({"status": status}, separators=(",", ":")).encode())]
    with pytest.raises(kind) as refused:
        client.get("/x")
    assert str(refused.value) == message                                # C-38


def test_a_conflict_that_is_an_attempt_carries_it(server: Server, client: Remote) -> None:
    server.replies = [(409, {}, b'{"id": "3", "sessionId": "2"}')]
    with pytest.raises(SessionExists) as exists:
        client.put("/api/attempts", {})
    assert exists.value.attempt["id"] == "3"


def test_an_installation_that_nobody_answers_for_is_told_at_once(waits: list[float]) -> None:
    with pytest.raises(UnavailableError, match=r"Cannot reach http://127\.0\.0\.1:9: .*`skydag server`"):
        Remote("http://127.0.0.1:9", waiting=waits.append).get("/x")
    assert waits == []


def test_a_redirect_is_followed_without_headers_of_ours(server: Server, waits: list[float]) -> None:
    client = Remote(server.url, headers={"Authorization": "secret", "X-A": "b"}, waiting=waits.append)
    server.replies = [(303, {"Location": f"{server.url}/bucket"}, b""), OK]
    assert client.get("/x") == {"a": 1}
    assert server.asked[0][2]["authorization"] == "secret"
    assert not {"authorization", "x-a"} & set(server.asked[1][2])


def test_a_compressed_answer_is_unpacked(server: Server, client: Remote) -> None:
    server.replies = [(200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"a": "\xc3\xbc"}'))]
    assert client.get("/x") == {"a": "ü"}
    assert server.asked[0][2]["accept-encoding"] == "gzip"


def test_a_query_leaves_out_what_is_not_given_and_encodes_a_plus(server: Server, client: Remote) -> None:
    server.replies = [OK]
    client.get("/api/logs/1/files/+w@1", {"task": "+w+a", "none": None, "n": 0})
    assert server.asked[0][1] == "/api/logs/1/files/%2Bw%401?task=%2Bw%2Ba&n=0"


@pytest.mark.parametrize(("text", "wanted"), [
    ("host", "http://host"), ("host:81", "http://host:81"), ("https://a.b/prod/", "https://a.b/prod"),
    ("https://a.b/prod/api", "https://a.b/prod"), ("http://[::1]:65432", "http://[::1]:65432"),
])
def test_an_endpoint_is_a_host_or_an_address_and_its_path_is_kept(text: str, wanted: str) -> None:
    assert endpoint(text) == wanted                                     # C-36


@pytest.mark.parametrize("text", ["", "http://", "a b", "http://a?b=c"])
def test_an_endpoint_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="--endpoint takes an address"):
        endpoint(text)


def given(*argv: str) -> Remote:
    return remote(read(argv, (*CLIENT, *COMMON)), {})


def test_every_command_asks_first_whether_the_server_knows_this_client(server: Server) -> None:
    server.replies = [(200, {}, b'{"serverVersion": "9", "upgradeRecommended": false, "apiCompatible": false}')]
    with pytest.raises(InvalidError, match="too old for the server"):
        given("-e", server.url)
    assert server.asked[0][1].startswith("/api/version/check?client=")  # C-37
    given("-e", server.url, "--disable-version-check")
    assert len(server.asked) == 1


def test_heal_posts_to_its_attempt_and_says_so(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.replies = [OK]
    assert main(["heal", "12", "-e", server.url, "--disable-version-check"]) == 0
    assert server.asked[0][:2] == ("POST", "/api/attempts/12/heal")
    assert capsys.readouterr().out == "Healing of session attempt 12 requested\n"


def test_basic_auth_and_own_headers_are_sent(server: Server) -> None:
    server.replies = [OK]
    given("-e", server.url, "--basic-auth", "u:p:w", "-H", "X-A=b", "--disable-version-check").get("/x")
    assert server.asked[0][2]["authorization"] == "Basic dTpwOnc="
    assert server.asked[0][2]["x-a"] == "b"


@pytest.mark.parametrize(("argv", "message"), [
    (("--basic-auth", "user"), "--basic-auth takes user:pass"),
    (("--basic-auth", ":p"), "--basic-auth takes user:pass"),
    (("--auth", "magic"), "--auth takes iam, basic or none, not 'magic'"), (("--auth", "basic"), "needs --basic-auth"),
])
def test_credentials_that_are_none_are_refused(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        given("--disable-version-check", *argv)


def test_an_address_of_api_gateway_is_signed_without_being_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
                        "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    gateway = given("-e", "https://abc.execute-api.eu-central-1.amazonaws.com/prod", "--disable-version-check")
    assert gateway._signer is not None
    signed = gateway._signer("GET", "https://abc.execute-api.eu-central-1.amazonaws.com/prod/api/version", {}, None)
    assert "/eu-central-1/execute-api/aws4_request" in signed["Authorization"]
    assert signed["X-Amz-Security-Token"] == "token"
    server.replies = [OK]
    given("-e", server.url, "--auth", "iam", "--disable-version-check").put("/x", {"a": 1})
    sent = server.asked[0][2]
    assert "/eu-west-1/execute-api/aws4_request" in sent["authorization"]
    assert "secret" not in str(sent)


def test_a_large_archive_goes_to_the_bucket_by_a_bare_put_and_is_then_named_by_its_hash(
    server: Server, client: Remote, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(push, "SENT_BYTES_MAX", 10)
    address = json.dumps({"url": f"{server.url}/bucket/key?signature=s"}).encode()
    server.replies = [(200, {}, address), (200, {}, b""), OK]
    archive = b"more than ten bytes"
    assert push.sent(client, {"project": "p", "revision": "r", "schedule_from": None}, archive) == {"a": 1}
    (_, asked, _, _), (method, path, headers, body), (_, pushed, _, empty) = server.asked
    sha256 = hashlib.sha256(archive).hexdigest()
    assert asked == f"/api/uploads?sha256={sha256}"
    assert (method, path, body) == ("PUT", "/bucket/key?signature=s", archive)      # F-9
    assert "authorization" not in headers
    assert (pushed, empty) == (f"/api/projects?project=p&revision=r&sha256={sha256}", b"")


def test_a_large_archive_goes_in_the_request_where_there_is_no_bucket(
    server: Server, client: Remote, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(push, "SENT_BYTES_MAX", 10)
    server.replies = [(200, {}, b'{"url": null}'), OK]
    push.sent(client, {"project": "p"}, b"more than ten bytes")
    assert server.asked[1][3] == b"more than ten bytes"


def log_of(
    server: Server, capsys: pytest.CaptureFixture[str], *, direct: str | None, content: str | None = None,
    verbose: bool = False,
) -> str:
    """What `log 1` prints of one file with these lines; replies beyond the list of files are the caller's."""
    file = {"fileName": "+w+a@1.a.log.gz", "fileSize": 5, "taskName": "+w+a", "fileTime": "2025-01-01T00:00:00Z",
            "agentId": "a", "direct": direct, "content": content}
    server.replies.insert(0, (200, {}, json.dumps({"files": [file]}).encode()))
    Printer(Remote(server.url), "1", None, is_verbose=verbose).news(is_last=True)
    return capsys.readouterr().out


LINES = b"""plain
2025-01-01 00:00:00.000 +0000 [DEBUG] (x) y: hidden
its continuation
2025-01-01 00:00:00.000 +0000 [INFO] (x) y: shown
"""


def test_lines_below_info_and_what_follows_them_are_left_out(
    server: Server, capsys: pytest.CaptureFixture[str],
) -> None:
    server.replies = [(200, {}, gzip.compress(LINES))]
    shown = "plain\n2025-01-01 00:00:00.000 +0000 [INFO] (x) y: shown\n"
    assert log_of(server, capsys, direct=None) == shown                 # C-48
    server.replies = [(200, {}, gzip.compress(LINES))]
    assert log_of(server, capsys, direct=None, verbose=True) == LINES.decode()


def test_a_gzip_that_is_cut_or_of_several_parts_is_read_as_far_as_it_goes(
    server: Server, capsys: pytest.CaptureFixture[str],
) -> None:
    server.replies = [(200, {}, gzip.compress(b"one\n") + gzip.compress(b"two\n") + gzip.compress(b"three\n")[:-10])]
    assert log_of(server, capsys, direct=None).startswith("one\ntwo\n")


def test_a_log_file_whose_address_does_not_answer_is_read_by_the_api(
    server: Server, capsys: pytest.CaptureFixture[str],
) -> None:
    server.replies = [(403, {}, b"denied"), (200, {}, gzip.compress(b"hi\n"))]
    assert log_of(server, capsys, direct=f"{server.url}/bucket/x") == "hi\n"
    assert [path for _, path, _, _ in server.asked] == [
        "/api/logs/1/files?inline=true", "/bucket/x", "/api/logs/1/files/%2Bw%2Ba%401.a.log.gz"]


def test_a_small_log_file_that_came_with_the_list_is_not_asked_for_again(
    server: Server, capsys: pytest.CaptureFixture[str],
) -> None:
    content = base64.b64encode(gzip.compress(b"hi\n")).decode()
    assert log_of(server, capsys, direct=None, content=content) == "hi\n"
    assert len(server.asked) == 1
