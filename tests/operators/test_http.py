"""http> and http_call>: what is sent, what an answer means, what is stored (O-140 .. O-147)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.operators.doubles import Trial
from tests.web import Reply, Web, serving

from skydag.errors import ConfigError, TaskError
from skydag.spi import Again, TaskResult
from skydag_operators.http_ import Http
from skydag_operators.http_call import HttpCall


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def ask(trial: Trial, command: str, **more: Any) -> TaskResult:
    return trial.run(Http(), {"_command": command, **more})


# --- what is sent ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("content", "more", "body", "kind"), [
    ("a text", {}, "a text", "text/plain; charset=utf-8"),
    (1.5, {}, "1.5", "text/plain; charset=utf-8"),
    ("ä", {"content_type": "text/x"}, "ä", "text/x"),
    ("a", {"content_format": "json"}, '"a"', "application/json"),
    ({"a": [1, None, "ä"]}, {}, '{"a":[1,null,"ä"]}', "application/json"),
    ([1, 2], {}, "[1,2]", "application/json"),
    ([1, 2], {"content_type": "application/x-n"}, "[1,2]", "application/x-n"),
    ({"a": 1, "b": "x y&"}, {"content_format": "FORM"}, "a=1&b=x+y%26", "application/x-www-form-urlencoded"),
])
def test_o140_content_is_sent_in_its_format(web: Web, trial: Trial, content: Any, more: Any, body: str, kind: str,
                                            ) -> None:
    ask(trial, f"{web.url}/text/ok", method="post", content=content, **more)
    (asked,) = web.requests
    assert (asked.method, asked.body, asked.headers["content-type"]) == ("POST", body, kind)


def test_o140_the_old_content_type_comes_back_by_a_property(web: Web, tmp_path: Path) -> None:
    ask(Trial(tmp_path, properties={"compat.http_plain_text": "true"}), f"{web.url}/text/ok", method="PUT", content="x")
    assert web.requests[0].headers["content-type"] == "plain/text; charset=utf-8"


@pytest.mark.parametrize(("content", "format_", "named"), [
    ("a", "form", "Invalid content format for scalars: 'form'"),
    ({"a": 1}, "text", "Invalid content format for objects: 'text'"),
    ([1], "form", "Invalid content format for arrays: 'form'"),
    ({"a": {"b": 1}}, "form", "Invalid form content field value"),
    ("a", "xml", "'xml'"),
])
def test_o140_a_value_that_has_no_such_format_is_refused(trial: Trial, content: Any, format_: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        ask(trial, "http://127.0.0.1:1/", content=content, content_format=format_)


@pytest.mark.parametrize(("query", "sent"), [
    ({"a": 1, "b": "x y", "c": None}, "z=0&a=1&b=x+y&c="),
    ('{"a": "ä"}', "z=0&a=%C3%A4"),
    ("a=1&b=%20", "z=0&a=1&b=%20"),
    ("?a=b c", "z=0&a=b%20c"),
])
def test_a_query_is_appended(web: Web, trial: Trial, query: Any, sent: str) -> None:
    ask(trial, f"{web.url}/text/ok?z=0#part", query=query)
    assert web.requests[0].query == sent


def test_headers_are_sent_in_their_order_and_a_content_type_among_them_counts(web: Web, trial: Trial) -> None:
    ask(trial, f"{web.url}/text/ok", method="POST", content="{}",
        headers=[{"X-One": 1}, {"content-type": "a/b"}, {"User-Agent": "me"}, {"Host": "other.example"}])
    headers = web.requests[0].headers
    assert (headers["x-one"], headers["content-type"], headers["user-agent"], headers["host"]) == \
        ("1", "a/b", "me", "other.example")


@pytest.mark.parametrize("headers", [{"X-One": 1}, "X: 1", [{"a": 1, "b": 2}], ["X: 1"], [{"X y": 1}],
                                     [{"X": "a\r\nEvil: 1"}], [{"X": [1]}]])
def test_o140_headers_of_another_shape_are_refused_and_none_can_be_smuggled_in(trial: Trial, headers: Any) -> None:
    with pytest.raises(ConfigError, match=r"headers?|'X'"):
        ask(trial, "http://127.0.0.1:1/", headers=headers)


@pytest.mark.parametrize("url", ["example.com/x", "ftp://u:pw@example.com/x", "http://", "http://u:pw@h:x/", "http:///x",
                                 "http://u:pw@a\r\nb/", "http://[::1/", "/just/a/path"])
def test_an_address_that_is_none_is_shown_without_its_password(trial: Trial, url: str) -> None:
    with pytest.raises(ConfigError, match="Invalid URI") as wrong:
        ask(trial, url)
    assert "pw" not in str(wrong.value)


def test_o13_without_an_address_nothing_is_asked(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="Parameter '_command' is required but not set"):
        trial.run(Http(), {})


def test_an_address_may_hold_blanks_any_letters_and_what_is_escaped_already(web: Web, trial: Trial) -> None:
    ask(trial, f"{web.url}/text/a b%2Fé?q=ü 1")
    assert (web.requests[0].path, web.requests[0].query) == ("/text/a%20b%2F%C3%A9", "q=%C3%BC%201")


# --- secrets ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("secrets", "sent"), [
    ({"http.authorization": "Bearer xyz", "http.user": "u", "http.password": "p"}, "Bearer xyz"),
    ({"http.user": "u", "http.password": "pä"}, "Basic dTpww6Q="),
    ({"http.user": "u"}, "Basic dTo="),
    ({"http.password": "p"}, None),
])
def test_o141_authorization_comes_from_secrets(web: Web, tmp_path: Path, secrets: dict[str, str], sent: str) -> None:
    ask(Trial(tmp_path, secrets=secrets), f"{web.url}/text/ok")
    assert web.requests[0].headers.get("authorization") == sent


def test_the_tasks_own_authorization_wins_and_a_password_in_the_address_is_one(web: Web, tmp_path: Path) -> None:
    trial = Trial(tmp_path, secrets={"http.authorization": "shared"})
    ask(trial, f"{web.url}/text/ok", headers=[{"Authorization": "own"}])
    ask(Trial(tmp_path), f"{web.url.replace('://', '://u:p%40@')}/text/ok")
    assert [asked.headers["authorization"] for asked in web.requests] == ["own", "Basic dTpwQA=="]


def test_o141_the_secret_address_wins_over_the_tasks(web: Web, tmp_path: Path) -> None:
    ask(Trial(tmp_path, secrets={"http.uri": f"{web.url}/text/secret"}), f"{web.url}/text/other")
    assert [asked.path for asked in web.requests] == ["/text/secret"]


def test_o48_secrets_stand_in_address_query_headers_and_content(web: Web, tmp_path: Path) -> None:
    trial = Trial(tmp_path, secrets={"k": "s3 cret", "n": "name"})
    ask(trial, f"{web.url}/text/${{secret:n}}", query={"${secret:n}": "${secret:k}"}, method="POST",
        headers=[{"X-${secret:n}": "${secret:k}"}], content={"${secret:n}": ["${secret:k}"]})
    (asked,) = web.requests
    assert (asked.path, asked.query, asked.headers["x-name"], asked.json) == \
        ("/text/name", "name=s3+cret", "s3 cret", {"name": ["s3 cret"]})


@pytest.mark.parametrize("status", ["404", "500", "429"])
def test_g8_no_secret_is_in_an_error_or_in_the_log_even_if_the_server_says_it(web: Web, tmp_path: Path, status: str,
                                                                             ) -> None:
    secrets = {"k": "s3/cret!", "http.authorization": "Bearer tooken", "http.user": "user1"}
    trial = Trial(tmp_path, secrets=secrets)
    web.answers["/x"] = lambda asked: Reply(int(status), f"{asked.headers} {asked.query} {asked.body}".encode())
    with pytest.raises((TaskError, Again)) as failed:
        ask(trial, f"{web.url}/x", query={"t": "${secret:k}"}, method="POST", content="${secret:k}")
    told = "\n".join([str(failed.value), *trial.logged])
    assert status in told
    assert [value for value in secrets.values() if value in told or value.replace("/", "%2F") in told] == []
    assert "t=***" in told


@pytest.mark.parametrize("tail", ["/status/404", "/status/500", ":1/"])
def test_g8_a_secret_address_is_shown_by_its_scheme_only(web: Web, tmp_path: Path, tail: str) -> None:
    url = f"http://127.0.0.1{tail}" if tail.startswith(":") else web.url + tail
    with pytest.raises(TaskError, match=r"POST http://\*\*\*") as failed:
        ask(Trial(tmp_path, secrets={"http.uri": url}), "ignored", method="POST", query="a=b")
    assert "127.0.0.1" not in str(failed.value)
    assert "/status" not in str(failed.value)


def test_o45_an_unknown_secret_fails_the_task_by_its_name(trial: Trial) -> None:
    with pytest.raises(ConfigError, match=r"Secret not found for key: 'no.such'"):
        ask(trial, "http://127.0.0.1:1/${secret:no.such}")


# --- what an answer means --------------------------------------------------------------------------------------------

def test_o143_the_status_is_stored_and_with_store_content_the_text(web: Web, trial: Trial) -> None:
    plain = ask(trial, f"{web.url}/text/hello")
    assert (plain.store, plain.reset) == ({"http": {"last_status": 200}}, ("http.last_status",))
    full = ask(trial, f"{web.url}/text/hello", store_content=True)
    assert full.store == {"http": {"last_status": 200, "last_content": "hello"}}
    assert full.reset == ("http.last_status", "http.last_content")


def test_o143_a_text_that_is_too_long_is_not_stored_and_the_limit_is_a_property(web: Web, tmp_path: Path) -> None:
    trial = Trial(tmp_path, properties={"config.http.max_stored_response_content_size": "10"})
    assert ask(trial, f"{web.url}/big/10", store_content=True).store["http"]["last_content"] == "x" * 10
    with pytest.raises(TaskError, match="Response content too large: 11 > 10"):
        ask(trial, f"{web.url}/big/11", store_content=True)
    assert ask(trial, f"{web.url}/big/200000").store == {"http": {"last_status": 200}}


@pytest.mark.parametrize(("content", "headers", "text"), [
    ("é".encode("latin-1"), {"Content-Type": "text/plain; charset=ISO-8859-1"}, "é"),
    ("é".encode(), {"Content-Type": "text/plain"}, "é"),
    (b"\xff!", {"Content-Type": "text/plain; charset=no-such"}, "�!"),
    (gzip.compress(b"zipped", mtime=0), {"Content-Encoding": "gzip"}, "zipped"),
    (b"", {"Content-Encoding": "gzip"}, ""),
])
def test_content_is_text_by_its_charset_and_unpacked(web: Web, trial: Trial, content: bytes, headers: dict[str, str],
                                                     text: str) -> None:
    web.answers["/x"] = lambda asked: Reply(200, content, headers)
    assert ask(trial, f"{web.url}/x", store_content=True).store["http"]["last_content"] == text


@pytest.mark.parametrize("status", [200, 204, 299, 300, 304])
def test_o142_2xx_and_3xx_are_success(web: Web, trial: Trial, status: int) -> None:
    web.answers["/x"] = lambda asked: Reply(status)
    assert ask(trial, f"{web.url}/x").store == {"http": {"last_status": status}}


def test_o142_a_client_error_fails_with_method_address_status_and_200_characters(web: Web, trial: Trial) -> None:
    web.answers["/x"] = lambda asked: Reply(404, b"y" * 300)
    with pytest.raises(TaskError) as failed:
        ask(trial, f"{web.url}/x", retry=True)
    assert str(failed.value) == f"HTTP 4XX Client Error: GET {web.url}/x - 404 Not Found: {'y' * 200}"


@pytest.mark.parametrize(("method", "retry", "is_repeated"), [
    ("GET", None, True), ("HEAD", None, True), ("OPTIONS", None, True), ("TRACE", None, True), ("GET", False, False),
    ("POST", None, False), ("PUT", None, False), ("DELETE", None, False), ("PATCH", None, False), ("POST", True, True),
])
def test_o142_a_servers_error_is_asked_again_where_that_is_safe_or_wanted(
        web: Web, trial: Trial, method: str, retry: bool | None, is_repeated: bool) -> None:
    with pytest.raises(Again if is_repeated else TaskError, match=None if is_repeated else "HTTP 5XX Server Error: "):
        ask(trial, f"{web.url}/status/503", method=method, retry=retry)


@pytest.mark.parametrize("status", [408, 429])
def test_o142_408_and_429_are_asked_again_whatever_retry_says(web: Web, trial: Trial, status: int) -> None:
    with pytest.raises(Again):
        ask(trial, f"{web.url}/status/{status}", method="POST", retry=False)


def test_o23_pauses_double_up_to_half_a_minute_and_the_log_says_why(web: Web, trial: Trial) -> None:
    pauses = []
    trial.state = {"retry_count": 2}
    for _ in range(7):
        with pytest.raises(Again) as again:
            ask(trial, f"{web.url}/status/500")
        pauses.append(again.value.after_s)
        trial.state = again.value.state
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert trial.state == {"retry_count": 2, "request": {"retry": 7}}
    assert "500" in trial.logged[0]
    assert "Asked again in 1 s" in trial.logged[0]


# --- http_call> ------------------------------------------------------------------------------------------------------

def call(trial: Trial, web: Web, content: str, kind: str | None, **more: Any) -> TaskResult:
    web.answers["/x"] = lambda asked: Reply(200, content.encode(), {"Content-Type": kind} if kind else {})
    return trial.run(HttpCall(), {"_command": f"{web.url}/x", **more})


@pytest.mark.parametrize(("content", "kind"), [
    ('{\n\t"+a": {"echo>": "${x}"}}', "application/json"),
    ('{"+a":{"echo>":"${x}"}}', "Application/JSON; charset=utf-8"),
    ("+a:\n  echo>: ${x}\n", "application/x-yaml"),
])
def test_o146_the_answer_is_run_as_tasks(web: Web, trial: Trial, content: str, kind: str) -> None:
    result = call(trial, web, content, kind)
    assert (result.subtasks, result.store, result.reset) == ({"+a": {"echo>": "${x}"}}, {}, ())


def test_o145_a_type_can_be_said_where_the_server_says_none_or_another(web: Web, trial: Trial) -> None:
    for kind in (None, "text/html"):
        result = call(trial, web, "+a: {echo>: x}", kind, content_type_override="application/x-yaml")
        assert list(result.subtasks) == ["+a"]
    with pytest.raises(TaskError, match="Content-Type must be set"):
        call(trial, web, "+a: {echo>: x}", None)
    with pytest.raises(TaskError, match=r"Unsupported Content-Type .expected .*: text/html"):
        call(trial, web, "+a: {echo>: x}", "text/html; charset=utf-8")


@pytest.mark.parametrize(("content", "kind", "named"), [
    ("{", "application/json", "not JSON"),
    ("[1]", "application/json", "answer"),
    ('{"echo>": "x"}', "application/json", "echo>"),
    ("+a: {sh>: x, py>: y}", "application/x-yaml", "py>"),
    ("+a: {!include : no.dig}", "application/x-yaml", "no.dig"),
])
def test_o147_an_answer_that_is_no_definition_fails_the_task(web: Web, trial: Trial, content: str, kind: str,
                                                             named: str) -> None:
    with pytest.raises(TaskError, match=named):
        call(trial, web, content, kind)


def test_o146_includes_come_from_the_working_directory(web: Web, trial: Trial) -> None:
    trial.file("sub/part.dig", "echo>: included\n")
    result = call(trial, web, "+a: {!include : part.dig}", "application/x-yaml", _workdir="sub")
    assert result.subtasks == {"+a": {"echo>": "included"}}


def test_o145_the_block_http_gives_defaults_and_the_secret_address_counts_not(web: Web, tmp_path: Path) -> None:
    trial = Trial(tmp_path, secrets={"http.uri": f"{web.url}/other", "http.user": "u"})
    call(trial, web, "+a: {echo>: x}", "application/x-yaml", http={"method": "POST", "content": {"a": 1}})
    (asked,) = web.requests
    assert (asked.method, asked.json, asked.path, asked.headers["authorization"]) == \
        ("POST", {"a": 1}, "/x", "Basic dTo=")


def test_o145_an_answer_too_large_is_refused(web: Web, tmp_path: Path) -> None:
    trial = Trial(tmp_path, properties={"config.http_call.max_response_content_size": "12"})
    with pytest.raises(TaskError, match="Response content too large: 14 > 12"):
        call(trial, web, "+a: {echo>: x}", "application/x-yaml")
