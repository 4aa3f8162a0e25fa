"""What the routes do beyond the goldens: errors in one shape, bodies, compression, redirects."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.api.world import START, Client, World
from tests.goldens.rest_player import archive

from skydag.api import answer
from skydag.api.routes import ROUTES, resolver
from skydag.local.objects import MemoryObjects

CONTEXT: Any = None                         # the routes do not look at Lambda's context
PUSHED = archive({"files": {"w.dig": "+x:\n  echo>: x\n"}})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> Client:
    return Client(world)


def pushed(client: Client, project: str = "p", revision: str = "r1") -> Any:
    target = f"/api/projects?project={project}&revision={revision}"
    return client("PUT", target, {"Content-Type": "application/gzip"}, PUSHED).value


def started(client: Client, **more: Any) -> Any:
    pushed(client)
    workflow_id = client("GET", "/api/workflows").value["workflows"][0]["id"]
    body = {"workflowId": workflow_id, "sessionTime": "2025-01-01T00:00:00Z", "params": {}, **more}
    return client("PUT", "/api/attempts", {"Content-Type": "application/json"}, json.dumps(body).encode()).value


def test_every_list_of_an_empty_installation_is_an_empty_list(client: Client) -> None:
    for name in ("projects", "workflows", "schedules", "sessions", "attempts"):
        assert client("GET", f"/api/{name}").value == {name: []}


@pytest.mark.parametrize(("method", "path", "_"), ROUTES)
def test_every_route_answers_json_about_what_does_not_exist(client: Client, method: str, path: str, _: Any) -> None:
    target = path.replace("<name>", "x")
    for part in ("project_id", "workflow_id", "schedule_id", "session_id", "attempt_id"):
        target = target.replace(f"<{part}>", "77")
    reply = client(method, target, {"Content-Type": "application/json"}, b"" if method != "GET" else None)
    assert reply.status in (200, 400, 404), reply
    if reply.status != 200:
        assert set(reply.value) == {"message", "status"}
        assert reply.value["status"] == reply.status


@pytest.mark.parametrize("path", ["/api/projects/x", "/api/attempts/1e3", "/api/attempts/٣", "/x", "/api/attempts/1/"])
def test_ids_that_are_none_and_unknown_paths_are_404_with_the_body_of_every_error(client: Client, path: str) -> None:
    from urllib.parse import quote

    reply = client("GET", quote(path))
    assert (reply.status, reply.value["status"]) == (404, 404)


def test_a_known_path_asked_by_another_method_is_405_and_names_those_that_work(client: Client) -> None:
    reply = client("DELETE", "/api/attempts")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, PUT")


@pytest.mark.parametrize("query", ["last_id=x", "page_size=1.5", "page_size=101", "page_size=-1", "last_id=١"])
def test_query_values_that_are_none_are_400(client: Client, query: str) -> None:
    assert client("GET", f"/api/attempts?{query}").status == 400


def test_of_a_repeated_query_value_the_first_counts_and_a_plus_is_a_blank(client: Client) -> None:
    pushed(client, "a+b")
    names = [one["name"] for one in client("GET", "/api/projects?name=a+b&name=zz").value["projects"]]
    assert names == ["a b"]                                             # R-10, errata R-1


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b"null", b'{"a": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused_with_a_reason(client: Client, body: bytes) -> None:
    reply = client("PUT", "/api/attempts", {"Content-Type": "application/json"}, body)
    assert reply.status == 400
    assert "body" in reply.value["message"]


def test_a_body_that_is_not_the_gzip_it_claims_to_be_is_refused(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert client("PUT", "/api/attempts", headers, b"{}").status == 400
    assert client("PUT", "/api/attempts", headers, gzip.compress(b"{}")[:-9]).status == 400


def test_an_existing_session_answers_409_with_its_attempt(client: Client) -> None:
    first = started(client)
    again = client("PUT", "/api/attempts", {"Content-Type": "application/json"}, json.dumps({
        "workflowId": first["workflow"]["id"], "sessionTime": "2025-01-01T09:00:00+09:00", "params": {}}).encode())
    assert (again.status, again.value) == (409, first)


def test_a_wrong_content_length_is_refused(world: World) -> None:
    client = Client(world)
    reply = client("PUT", "/api/projects?project=p&revision=r",
                   {"Content-Type": "application/gzip", "Content-Length": str(len(PUSHED) + 1)}, PUSHED)
    assert reply.value == {"message": "Content-Length header doesn't match with uploaded data size", "status": 400}


def test_a_bug_is_a_500_that_names_the_request_and_leaves_its_traceback_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(world.projects, "get", lambda _: 1 / 0)
    with caplog.at_level(logging.ERROR):
        reply = Client(world)("GET", "/api/projects/1")
    assert reply.status == 500
    assert "local-1" in reply.value["message"]
    assert "ZeroDivisionError" in caplog.text
    assert "ZeroDivisionError" not in reply.body.decode()


@dataclass(frozen=True)
class Row:
    id: int = 1_000_001
    full_name: str = "+w"
    parent_id: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    upstreams: tuple[int, ...] = ()
    state: str = "running"
    cancel_requested: bool = False
    export_params: dict[str, Any] = field(default_factory=dict)
    store_params: dict[str, Any] = field(default_factory=dict)
    state_params: dict[str, Any] = field(default_factory=dict)
    updated_at: datetime = START
    retry_at: datetime | None = None
    started_at: datetime | None = None
    error: dict[str, Any] = field(default_factory=dict)
    is_group: bool = False


def test_a_task_has_every_field_and_its_ids_are_texts(world: World, client: Client) -> None:
    attempt = started(client)
    world.rows = [Row(), Row(id=1_000_002, full_name="+w+x", parent_id=1_000_001, upstreams=(1_000_001,))]
    rows = client("GET", f"/api/attempts/{attempt['id']}/tasks").value["tasks"]
    assert rows[1] == {
        "id": "1000002", "fullName": "+w+x", "parentId": "1000001", "config": {}, "upstreams": ["1000001"],
        "state": "running", "cancelRequested": False, "exportParams": {}, "storeParams": {}, "stateParams": {},
        "updatedAt": "2026-01-01T00:00:00Z", "retryAt": None, "startedAt": None, "error": {}, "isGroup": False}
    assert rows[0]["parentId"] is None


def test_answers_are_compressed_where_the_client_accepts_it(world: World, client: Client) -> None:
    attempt = started(client)
    world.rows = [Row(store_params={"text": "x" * 5000})]
    reply = client("GET", f"/api/attempts/{attempt['id']}/tasks", {"Accept-Encoding": "deflate, gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.body) < 500
    assert json.loads(gzip.decompress(reply.body))["tasks"][0]["storeParams"] == {"text": "x" * 5000}
    plain = client("GET", f"/api/attempts/{attempt['id']}/tasks")
    assert "content-encoding" not in plain.headers


def test_an_answer_above_4_mb_is_compressed_though_nobody_asked(world: World, client: Client) -> None:
    attempt = started(client)
    world.rows = [Row(store_params={"text": "x" * answer.PLAIN_BYTES_MAX})]
    reply = client("GET", f"/api/attempts/{attempt['id']}/tasks")
    assert reply.headers["content-encoding"] == "gzip"                  # F-9


class Addressed(MemoryObjects):
    """A bucket whose objects have addresses."""

    def url(self, key: str, *, for_s: int = 600) -> str | None:
        return f"https://bucket/{key}"

    def upload_url(self, key: str, *, for_s: int = 600) -> str | None:
        return f"https://bucket/{key}?put"


def through_gateway(
    world: World, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"",
) -> dict[str, Any]:
    """The answer of the Lambda function behind the HTTP API, of an installation whose stage is `prod`."""
    path, _, query = target.partition("?")
    event = {
        "version": "2.0", "rawPath": f"/prod{path}", "rawQueryString": query, "headers": headers or {},
        "requestContext": {"stage": "prod", "requestId": "r-1", "apiId": "a1b2c3",
                           "http": {"method": method, "path": f"/prod{path}"},
                           "authorizer": {"iam": {"userArn": "arn:aws:iam::1:user/a"}}},
        "isBase64Encoded": bool(body), "body": base64.b64encode(body).decode(),
    }
    return resolver(world).resolve(event, CONTEXT)


def test_an_answer_that_lambda_cannot_carry_comes_from_the_bucket(
    world: World, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answer, "CARRIED_BYTES_MAX", 10)
    bucket = Addressed()
    monkeypatch.setattr(world, "objects", bucket)
    client = Client(world)
    target = f"/api/attempts/{started(client)['id']}/tasks"
    world.rows = [Row(store_params={"text": "x" * 5000})]
    far = through_gateway(world, "GET", target, {"Accept-Encoding": "gzip"})
    assert far["statusCode"] == 303                                     # F-9
    kept = bucket.get(far["headers"]["Location"].removeprefix("https://bucket/"))
    assert json.loads(kept)["tasks"][0]["fullName"] == "+w"
    assert client("GET", target).status == 200                          # the local listener carries everything


def test_a_large_archive_is_put_into_the_bucket_and_then_pushed_by_its_hash(
    world: World, monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = Addressed()
    monkeypatch.setattr(world, "objects", bucket)
    sha256 = hashlib.sha256(PUSHED).hexdigest()
    asked = through_gateway(world, "POST", f"/api/uploads?sha256={sha256}")
    url = json.loads(asked["body"])["url"]
    target = f"/api/projects?project=p&revision=r&sha256={sha256}"
    headers = {"Content-Type": "application/gzip"}
    early = through_gateway(world, "PUT", target, headers)
    assert (early["statusCode"], "Nothing was uploaded" in early["body"]) == (400, True)
    key = url.removeprefix("https://bucket/").removesuffix("?put")
    bucket.put(key, PUSHED[:-1])
    assert through_gateway(world, "PUT", target, headers)["statusCode"] == 400
    bucket.put(key, PUSHED)
    pushed_so = json.loads(through_gateway(world, "PUT", target, headers)["body"])
    assert pushed_so["archiveMd5"] == base64.b64encode(hashlib.md5(PUSHED).digest()).decode()


@pytest.mark.parametrize("sha256", ["", "../x", "A" * 64, "0" * 63])
def test_an_upload_is_asked_for_by_a_hash_and_nothing_else(world: World, sha256: str) -> None:
    assert through_gateway(world, "POST", f"/api/uploads?sha256={sha256}")["statusCode"] == 400


def test_the_local_listener_takes_every_archive_in_the_request(client: Client) -> None:
    assert client("POST", f"/api/uploads?sha256={'0' * 64}").value == {"url": None}


def test_log_files_are_listed_by_prefix_and_read_as_gzip(world: World, client: Client) -> None:
    attempt = started(client)
    for name in ("+w+a", "+w+ab", "+w+b"):
        writer = world.logs.open(int(attempt["id"]), name, 1_000_002, 1, now=START)
        writer.write(f"hello from {name}\n")
        writer.close()
    files = client("GET", f"/api/logs/{attempt['id']}/files?task=%2Bw%2Ba").value["files"]
    assert [file["taskName"] for file in files] == ["+w+a", "+w+ab"]
    assert files[0]["direct"] is None
    from urllib.parse import quote

    reply = client("GET", quote(f"/api/logs/{attempt['id']}/files/{files[0]['fileName']}"))
    assert (reply.headers["content-type"], gzip.decompress(reply.body)) == ("application/gzip", b"hello from +w+a\n")
    assert "content-encoding" not in reply.headers
    encoded = through_gateway(world, "GET", quote(f"/api/logs/{attempt['id']}/files/{files[0]['fileName']}"))
    assert encoded["statusCode"] == 200
    assert client("GET", f"/api/logs/{attempt['id']}/files/none.log.gz").status == 404
    assert client("GET", f"/api/logs/{attempt['id']}/files/..").status == 400


def test_the_log_of_a_task_with_per_cent_signs_in_its_name_is_read_by_that_name(world: World, client: Client) -> None:
    """R-66: for_each> names its tasks after percent-encoded values."""
    attempt = started(client)
    writer = world.logs.open(int(attempt["id"]), "+w^sub+for-0=x=0=%5B1%2C2%5D", 1_000_002, 1, now=START)
    writer.write("hello\n")
    writer.close()
    (file,) = client("GET", f"/api/logs/{attempt['id']}/files").value["files"]
    from urllib.parse import quote

    path = quote(f"/api/logs/{attempt['id']}/files/{file['fileName']}")
    assert gzip.decompress(client("GET", path).body) == b"hello\n"
    assert through_gateway(world, "GET", path)["statusCode"] == 200         # whether it decodes the path or not


def test_healing_is_asked_for_by_a_post_and_answers_with_the_attempt_G_10(world: World, client: Client) -> None:
    attempt = started(client)
    path = f"/api/attempts/{attempt['id']}/heal"
    reply = client("POST", path, {"Content-Type": "application/json"}, b"{}")
    assert (reply.status, reply.value["id"], world.healed) == (200, attempt["id"], [int(attempt["id"])])
    assert client("POST", path, {"Content-Type": "text/plain"}, b"x").status == 400
    assert client("POST", "/api/attempts/999/heal").status == 404
    assert client("GET", path).status == 405


def test_a_second_kill_of_a_running_attempt_succeeds_and_a_finished_one_is_409(world: World, client: Client) -> None:
    attempt = started(client)
    path = f"/api/attempts/{attempt['id']}"
    headers = {"Content-Type": "application/json"}
    assert client("POST", f"{path}/kill", headers, b"{}").value["cancelRequested"] is False     # as it was
    assert client("GET", path).value["cancelRequested"] is True
    assert client("POST", f"{path}/kill").status == 200
    world.attempts.finish(int(attempt["id"]), success=False, now=world.now())
    assert client("POST", f"{path}/kill").status == 409
    assert client("GET", path).value["status"] == "killed"


def test_pages_of_attempts_follow_last_id_downwards(client: Client) -> None:
    for number in range(7):
        started(client, sessionTime=f"2025-01-0{number + 1}T00:00:00Z")
    sizes, last_id = [], ""
    for _ in range(4):
        found = client("GET", f"/api/attempts?page_size=3{last_id}").value["attempts"]
        sizes.append(len(found))
        last_id = f"&last_id={found[-1]['id']}" if found else last_id
    assert sizes == [3, 3, 1, 0]


def test_who_pushed_is_kept_with_the_revision_and_the_stage_is_no_part_of_the_path(world: World) -> None:
    headers = {"Content-Type": "application/gzip"}
    answered = through_gateway(world, "PUT", "/api/projects?project=p&revision=r", headers, PUSHED)
    project_id = json.loads(answered["body"])["id"]
    revisions = Client(world)("GET", f"/api/projects/{project_id}/revisions").value["revisions"]
    assert revisions[0]["userInfo"] == {"arn": "arn:aws:iam::1:user/a"}


def test_times_are_cut_to_seconds_and_shown_in_the_workflows_zone(client: Client) -> None:
    attempt = started(client, sessionTime="2025-01-01T00:00:00.999+09:00")
    assert attempt["sessionTime"] == "2024-12-31T15:00:00+00:00"
    assert datetime.fromisoformat(attempt["createdAt"]).tzinfo == UTC
