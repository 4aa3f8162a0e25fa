"""Table stream -> engine: every change that wants action, at least once, in order for each partition.

Both mappings of the stream call this handler: the one without a window for what must happen now, and the safety net
with a window of 30 s for what its writer has settled himself.
"""

from __future__ import annotations

from typing import Any

from skydag.app.application import Application
from skydag.app.stream import Record
from skydag.aws.expressions import item_from_wire
from skydag.bootstrap import from_environment


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> dict[str, Any]:
    failed = application.stream(_records(event), application.now())
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def _records(event: dict[str, Any]) -> list[Record]:
    changes = [record["dynamodb"] for record in event["Records"]]
    return [Record(id=change["SequenceNumber"], image=item_from_wire(change["NewImage"]))
            for change in changes if change.get("NewImage")]
