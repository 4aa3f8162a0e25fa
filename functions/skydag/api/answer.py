"""What a route gives back, and how it becomes the answer of a Lambda function behind an HTTP API.

Answers above 4 MB come back compressed whether asked for or not, and above what Lambda can carry from the bucket, by a
pre-signed address (F-9).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from skydag.api.request import Request, packed
from skydag.model.records import dataclass, field
from skydag.ports import Objects

JSON = "application/json"
GZIP = "application/gzip"
WORTH_PACKING = 1_400                       # less fits one network packet anyway
PLAIN_BYTES_MAX = 4 * 1024 * 1024
CARRIED_BYTES_MAX = 4_300_000               # in base64 5.7 MB; Lambda carries 6 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int = 200
    value: Any = None                       # JSON data; or
    data: bytes | None = None               # bytes, of the content type
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def see_other(url: str) -> Answer:
    return Answer(status=303, data=b"", headers={"Location": url})


def error(status: int, message: str | None) -> Answer:
    """The one shape of every error (R-12)."""
    return Answer(status=status, value={"message": message, "status": status})


def built(answer: Answer, request: Request, objects: Objects) -> Response[Any]:
    """`objects`: the bucket for answers that are too large to be carried."""
    headers = dict(answer.headers)
    if answer.data is not None:
        return _carried(answer, answer.data, answer.data, headers, None if request.is_local else objects)
    text = dumped(answer.value)
    data = text.encode()
    accepts = "gzip" in request.headers.get("accept-encoding", "").lower()
    if (accepts and len(data) > WORTH_PACKING) or len(data) > PLAIN_BYTES_MAX:
        headers["Content-Encoding"] = "gzip"
        return _carried(answer, packed(data), data, headers, None if request.is_local else objects)
    return Response(status_code=answer.status, content_type=JSON, body=text, headers=headers)


def _carried(
    answer: Answer, data: bytes, plain: bytes, headers: dict[str, str], objects: Objects | None,
) -> Response[Any]:
    """data: as sent; plain: as kept in the bucket, if there is one to turn to."""
    if len(data) > CARRIED_BYTES_MAX and answer.status == 200 and objects is not None:
        url = _stored(plain, answer.kind, objects)
        if url is not None:
            return Response(status_code=303, content_type=JSON, body="", headers={"Location": url})
    return Response(status_code=answer.status, content_type=answer.kind, body=data, headers=headers)


def _stored(data: bytes, kind: str, objects: Objects) -> str | None:
    """The address of an object that holds the answer, None where there are no addresses (then it is carried)."""
    key = f"data/answers/{hashlib.sha256(data).hexdigest()}"
    if objects.url(key) is None:
        return None
    objects.put(key, data, content_type=kind)
    return objects.url(key)


def dumped(value: Any) -> str:
    """Compact JSON; half a surrogate pair (a `\\ud800` in somebody's JSON) stays an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text
