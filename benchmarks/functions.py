"""What a Lambda function imports of ours when it starts cold, beyond boto3 and one client."""

from __future__ import annotations

from typing import Final

from benchmarks.measure import Row, python

COLD: Final = """
import importlib, time
import boto3
boto3.client("dynamodb", region_name="eu-central-1")
start = time.perf_counter()
importlib.import_module("skydag.handlers.%s")
from skydag.bootstrap import from_environment
print(time.perf_counter() - start)
"""


def cold_ms(handler: str) -> float:
    return min(float(python("-c", COLD % handler)) for _ in range(7)) * 1e3


ROWS: Final = tuple(Row(name=f"cold start of {handler}, our imports beyond boto3 and a client", unit="ms", limit=60,
                        measure=lambda handler=handler: cold_ms(handler))       # type: ignore[misc]
                    for handler in ("api", "advance", "work"))
