"""Asynchronous calls of Lambda functions with JSON payloads of any size.

A payload that is too large for one call lies in the bucket, and `{"spilled": key}` goes instead; whoever is called gets
the whole by `whole(event, objects)`. The limit is kept at the old 256 KB rather than at 1 MB (A-2): emulators and older
tools still know only that, and what is larger costs one put.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from skydag.aws.client import calling
from skydag.errors import UnavailableError
from skydag.ports import Objects

PAYLOAD_BYTES_MAX = 240 * 1024
SPILLED = "spilled"
FOLDER = "data/jobs/"


class LambdaInvoker:
    """client: a Lambda client. objects: where large payloads lie."""

    def __init__(self, client: Any, objects: Objects, *, folder: str = FOLDER) -> None:
        self._client, self._objects, self._folder = client, objects, folder

    def prepare(self) -> None:
        """Have the client made now, if it is one that is made when first used; threads may share it then."""
        _ = self._client.meta

    def call(self, function: str, payload: Mapping[str, Any]) -> None:
        """Have the function run with this payload; returns once Lambda accepted the call, at least once delivered."""
        data = self._fitting(payload)
        with calling("Lambda"):
            self._client.invoke(FunctionName=function, InvocationType="Event", Payload=data)

    def call_and_wait(self, function: str, payload: Mapping[str, Any]) -> Any:
        """Run the function; what it returned. UnavailableError if it failed."""
        data = self._fitting(payload)
        with calling("Lambda"):
            answer = self._client.invoke(FunctionName=function, InvocationType="RequestResponse", Payload=data)
        if answer.get("FunctionError"):
            why = answer["Payload"].read(1000).decode(errors="replace")
            raise UnavailableError(f"{function} failed: {why}")
        return json.loads(answer["Payload"].read() or b"null")

    def _fitting(self, payload: Mapping[str, Any]) -> bytes:
        data = to_bytes(payload)
        if len(data) > PAYLOAD_BYTES_MAX:
            key = f"{self._folder}{hashlib.sha256(data).hexdigest()}.json"       # a repeat finds the same object
            self._objects.put(key, data, content_type="application/json")
            data = to_bytes({SPILLED: key})
        return data


def whole(event: Mapping[str, Any], objects: Objects) -> Mapping[str, Any]:
    """The payload as it was given to `call`."""
    if event.keys() == {SPILLED}:
        loaded: Mapping[str, Any] = json.loads(objects.get(event[SPILLED]))
        return loaded
    return event


def to_bytes(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()
