"""One exam, two tables (style.md E-10)."""

from __future__ import annotations

import pytest
from tests.store.dynamo import create_table

from skydag.ports import Table


@pytest.fixture(params=["memory", "dynamodb"])
def table(request: pytest.FixtureRequest) -> Table:
    if request.param == "memory":
        from skydag.local.table import MemoryTable

        return MemoryTable()
    region = request.getfixturevalue("aws")
    from skydag.aws.client import client
    from skydag.aws.table import DynamoTable

    dynamodb = client("dynamodb", region_name=region)
    return DynamoTable(dynamodb, create_table(dynamodb), sleep=lambda seconds: None)
