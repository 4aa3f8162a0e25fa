"""skydag log <attempt-id> [+task prefix] (C-48): print the log lines, or follow them while the attempt runs."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from skydag.cli.client import remote
from skydag.cli.clock import wait
from skydag.cli.command import Command, id_of
from skydag.cli.config import configuration
from skydag.cli.options import CLIENT, Given, Option
from skydag.cli.remote import Remote
from skydag.errors import UnavailableError

WAIT_S, WAIT_S_MAX = 0.5, 10.0
OPEN = frozenset({"blocked", "ready", "retry_waiting", "group_retry_waiting", "running", "planned"})
_LEVEL = re.compile(r"[0-9: \-+.]*\[([A-Za-z]+)\]")
_HIDDEN = frozenset({"DEBUG", "TRACE"})


def run(given: Given) -> int:
    attempt_id = id_of(given, "attempt")
    prefix = given.arguments[1] if len(given.arguments) > 1 else None
    config = configuration(given)
    printer = Printer(remote(given, config), attempt_id, prefix, is_verbose=given.has("verbose"))
    if not given.has("follow"):
        printer.news(is_last=True)
        return 0
    pause = WAIT_S
    while not printer.is_over():
        pause = WAIT_S if printer.news() else min(pause * 2, WAIT_S_MAX)
        wait(pause)
    printer.news(is_last=True)
    return 0


class Printer:
    """Prints what is new: of every file, what lies behind the part that was printed."""

    def __init__(self, server: Remote, attempt_id: str, prefix: str | None, *, is_verbose: bool) -> None:
        self._server, self._attempt_id, self._prefix, self._is_verbose = server, attempt_id, prefix, is_verbose
        self._printed: dict[str, int] = {}          # characters of each file
        self._sizes: dict[str, int] = {}
        self._is_hidden: dict[str, bool] = {}       # whether a file's last line with a level was left out

    def is_over(self) -> bool:
        """Whether nothing more will come: the attempt is done, or with a prefix every task of that name."""
        path = f"/api/attempts/{self._attempt_id}"
        if self._server.get(path)["done"]:
            return True
        if self._prefix is None:
            return False
        tasks = self._server.get(f"{path}/tasks")["tasks"]
        return not any(task["fullName"].startswith(self._prefix) and task["state"] in OPEN for task in tasks)

    def news(self, *, is_last: bool = False) -> bool:
        """Whether anything was printed. A line without its end waits for the rest, unless this is the last look."""
        query = {"task": self._prefix, "inline": "true",
                 "direct_download": None if self._server.downloads_directly else "false"}
        found = self._server.get(f"/api/logs/{self._attempt_id}/files", query)["files"]
        has_news = False
        for file in in_order(found):
            name = file["fileName"]
            if self._sizes.get(name) == file["fileSize"] and not is_last:
                continue
            self._sizes[name] = file["fileSize"]
            text = unpacked(self._bytes(file)).decode("utf-8", "replace")[self._printed.get(name, 0):]
            whole = text if is_last else text[:text.rfind("\n") + 1]
            self._printed[name] = self._printed.get(name, 0) + len(whole)
            for line in self._shown(name, whole.splitlines()):
                print(line, flush=True)
                has_news = True
        return has_news

    def _bytes(self, file: Mapping[str, Any]) -> bytes:
        if file.get("content") is not None:
            return base64.b64decode(file["content"])
        if file["direct"] is not None and self._server.downloads_directly:
            with suppress(UnavailableError):        # a proxy may forbid it: then by the API
                return self._server.get_direct(file["direct"])
        return self._server.get_bytes(f"/api/logs/{self._attempt_id}/files/{file['fileName']}")

    def _shown(self, name: str, lines: Iterable[str]) -> Iterator[str]:
        """Without lines below INFO, and those that follow them without a level of their own."""
        for line in lines:
            level = _LEVEL.match(line)
            if level:
                self._is_hidden[name] = level[1].upper() in _HIDDEN
            if self._is_verbose or not self._is_hidden.get(name, False):
                yield line


def in_order(files: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Files of one task together, tasks by their first log."""
    known = sorted(files, key=lambda file: (file["fileTime"], file["fileName"]))
    rank: dict[str, int] = {}
    for file in known:
        rank.setdefault(file["taskName"], len(rank))
    return sorted(known, key=lambda file: rank[file["taskName"]])


def unpacked(data: bytes) -> bytes:
    """gzip, several parts in a row; an unexpected end is no error: the task may still be writing (R-67)."""
    out = b""
    while data:
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            out += unpacker.decompress(data)
        except zlib.error:
            return out
        data = unpacker.unused_data
    return out


COMMAND = Command(
    "log", "<attempt-id> [+task]", range(1, 3), "Print the logs of an attempt, or of the tasks whose name starts so.",
    (
        Option(("-v", "--verbose"), None, "debug lines, too"),
        Option(("-f", "--follow"), None, "go on until the attempt is done"),
        *CLIENT,
    ),
    run,
)
