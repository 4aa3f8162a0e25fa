"""S3 upload -> a revision of a project."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes import S3Event

from skydag.app.application import Application
from skydag.bootstrap import from_environment


def handler(event: dict[str, Any], context: Any) -> None:
    handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> None:
    for record in S3Event(event).records:
        s3 = record.s3
        application.register(s3.get_object.key, now=application.now(), size=s3.get_object.size,
                             revision=application.objects.metadata(s3.get_object.key).get("revision"))
