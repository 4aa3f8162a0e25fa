"""HTTP API event -> answer (rest-api.md)."""

from __future__ import annotations

import functools
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from skydag.api.routes import resolver
from skydag.bootstrap import from_environment


@functools.cache
def _resolver() -> APIGatewayHttpResolver:
    return resolver(from_environment())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return _resolver().resolve(event, context)
