"""One request, and what its texts mean: ids, numbers, times, JSON (R-2, R-4, R-8 .. R-10, R-14)."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from skydag.errors import InvalidError, NotFoundError
from skydag.model.patterns import pattern
from skydag.model.records import dataclass

BODY_BYTES_MAX = 64 * 1024 * 1024           # unpacked
LOCAL = "local"                             # the apiId of events that the local listener makes
ID_MAX = 2**63 - 1
_ISO = pattern(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2}(:?\d{2})?)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    queries: Mapping[str, list[str]]        # decoded
    headers: Mapping[str, str]              # names in lower case
    body: bytes                             # as sent, still packed if content-encoding says so
    id: str = ""                            # of this request, as the log names it
    user: str | None = None                 # the ARN of whoever signed it
    is_local: bool = False                  # through the local listener: no size limits, and no addresses in a bucket

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> Request:
        """From an HTTP API (payload 2.0) event. Its queryStringParameters joins repeats by commas, so the raw text."""
        context = event["requestContext"]
        iam = (context.get("authorizer") or {}).get("iam") or {}
        body, path, stage = event.get("body") or "", event["rawPath"], context.get("stage", "$default")
        return cls(
            method=context["http"]["method"],
            path=path.removeprefix(f"/{stage}"),
            id=context.get("requestId", ""),
            user=iam.get("userArn"),
            is_local=context.get("apiId") == LOCAL,
            queries=parse_qs(event.get("rawQueryString") or "", keep_blank_values=True),
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        )

    def query(self, name: str) -> str | None:
        """The first of a repeated one (errata R-1)."""
        return self.queries[name][0] if name in self.queries else None

    def needed(self, name: str) -> str:
        value = self.query(name)
        if value is None:
            raise InvalidError(f"{name}= is required")
        return value

    def number(self, name: str) -> int | None:
        value = self.query(name)
        if value is None or value == "":
            return None
        if not re.fullmatch(r"[+-]?\d{1,19}", value, re.ASCII):
            raise InvalidError(f"{name}= must be a whole number, not '{value}'")
        return int(value)

    def is_true(self, name: str) -> bool:
        """R-9: `true` in any case, and `1`."""
        return (self.query(name) or "").lower() in ("true", "1")

    def is_false(self, name: str) -> bool:
        return (self.query(name) or "").lower() in ("false", "0")

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def expect(self, kind: str) -> None:
        """A wrong Content-Type is a 400 (R-12)."""
        if self.kind != kind:
            raise InvalidError(f"Content-Type must be {kind}, not '{self.headers.get('content-type', '')}'")

    def content(self) -> bytes:
        """The body, unpacked (R-8)."""
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding in ("identity", ""):
            return self.body
        if encoding != "gzip":
            raise InvalidError(f"Content-Encoding must be gzip, not '{encoding}'")
        try:
            unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
            out = unpacker.decompress(self.body, BODY_BYTES_MAX)
        except zlib.error as error:
            raise InvalidError(f"The body is not gzip, as Content-Encoding says: {error}") from error
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise InvalidError(f"The body's gzip is cut, or larger than {BODY_BYTES_MAX} bytes when unpacked")
        return out

    def object(self, *, may_be_empty: bool = False) -> dict[str, Any]:
        """The body as a JSON object."""
        self.expect("application/json")
        text = self.content()
        if not text and may_be_empty:
            return {}
        try:
            value = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            reason = "it is empty" if not text else str(error)
            raise InvalidError(f"The body is not JSON: {reason}") from error
        if not isinstance(value, dict):
            raise InvalidError(f"The body must be a JSON object, not {json.dumps(value)[:100]}")
        return value


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def path_id(text: str, kind: str) -> int:
    """An id in a path; whatever is none does not exist (R-14)."""
    if not re.fullmatch(r"-?\d{1,30}", text, re.ASCII):
        raise NotFoundError(f"Resource does not exist: {kind} id={text}")
    number = int(text)
    if not 0 <= number <= ID_MAX:
        raise NotFoundError(f"Resource does not exist: {kind} id={number}")
    return number


def moment(text: object, name: str, *, zone: Any = None) -> datetime:
    """An ISO date-time, cut to seconds. With its offset or `Z`; local times mean `zone` where that is given."""
    if not isinstance(text, str) or not _ISO.fullmatch(text):
        raise InvalidError(f"{name} must be a time like 2025-01-31T00:00:00+09:00, not {json.dumps(text)}")
    try:
        time = datetime.fromisoformat(text).replace(microsecond=0)
        if time.tzinfo is None:
            if zone is None:
                raise InvalidError(f"{name} must have an offset or Z: '{text}'")
            return time.replace(tzinfo=zone)
        time.astimezone(UTC)                # refuses what lies outside the calendar
    except (ValueError, OverflowError) as error:
        raise InvalidError(f"{name} is no time: '{text}' ({error})") from error
    return time


def packed(data: bytes) -> bytes:
    """gzip, the same bytes for the same data."""
    return gzip.compress(data, compresslevel=6, mtime=0)
