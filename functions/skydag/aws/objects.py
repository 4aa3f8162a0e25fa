"""Objects in S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from skydag.aws.client import calling, code
from skydag.errors import NotFoundError

ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})


class S3Objects:
    """ports.Objects over one bucket. prefix: goes before every key, and is taken off again in `list`."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        with calling("S3"):
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=data, ContentType=content_type)

    def get(self, key: str) -> bytes:
        with calling("S3"):
            try:
                body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
            except ClientError as trouble:
                if code(trouble) in ABSENT:
                    raise NotFoundError(f"there is no object {key}") from None
                raise
        return body

    def metadata(self, key: str) -> Mapping[str, str]:
        with calling("S3"):
            try:
                found: Mapping[str, str] = self._client.head_object(
                    Bucket=self._bucket, Key=self._prefix + key).get("Metadata", {})
            except ClientError as trouble:
                if code(trouble) in ABSENT or code(trouble) == "404":
                    return {}
                raise
        return found

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix)
        with calling("S3"):
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self._prefix), entry["Size"]

    def delete(self, key: str) -> None:
        with calling("S3"):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def url(self, key: str, *, for_s: int = 600) -> str | None:
        return self._signed("get_object", key, for_s)

    def upload_url(self, key: str, *, for_s: int = 600) -> str | None:
        return self._signed("put_object", key, for_s)

    def _signed(self, action: str, key: str, for_s: int) -> str:
        address: str = self._client.generate_presigned_url(
            action, Params={"Bucket": self._bucket, "Key": self._prefix + key}, ExpiresIn=for_s)
        return address
