"""S3 upload -> a revision of a project."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from skydag.app.application import Application
from skydag.bootstrap import from_environment


def handler(event: dict[str, Any], context: Any) -> None:
    handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> None:
    for record in event["Records"]:
        upload = record["s3"]["object"]
        key = unquote_plus(upload["key"])                       # S3 sends "my+project%2B.tar.gz"
        application.register(key, now=application.now(), size=upload["size"],
                             revision=application.objects.metadata(key).get("revision"))
