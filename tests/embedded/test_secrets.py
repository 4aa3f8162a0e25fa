"""Secrets of user code in an installation: by name, for the run that names them, and nowhere else (F-7, F-8, G-8)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.embedded.test_journey import House, archive

from skydag.embedded import lambdas as embedded_lambdas
from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation

START = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)
VALUE, OTHER = "correct-horse-battery", 'second "line"\nof-two-lines'
GOT = "sh>: 'test \"$T\" = correct-horse-battery && echo got $T'\n  _env: {T: '${secret:app.token}'}\n"
FILES = {
    "told.dig": f"+sh:\n  {GOT}"
                "+py:\n  py>: m.f\n  _env: {T: '${secret:app.${which}}'}\n"
                "_export: {which: other}\n",
    "named.dig": "+a: {sh>: 'test ${secret:pg.password} = 12345678', _secrets: {pg: app}}\n",
    "box.dig": f"+box:\n  {GOT}  docker: {{image: anything}}\n",
    "none.dig": "+a:\n  sh>: 'true'\n  _env: {T: '${secret:app.none}'}\n",
    "m.py": "import os\ndef f():\n    t = os.environ['T']\n    print(len(t))\n"
            "    print(*(f'<{x}>' for x in t.splitlines()), sep='\\n')\n    raise ValueError(t)\n",
}


@pytest.fixture
def house() -> Iterator[House]:
    with Installation(clock=VirtualClock(START)) as installation:
        house = House(installation)
        house.upload(archive(FILES))
        number = int(house.rest.get("/api/project", name="p")["id"])
        for key, value in {"app.token": VALUE, "app.other": OTHER, "app.password": "12345678"}.items():
            installation.application("Work").ports.secrets.put(number, key, value, version="v1")
        yield house


def everything(house: House) -> str:
    """All items, all objects, and all that tasks printed."""
    installation = house.installation
    found = json.dumps(installation.client("dynamodb").scan(TableName=installation.ref("Table"))["Items"], default=str)
    s3 = installation.client("s3")
    for bucket in ("ProjectBucket", "LogBucket"):
        for entry in s3.list_objects_v2(Bucket=installation.ref(bucket)).get("Contents", []):
            if "/1/" not in entry["Key"] or not entry["Key"].endswith(".tar.gz"):
                body = s3.get_object(Bucket=installation.ref(bucket), Key=entry["Key"])["Body"].read()
                found += body.decode(errors="replace")
    return found


def test_f7_user_code_gets_the_secrets_that_its_task_names_and_they_appear_nowhere(
    house: House, monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []
    plain = embedded_lambdas.Lambdas.call

    def call(self: Any, function: Any, event: Any, request_id: str | None = None) -> Any:
        events.append(json.dumps(event, default=str))
        return plain(self, function, event, request_id)

    monkeypatch.setattr(embedded_lambdas.Lambdas, "call", call)
    attempt = house.start("told")
    house.installation.settle()
    states = house.states(attempt)
    assert (states["+told+sh"], states["+told+py"]) == ("success", "error")
    logs = house.rest.logs(attempt)
    assert logs["+told+sh"] == ["got ***"]
    assert logs["+told+py"][:4] == [f"{len(OTHER)}", "<***>", "<***>", "Task +told+py failed."]
    assert any('"secrets": ["app.token"]' in event for event in events)
    told = "".join(events) + everything(house) + json.dumps(house.rest.get(f"/api/attempts/{attempt}/tasks"))
    for secret in (VALUE, "of-two-lines"):
        assert secret not in told.replace(f'= {VALUE} &&', "")      # the workflow's own text


def test_o45_a_secret_that_is_not_there_fails_its_task_by_name(house: House) -> None:
    attempt = house.start("none")
    house.installation.settle()
    errors = {task["fullName"]: task["error"] for task in house.rest.get(f"/api/attempts/{attempt}/tasks")["tasks"]}
    assert errors["+none+a"]["message"] == "Secret not found for key: 'app.none' (config)"


def test_o47_what_secrets_renames_is_what_the_command_gets(house: House) -> None:
    assert set(house.run("named").values()) == {"success"}


def test_f8_a_container_gets_its_secrets_the_same_way(house: House) -> None:
    attempt = house.start("box")
    house.installation.settle()
    assert house.states(attempt)["+box+box"] == "success"
    assert house.rest.logs(attempt)["+box+box"] == ["got ***"]


@pytest.mark.parametrize(("change", "refused"), [
    ({}, None), ({"token": "guessed"}, "the run is over"), ({"run": 2}, "the run is over"),
    ({"secrets": ["app.other"]}, "the task names other secrets"), ({"path": "/0"}, "the run is over"),
])
def test_f8_finish_answers_the_claims_token_alone_and_only_what_the_task_names(
    house: House, change: Mapping[str, Any], refused: str | None, monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    application = house.installation.application("Finish")
    plain = type(application).secrets_of

    def secrets_of(self: Any, question: Mapping[str, Any]) -> dict[str, Any]:
        asked.append(dict(question))
        answers.append(plain(self, {**question, **change}))
        found: dict[str, Any] = plain(self, question)
        return found

    answers: list[dict[str, Any]] = []
    monkeypatch.setattr(type(application), "secrets_of", secrets_of)
    house.start("box")
    house.installation.settle()
    assert answers == [{"refused": refused} if refused else {"values": {"app.token": VALUE}}]
    assert plain(application, asked[0]) == {"refused": "the run is over"}
