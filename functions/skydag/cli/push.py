"""skydag push <project> (C-43): pack the directory, check every workflow, upload."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skydag.cli.client import remote
from skydag.cli.command import Command
from skydag.cli.config import configuration
from skydag.cli.options import CLIENT, Given, Option
from skydag.cli.output import block
from skydag.cli.project_dir import directory, ignored_codes, sound
from skydag.cli.remote import Remote
from skydag.cli.times import instant, with_offset
from skydag.errors import InvalidError

SENT_BYTES_MAX = 4 * 1024 * 1024


def run(given: Given) -> int:
    name = given.arguments[0]
    revision = given.one("revision")
    if revision is None:
        revision = str(uuid.uuid4())
    elif not revision:
        raise InvalidError("Option --revision takes a name that is not empty")
    text = given.one("schedule-from")
    schedule_from = None if text is None else instant(with_offset(text, "--schedule-from"))
    query = {"project": name, "revision": revision, "schedule_from": schedule_from}
    archive = packed(directory(given), copies_outgoing=given.has("copy-outgoing-symlinks"),
                     ignore=ignored_codes(given, configuration(given)))
    project = sent(remote(given), query, archive)
    print("Uploaded:")
    uploaded(project)
    print(f"* Use `skydag workflows {name}` to show all workflows in the project.", file=sys.stderr)
    return 0


def sent(server: Remote, query: dict[str, Any], archive: bytes) -> Any:
    """The project. What is too large for a request goes to the bucket first, where there is one (F-9)."""
    if len(archive) > SENT_BYTES_MAX:
        sha256 = hashlib.sha256(archive).hexdigest()
        url = server.post("/api/uploads", query={"sha256": sha256})["url"]
        if url is not None:
            server.put_direct(url, archive)
            return server.put("/api/projects", query={**query, "sha256": sha256}, gzip_bytes=b"")
    return server.put("/api/projects", query=query, gzip_bytes=archive)


def packed(path: Path, *, copies_outgoing: bool, ignore: Collection[str] = ()) -> bytes:
    """The archive's bytes; tells what goes in. WorkflowError before anything is sent."""
    from skydag.app.packing import pack

    project = sound(path, ignore)
    with _archive_file() as file:
        print(f"Creating {file}...")
        data = pack(path, on_file=_told, copy_outgoing_symlinks=copies_outgoing)
        file.write_bytes(data)
    if project.workflows:
        print("Workflows:")
        for workflow in project.workflows:
            print(f"  {workflow.file}")
    else:
        print("Workflows:\n  WARNING: This project doesn't include workflows. Usually this is a mistake: "
              "workflows are the .dig files at the top of the project directory")
    return data


def _told(name: str, target: str | None) -> None:
    print(f"  Archiving {name}")
    if target is not None:
        print(f"    symlink -> {target}")


@contextmanager
def _archive_file() -> Iterator[Path]:
    """A new file below .digdag/tmp, gone at the end."""
    folder = Path(".digdag/tmp")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="archive-", suffix=".tar.gz", dir=folder) as file:
        yield Path(file.name)


def uploaded(project: dict[str, Any]) -> None:
    block({
        "id": project["id"],
        "name": project["name"],
        "revision": project["revision"],
        "archive type": project["archiveType"],
        "project created at": project["createdAt"],
        "revision updated at": project["updatedAt"],
    })


COMMAND = Command(
    "push", "<project>", range(1, 2), "Upload a project directory as a new revision.",
    (
        Option(("--project",), "DIR", "the project's directory (default: the current one)"),
        Option(("-r", "--revision"), "NAME", "name of the revision (default: a random UUID)"),
        Option(("--schedule-from",), "TIME", "start schedules from this time: 'yyyy-MM-dd HH:mm:ss Z' or Unix seconds"),
        Option(("--copy-outgoing-symlinks",), None, "pack what links out of the project point to"),
        *CLIENT,
    ),
    run,
)
