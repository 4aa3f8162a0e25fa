"""Calls that wait for their end: whoever reports from a container must know that the report was taken."""

from __future__ import annotations

import io
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from skydag.aws.invoke import LambdaInvoker
from skydag.errors import UnavailableError
from skydag.local.objects import MemoryObjects


def called(answer: dict[str, Any], payload: dict[str, Any]) -> MemoryObjects:
    client = boto3.client("lambda", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s")
    objects = MemoryObjects()
    text = b'{"errorMessage": "no table"}'
    with Stubber(client) as stub:
        stub.add_response("invoke", {**answer, "Payload": StreamingBody(io.BytesIO(text), len(text))})
        LambdaInvoker(client, objects, folder="data/results/").call_and_wait("finish", payload)
    return objects


def test_a_call_that_waits_returns_when_the_function_has_run() -> None:
    assert list(called({"StatusCode": 200}, {"run": 1}).list("")) == []


def test_a_function_that_failed_is_unavailable_with_its_words() -> None:
    with pytest.raises(UnavailableError, match=r"finish failed: .*no table"):
        called({"StatusCode": 200, "FunctionError": "Unhandled"}, {"run": 1})


def test_f9_a_large_report_lies_where_user_code_may_write() -> None:
    ((key, size),) = called({"StatusCode": 200}, {"store": "x" * 300_000}).list("")
    assert key.startswith("data/results/")
    assert size > 300_000
