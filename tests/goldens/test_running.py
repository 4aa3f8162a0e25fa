"""The goldens whose tasks run: REST and command line against an installation on memory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from tests.goldens import cli_player, rest_player
from tests.goldens.played import CLI_RUNNING, REST_RUNNING, compare
from tests.goldens.running import installation

SHORTER = (("sleep 6", "sleep 1.5"), ("sleep 8", "sleep 1.5"))      # still long enough to be killed while it runs


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    project = tmp_path / "project"
    project.mkdir()
    with installation(project) as address:
        yield address


def send_to(endpoint: str) -> rest_player.Send:
    opener = build_opener(HTTPRedirectHandler())

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> rest_player.Reply:
        if body is not None and "Content-Type" not in headers:
            headers = {**headers, "Content-Type": ""}
        request = Request(endpoint + target, data=body, headers=dict(headers), method=method)
        try:
            answer = opener.open(request, timeout=30)
        except HTTPError as error:
            answer = error
        with answer:
            fields = {name.lower(): value for name, value in answer.headers.items()}
            return rest_player.Reply(status=answer.status, headers=fields, body=answer.read())

    return send


def shorter(text: str) -> Any:
    for long, short in SHORTER:
        text = text.replace(long, short)
    return json.loads(text)


@pytest.mark.parametrize("name", REST_RUNNING)
def test_rest_answers_are_digdags(name: str, endpoint: str) -> None:
    scenario = shorter((rest_player.SCENARIOS / f"{name}.json").read_text())
    player = rest_player.Player(send=send_to(endpoint), pause=lambda seconds: time.sleep(min(seconds, 0.2)), run="runs")
    compare(f"rest/{name}", player.play(scenario))


@pytest.mark.parametrize("name", CLI_RUNNING)
def test_client_commands_behave_as_digdags(name: str, endpoint: str, tmp_path: Path) -> None:
    group = shorter((cli_player.GROUPS / f"{name}.json").read_text())
    compare(f"cli/{name}", cli_player.Player(tmp_path / "cli", "runs", endpoint).play(group))
