"""Plays the REST goldens (conformance/rest/README.md) against whatever answers: an application in this process, a
server, a deployment."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from tests.goldens.match import differences, path_value, substituted

SCENARIOS = Path(__file__).parents[1] / "conformance" / "rest"


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str]              # names in lower case
    body: bytes                             # unpacked

    @property
    def value(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


Send = Callable[[str, str, dict[str, str], bytes | None], Reply]        # method, path and query, headers, body


@dataclass(kw_only=True)
class Player:
    send: Send
    pause: Callable[[float], None]
    run: str                                # the random name
    tries: int = 60                         # for steps that wait, a second apart
    variables: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def play(self, scenario: Mapping[str, Any]) -> dict[str, list[str]]:
        """What differs, by step; a step without differences is not named."""
        self.variables = {"run": self.run, "uuid": "5f0d6c9e-2d0a-4b39-8a57-5c1f0b3f7c10"}
        failed: dict[str, list[str]] = {}
        for step in scenario["steps"]:
            found = list(self._step(step))
            if found:
                failed[step["id"]] = found
            if "pause" in step:
                self.pause(step["pause"])
        return failed

    def _step(self, step: Mapping[str, Any]) -> Iterator[str]:
        reply = self._asked(step)
        until = step.get("wait", {}).get("until")
        for _ in range(self.tries if until else 0):
            if not list(self._compared(until, reply)):
                break
            self.pause(1.0)
            reply = self._asked(step)
        for name, path in step.get("capture", {}).items():
            try:
                self.variables[name] = str(path_value(substituted(path, self.variables), reply.value))
            except (KeyError, IndexError, TypeError, StopIteration):
                yield f"nothing to capture at {path}"
        yield from self._compared(step["expect"], reply)

    def _asked(self, step: Mapping[str, Any]) -> Reply:
        headers: dict[str, str] = {}
        body: bytes | None = None
        if "archive" in step:
            body, headers["Content-Type"] = archive(step["archive"]), "application/gzip"
            self.bodies[step["id"]] = body
            self.variables[f"md5.{step['id']}"] = base64.b64encode(hashlib.md5(body).digest()).decode()
        elif "body" in step:
            body, headers["Content-Type"] = json.dumps(self._filled(step["body"])).encode(), "application/json"
        elif "text" in step:
            body, headers["Content-Type"] = self._filled(step["text"]).encode(), "application/json"
        if step.get("gzip_body") and body is not None:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        for name, value in step.get("headers", {}).items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        path = quote(self._filled(step["path"]), safe="/%")
        query = urlencode(self._filled(step.get("query", {})), doseq=True, quote_via=quote)
        return self.send(step["method"], path + (f"?{query}" if query else ""), headers, body)

    def _filled(self, value: Any) -> Any:
        return substituted(value, self.variables)

    def _compared(self, expect: Mapping[str, Any], reply: Reply) -> Iterator[str]:
        if "status" in expect and reply.status != expect["status"]:
            yield f"status: wanted {expect['status']}, found {reply.status}: {reply.body[:300]!r}"
        value = _sorted(reply.value, expect.get("unordered", {}))
        if "json" in expect:
            wanted = _sorted(self._filled(expect["json"]), expect.get("unordered", {}))
            yield from ([] if wanted == "<none>" else differences(wanted, value))
        if "json_contains" in expect:
            wanted = _sorted(self._filled(expect["json_contains"]), expect.get("unordered", {}))
            yield from differences(wanted, value, is_contained=True)
        for text in expect.get("message_has", []):
            if self._filled(text) not in str((value or {}).get("message")):
                yield f"message: wanted {text!r} in {value!r}"
        for name, wanted in self._filled(expect.get("header", {})).items():
            yield from differences(wanted, reply.headers.get(name.lower()), at=name)
        for path, keys in expect.get("key_order", {}).items():
            if list(path_value(path, reply.value)) != keys:
                yield f"{path}: wanted keys in the order {keys}"
        if "same_bytes_as" in expect and reply.body != self.bodies.get(expect["same_bytes_as"]):
            yield f"not the bytes that {expect['same_bytes_as']} sent"
        if "archive_files" in expect and _files(reply.body) != expect["archive_files"]:
            yield "not the files of the archive"
        for text in expect.get("gunzip_has", []):
            if self._filled(text) not in zlib.decompressobj(31).decompress(reply.body).decode():
                yield f"wanted {text!r} in the gzip"


def _sorted(value: Any, unordered: Mapping[str, str]) -> Any:
    for path, key in unordered.items():
        with contextlib.suppress(KeyError, TypeError, AttributeError):      # reported by the comparison
            path_value(path, value).sort(key=lambda one, key=key: str(path_value(f"$.{key}", one)))
    return value


def archive(described: Mapping[str, Any]) -> bytes:
    """{"files": {name: content}} as tar.gz."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:      # the same bytes every time
        for name, content in described["files"].items():
            data, info = b"", tarfile.TarInfo(name)
            match content:
                case str():
                    data = content.encode()
                case {"symlink": target}:
                    info.type, info.linkname = tarfile.SYMTYPE, target
                case {"directory": True}:
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                case {"repeat": [text, times]}:
                    data = (text * times).encode()
                case {"random": size}:
                    data = Random(size).randbytes(size)
                case {"text": text}:
                    data, info.mode = text.encode(), int(content.get("mode", "644"), 8)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()[: described.get("cut")]


def _files(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        return {one.name: file.read().decode() for one in tar if one.isreg() and (file := tar.extractfile(one))}
