"""A table on moto with the keys, stream and index of template.yaml."""

from __future__ import annotations

from itertools import count
from typing import Any

_numbers = count(1)


def create_table(client: Any) -> str:
    """A fresh table; its name."""
    name = f"table-{next(_numbers)}"
    keys = ("pk", "sk", "due_shard", "due_at")
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        GlobalSecondaryIndexes=[{
            "IndexName": "due", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "due_shard", "KeyType": "HASH"},
                          {"AttributeName": "due_at", "KeyType": "RANGE"}],
        }],
    )
    return name
