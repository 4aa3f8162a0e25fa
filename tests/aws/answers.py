"""Answers that moto never gives, put before a real client: the request is still built and checked by botocore."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any


def answer_first(client: Any, operation: str, *answers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The next calls of the operation get these answers, those after them go through. The list fills with requests."""
    waiting, seen = list(answers), []

    def answer(params: Mapping[str, Any], **_: Any) -> Any:
        seen.append(params)
        if not waiting:
            return None
        parsed = dict(waiting.pop(0))
        return SimpleNamespace(status_code=400 if "Error" in parsed else 200), {"ResponseMetadata": {}, **parsed}

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"before-call.{service}.{operation}", answer)
    return seen


def error(code: str, **more: Any) -> Mapping[str, Any]:
    return {"Error": {"Code": code, "Message": f"{code} for the test"}, **more}


def lose_answer(client: Any, operation: str, *, times: int = 1) -> None:
    """The operation takes effect, but its answer never comes, so botocore repeats it."""
    left = [times]

    def again(**_: Any) -> int | None:
        if left[0] > 0:
            left[0] -= 1
            return 0
        return None

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"needs-retry.{service}.{operation}", again)
