"""An HTTP API event in, Lambda's answer out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.world import World

from skydag.handlers import api

EVENTS = Path(__file__).parents[1] / "events"
CONTEXT: Any = None                         # the routes do not look at it


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(api, "from_environment", World)
    api._resolver.cache_clear()
    yield api.handler
    api._resolver.cache_clear()


def test_a_signed_request_is_answered_with_json(handler: Any) -> None:
    event = json.loads((EVENTS / "http_api_start.json").read_text())
    answer = handler(event, CONTEXT)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (404, False)
    assert answer["headers"]["Content-Type"] == "application/json"
    assert json.loads(answer["body"]) == {"message": "Resource does not exist: workflow id=99", "status": 404}


def test_the_application_is_made_once_for_all_events(handler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[World] = []

    def make() -> World:
        made.append(World())
        return made[-1]

    monkeypatch.setattr(api, "from_environment", make)
    event = json.loads((EVENTS / "http_api_start.json").read_text())
    handler(event, CONTEXT)
    handler(event, CONTEXT)
    assert len(made) == 1
